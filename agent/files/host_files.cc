#include "agent/files/host_files.h"

#include "agent/files/folders.h"
#include "agent/files/write_beneath.h"

namespace drover::agent {

AllocDirs HostFiles::alloc_dirs(const std::string& alloc_id) const { return alloc_dirs_at(alloc_dir_, alloc_id); }

TaskDirs HostFiles::task_dirs(const std::string& alloc_id, const std::string& task) const {
  return task_dirs_at(alloc_dir_, alloc_id, task);
}

Async<Result<AllocDirs>> HostFiles::build_alloc(std::string alloc_id) {
  std::function<Result<AllocDirs>()> work = [dir = alloc_dir_, alloc_id] { return build_alloc_folders(dir, alloc_id); };
  Result<Result<AllocDirs>> done = co_await run_on_pool<Result<AllocDirs>>(workers_, loop_, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<Result<TaskDirs>> HostFiles::build_task(std::string alloc_id, std::string task, std::uint64_t secrets_mb) {
  std::function<Result<TaskDirs>()> work = [dir = alloc_dir_, alloc_id, task, secrets_mb] {
    return build_task_folders(dir, alloc_id, task, secrets_mb);
  };
  Result<Result<TaskDirs>> done = co_await run_on_pool<Result<TaskDirs>>(workers_, loop_, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<Result<void>> HostFiles::write_local(std::string alloc_id, std::string task, std::string path, std::string bytes) {
  const std::string local = task_dirs(alloc_id, task).local;
  std::function<Result<void>()> work = [local, path = std::move(path), bytes = std::move(bytes)] {
    return write_beneath(local, path, bytes);
  };
  Result<Result<void>> done = co_await run_on_pool<Result<void>>(workers_, loop_, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<Result<LogPaths>> HostFiles::open_logs(std::string alloc_id, std::string task, LogLimits limits) {
  DROVER_CO_TRY(check_folder_name(task));
  const std::string folder = alloc_dirs(alloc_id).logs;
  Result<LogPaths> paths = co_await pipes_.add(std::move(alloc_id), std::move(task), folder, limits);
  co_return paths;
}

Async<void> HostFiles::close_logs(std::string alloc_id, std::string task) {
  const Result<void> removed = co_await pipes_.remove(std::move(alloc_id), std::move(task));
  static_cast<void>(removed);  // the collector says itself what it could not move
}

Async<Result<void>> HostFiles::remove_alloc(std::string alloc_id) {
  std::function<Result<void>()> work = [dir = alloc_dir_, alloc_id] { return remove_alloc_folder(dir, alloc_id); };
  Result<Result<void>> done = co_await run_on_pool<Result<void>>(workers_, loop_, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<std::vector<std::string>> HostFiles::list_allocs() {
  std::function<std::vector<std::string>()> work = [dir = alloc_dir_] { return list_alloc_folders(dir); };
  Result<std::vector<std::string>> done =
      co_await run_on_pool<std::vector<std::string>>(workers_, loop_, std::move(work));
  if (!done) co_return std::vector<std::string>();
  co_return std::move(done).value();
}

}  // namespace drover::agent
