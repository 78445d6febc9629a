#include "base/rpc/log.h"

#include <grpc/support/log.h>

#include <atomic>

namespace drover::rpc {
namespace {

std::atomic<void (*)(LogLevel, const char*)> current_sink{nullptr};

void pass_on(gpr_log_func_args* line) {
  const auto sink = current_sink.load();
  if (sink == nullptr) return;
  const LogLevel level = line->severity == GPR_LOG_SEVERITY_ERROR  ? LogLevel::error
                         : line->severity == GPR_LOG_SEVERITY_INFO ? LogLevel::info
                                                                   : LogLevel::debug;
  sink(level, line->message);
}

}  // namespace

void set_log(void (*sink)(LogLevel level, const char* message)) {
  current_sink = sink;
  gpr_set_log_function(pass_on);
}

}  // namespace drover::rpc
