#include "agent/testing/memory_files.h"

namespace drover::agent {
namespace {

constexpr Duration work_time = std::chrono::microseconds(200);

}  // namespace

AllocDirs MemoryFiles::alloc_dirs(const std::string& alloc_id) const {
  const std::string root = folders_.root + "/" + alloc_id;
  return {root, root + "/alloc", root + "/alloc/logs"};
}

TaskDirs MemoryFiles::task_dirs(const std::string& alloc_id, const std::string& task) const {
  const std::string root = folders_.root + "/" + alloc_id + "/" + task;
  return {root, root + "/local", root + "/secrets", root + "/tmp"};
}

Async<Result<void>> MemoryFiles::work() {
  const bool slept = co_await loop_.sleep(work_time);
  if (!slept) co_return fail(Code::cancelled, "cancelled");
  if (folders_.broken) co_return fail(Code::internal, "mkdir /sim/alloc: read-only file system");
  co_return Result<void>();
}

Async<Result<AllocDirs>> MemoryFiles::build_alloc(std::string alloc_id) {
  DROVER_CO_TRY(co_await work());
  folders_.allocs.insert(alloc_id);
  co_return alloc_dirs(alloc_id);
}

Async<Result<TaskDirs>> MemoryFiles::build_task(std::string alloc_id, std::string task, std::uint64_t) {
  DROVER_CO_TRY(co_await work());
  if (!folders_.allocs.contains(alloc_id)) co_return fail(Code::internal, "the allocation has no folder");
  folders_.tasks.insert(alloc_id + "/" + task);
  co_return task_dirs(alloc_id, task);
}

Async<Result<void>> MemoryFiles::write_local(std::string alloc_id, std::string task, std::string path, std::string bytes) {
  DROVER_CO_TRY(co_await work());
  folders_.files[alloc_id + "/" + task + "/" + path] = std::move(bytes);
  co_return Result<void>();
}

Async<Result<LogPaths>> MemoryFiles::open_logs(std::string alloc_id, std::string task, LogLimits) {
  DROVER_CO_TRY(co_await work());
  folders_.open_logs.insert(alloc_id + "/" + task);
  const std::string logs = alloc_dirs(alloc_id).logs;
  LogPaths paths{logs + "/." + task + ".stdout.fifo", logs + "/." + task + ".stderr.fifo"};
  co_return paths;
}

Async<void> MemoryFiles::close_logs(std::string alloc_id, std::string task) {
  static_cast<void>(co_await loop_.sleep(work_time));
  folders_.open_logs.erase(alloc_id + "/" + task);
}

Async<Result<void>> MemoryFiles::remove_alloc(std::string alloc_id) {
  DROVER_CO_TRY(co_await work());
  folders_.allocs.erase(alloc_id);
  std::erase_if(folders_.tasks, [&alloc_id](const std::string& task) { return task.starts_with(alloc_id + "/"); });
  co_return Result<void>();
}

Async<std::vector<std::string>> MemoryFiles::list_allocs() {
  std::vector<std::string> all(folders_.allocs.begin(), folders_.allocs.end());
  co_return all;
}

}  // namespace drover::agent
