#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"

namespace drover::agent {

/// Where an allocation lives: <alloc_dir>/<alloc id>.
struct AllocDirs {
  std::string root;
  std::string shared;  ///< <root>/alloc, with data, logs, tmp: NOMAD_ALLOC_DIR
  std::string logs;    ///< <root>/alloc/logs
};

struct TaskDirs {
  std::string root;     ///< <alloc root>/<task>
  std::string local;    ///< NOMAD_TASK_DIR
  std::string secrets;  ///< NOMAD_SECRETS_DIR: tmpfs when the agent may mount, else a folder of mode 0700
  std::string tmp;
};

struct LogLimits {
  std::uint32_t files_max = 10;
  std::uint64_t file_size_max = 10 * 1024 * 1024;
};

/// What a driver is given for a task's output.
struct LogPaths {
  std::string standard_output = "/dev/null";
  std::string standard_error = "/dev/null";
};

/// Folders, mounts and FIFOs of allocations. All calls may be repeated: what is there already is left as it is
/// (after a restart of the agent everything is built "again"). Names of tasks are checked: one path component.
/// Slow work happens elsewhere; called on the agent's loop only.
class TaskFiles {
 public:
  virtual ~TaskFiles() = default;

  virtual AllocDirs alloc_dirs(const std::string& alloc_id) const = 0;
  virtual TaskDirs task_dirs(const std::string& alloc_id, const std::string& task) const = 0;

  virtual Async<Result<AllocDirs>> build_alloc(std::string alloc_id) = 0;
  virtual Async<Result<TaskDirs>> build_task(std::string alloc_id, std::string task, std::uint64_t secrets_mb) = 0;

  /// Writes a file below the task's local folder, with the folders on its way. `denied`: the path leads outside.
  virtual Async<Result<void>> write_local(std::string alloc_id, std::string task, std::string path, std::string bytes) = 0;

  /// Makes the FIFOs, keeps a reader of each open while the task lives, and has the log collector move what arrives
  /// into <task>.stdout.<n> and <task>.stderr.<n>.
  virtual Async<Result<LogPaths>> open_logs(std::string alloc_id, std::string task, LogLimits limits) = 0;
  /// The task will not write any more: waits until what is in the FIFOs has reached the files, and lets go of them.
  virtual Async<void> close_logs(std::string alloc_id, std::string task) = 0;

  /// Takes mounts away and deletes the folder, never through a mount that stays; `unavailable` names what is busy.
  virtual Async<Result<void>> remove_alloc(std::string alloc_id) = 0;
  /// Allocations that have a folder, sorted.
  virtual Async<std::vector<std::string>> list_allocs() = 0;
};

}  // namespace drover::agent
