#pragma once

#include <string>

#include <drover/result.h>

#include "base/process/process_id.h"

namespace drover::agent::logs {

/// The FIFOs of one task, and what keeps them usable: while a read end is open, a writer neither waits for a reader nor
/// dies of SIGPIPE.
struct Fifos {
  Fd folder;       ///< the log folder
  Fd stdout_read;  ///< O_RDONLY | O_NONBLOCK
  Fd stderr_read;
  std::string stdout_path;
  std::string stderr_path;
};

/// Makes `.TASK.stdout.fifo` and `.TASK.stderr.fifo` (0600) in a log folder, or opens those that are there. The folder
/// may belong to the task's user: nothing in it is followed, and what is not a FIFO of our own is replaced.
Result<Fifos> open_fifos(const std::string& log_folder, const std::string& task);

/// Removes them.
Result<void> remove_fifos(const std::string& log_folder, const std::string& task);

}  // namespace drover::agent::logs
