#include "cli/server_role.h"

#include <sys/stat.h>

#include <algorithm>

#include "server/journal/disk_snapshots.h"
#include "model/proto/session.pb.h"
#include "server/journal/sqlite_journal.h"
#include "server/sessions/grpc_sessions.h"

namespace drover::cli {

ServerRole::ServerRole() : thread_("server") {}

Result<std::unique_ptr<ServerRole>> ServerRole::start(std::filesystem::path folder, server::ServerConfig config, Log log,
                                                        const std::function<void(server::Server&)>& prepare) {
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
  prepare(*role->server_);
  DROVER_TRY(role->thread_.wait<Result<void>>([&role] { return role->server_->start(); }));
  return role;
}

Result<void> ServerRole::listen(const std::string& address, std::shared_ptr<const rpc::Tls> tls) {
  server::GrpcSessions::Handlers handlers;
  handlers.session = [this](std::unique_ptr<server::AgentLink> link) { server_->accept(std::move(link)); };
  handlers.tunnel = [this](std::unique_ptr<server::TunnelLink> link) { server_->tunnels().accept(std::move(link)); };
  handlers.call = [this](const model::CallRequest& request) { return server_->answer(request); };
  DROVER_LET(sessions_, server::GrpcSessions::start(thread_.loop(), {.address = address, .tls = std::move(tls)}, std::move(handlers)));
  return {};
}

ServerRole::~ServerRole() {
  if (sessions_) thread_.wait_void([this] { return sessions_->stop(); });
  if (server_) thread_.wait_void([this] { return server_->stop(); });
  sessions_.reset();  // the links of sessions have ended; the loop is still there for what gRPC tells
}

}  // namespace drover::cli
