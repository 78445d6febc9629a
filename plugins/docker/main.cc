#include <drover/serve.h>

#include <cstdlib>
#include <thread>

#include "plugins/docker/docker_driver.h"

int main() {
  drover::docker::DockerDriver::Settings settings;
  for (const char* name : {"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}) {
    if (const char* value = std::getenv(name)) settings.env[name] = value;
  }
  settings.cpus = std::thread::hardware_concurrency();
  drover::docker::DockerDriver driver(settings);
  return drover::serve(driver);
}
