#pragma once

#include <map>
#include <set>
#include <string>

#include "agent/files/task_files.h"
#include "base/loop/loop.h"

namespace drover::agent {

/// What folders there are on a simulated machine.
struct MemoryFolders {
  std::string root = "/sim/alloc";
  std::set<std::string> allocs;
  std::set<std::string> tasks;      ///< "<alloc id>/<task>"
  std::set<std::string> open_logs;  ///< the same
  std::map<std::string, std::string> files;  ///< by "<alloc id>/<task>/<path>"
  bool broken = false;              ///< every call fails
};

class MemoryFiles final : public TaskFiles {
 public:
  MemoryFiles(Loop& loop, MemoryFolders& folders) : loop_(loop), folders_(folders) {}

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
  Async<Result<void>> work();

  Loop& loop_;
  MemoryFolders& folders_;
};

}  // namespace drover::agent
