#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/files/task_files.h"
#include "base/loop/loop.h"
#include "base/loop/workers.h"

namespace drover::agent {

/// Who moves the output of tasks into files (drover-logs, through agent/logs): main connects the two.
struct LogPipes {
  std::function<Async<Result<LogPaths>>(std::string alloc_id, std::string task, std::string log_folder,
                                        LogLimits limits)>
      add;
  std::function<Async<Result<void>>(std::string alloc_id, std::string task)> remove;
};

/// TaskFiles on the real disk. Folders are made and deleted on the workers.
class HostFiles final : public TaskFiles {
 public:
  HostFiles(Loop& loop, Workers& workers, std::string alloc_dir, LogPipes pipes)
      : loop_(loop), workers_(workers), alloc_dir_(std::move(alloc_dir)), pipes_(std::move(pipes)) {}

  AllocDirs alloc_dirs(const std::string& alloc_id) const override;
  TaskDirs task_dirs(const std::string& alloc_id, const std::string& task) const override;
  Async<Result<AllocDirs>> build_alloc(std::string alloc_id) override;
  Async<Result<TaskDirs>> build_task(std::string alloc_id, std::string task, std::uint64_t secrets_mb) override;
  Async<Result<void>> write_local(std::string alloc_id, std::string task, std::string path, std::string bytes) override;
  Async<Result<LogPaths>> open_logs(std::string alloc_id, std::string task, LogLimits limits) override;
  Async<void> close_logs(std::string alloc_id, std::string task) override;
  Async<Result<void>> remove_alloc(std::string alloc_id) override;
  Async<std::vector<std::string>> list_allocs() override;

 private:
  Loop& loop_;
  Workers& workers_;
  const std::string alloc_dir_;
  LogPipes pipes_;
};

}  // namespace drover::agent
