#pragma once

#include <drover/result.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "base/log/log.h"
#include "base/loop/random.h"
#include "base/loop/workers.h"
#include "base/rpc/rpc.h"
#include "cli/role_thread.h"
#include "server/server.h"

namespace drover::server {
class SqliteJournal;
class DiskSnapshots;
class GrpcSessions;
}  // namespace drover::server

namespace drover::cli {

/// The server role with its thread, journal and worker pool. Made and ended by main's thread.
class ServerRole {
 public:
  /// `folder` holds the journal and snapshots; made when missing, mode 0700. Returns when the server answers.
  /// `prepare` is called with the server before it starts.
  static Result<std::unique_ptr<ServerRole>> start(std::filesystem::path folder, server::ServerConfig config, Log log,
                                                   const std::function<void(server::Server&)>& prepare);
  ~ServerRole();  ///< ends the server in order

  /// Takes agents that dial in over gRPC at "host:port"; plain without `tls`.
  Result<void> listen(const std::string& address, std::shared_ptr<const rpc::Tls> tls);

  server::Server& server() { return *server_; }
  Loop& loop() { return thread_.loop(); }
  RoleThread& thread() { return thread_; }

 private:
  ServerRole();

  RoleThread thread_;  // first made, last ended: its loop outlives what lives on it
  RealRandom random_;
  std::unique_ptr<ThreadWorkers> workers_;
  std::unique_ptr<server::SqliteJournal> journal_;
  std::unique_ptr<server::DiskSnapshots> snapshots_;
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<server::GrpcSessions> sessions_;
};

}  // namespace drover::cli
