#include <cstdlib>

#include <drover/serve.h>

#include "plugins/raw_exec/raw_exec.h"

int main() {
  drover::raw_exec::RawExecDriver::Settings settings;
  const char* path = std::getenv("PATH");
  settings.path = path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  drover::raw_exec::RawExecDriver driver(settings);
  return drover::serve(driver);
}
