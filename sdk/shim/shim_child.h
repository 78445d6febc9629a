#pragma once

#include "sdk/shim/protocol.h"
#include "sdk/shim/shim_spec.h"

namespace drover::sdk::shim {

/// What the new process needs of its parent, opened before it was born.
struct Birth {
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int error_pipe = -1;        ///< close-on-exec: gets a Failure, or closes when the program runs
  const char* oom_score_adj = "0";
};

struct Failure {
  Stage stage;
  int error;
};

/// In the new process: puts it in its place and executes the program. Never returns.
[[noreturn]] void become_task(const Spec& spec, const Birth& birth);

}  // namespace drover::sdk::shim
