#include "cli/server_role.h"

#include <sys/stat.h>

#include <algorithm>

#include "server/journal/disk_snapshots.h"
#include "server/journal/sqlite_journal.h"

namespace drover::cli {

ServerRole::ServerRole() : thread_("server") {}

Result<std::unique_ptr<ServerRole>> ServerRole::start(std::filesystem::path folder, server::ServerConfig config, Log log) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(Code::denied, "make the server's folder {}: {}; choose another data_dir", folder.string(), problem.message());
  chmod(folder.c_str(), 0700);

  auto role = std::unique_ptr<ServerRole>(new ServerRole());
  Loop& loop = role->thread_.loop();
  DROVER_LET(role->journal_, server::SqliteJournal::open(loop, folder));
  role->snapshots_ = std::make_unique<server::DiskSnapshots>(loop, folder);
  role->workers_ = std::make_unique<ThreadWorkers>(std::max(1u, std::thread::hardware_concurrency()));
  role->server_ = std::make_unique<server::Server>(
      server::Server::Parts{loop, role->random_, *role->journal_, *role->snapshots_, *role->workers_, std::move(log)}, std::move(config));
  DROVER_TRY(role->thread_.wait<Result<void>>([&role] { return role->server_->start(); }));
  return role;
}

ServerRole::~ServerRole() {
  if (server_) thread_.wait_void([this] { return server_->stop(); });
}

}  // namespace drover::cli
