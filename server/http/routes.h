#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/client_endpoints.h"
#include "api/metrics.h"
#include "api/route.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "server/server.h"

namespace drover::server {

class EventLog;

/// What the API tells of the agent that serves it.
struct AgentInfo {
  std::string name = "drover";         ///< of this agent; the member is "<name>.<region>"
  std::string server_id;               ///< UUID of the server
  std::string region = "global";
  std::string datacenter = "dc1";
  std::string version = "0.0.0";
  std::string bind_address = "127.0.0.1";
  std::string rpc_address = "127.0.0.1:4647";  ///< advertised: the leader's address
  std::string data_dir;     ///< "" for none; paths of answers begin there
  std::string alloc_dir;
  std::string state_dir;
  std::uint16_t http_port = 4646;
  std::uint16_t rpc_port = 4647;
  std::uint16_t serf_port = 4648;
  Instant started{};        ///< when this process began to serve
  std::size_t scheduler_threads = 1;  ///< how many evaluations are worked on at once
  bool dev_mode = false;
  bool client = false;      ///< this process is a node as well
  bool acl_enabled = false;
  bool prometheus = true;   ///< metrics are given in its format
  /// State of the client role, when there is one: section "client" of agent/self.
  std::function<std::vector<std::pair<std::string, std::string>>()> client_stats;
  /// "" when the client role is well, else why not.
  std::function<std::string()> client_problem;
  /// Figures besides those that the state gives.
  std::function<std::vector<api::Gauge>()> more_gauges;
};

/// What handlers work with. All of it outlives the routes; they run on `loop`, which is the HTTP server's.
struct HttpParts {
  Server& server;
  Loop& loop;
  Random& random;
  api::ClientEndpoints& clients;
  AgentInfo info;
  std::shared_ptr<EventLog> events = nullptr;  ///< null: no event stream
};

/// Every route of a server agent:
///   const auto table = http_routes(parts);
///   api::Api api(table, authorizer, options);
///   http::Server http(loop, [&api](http::Request request) { return api.handle(std::move(request)); }, …);
std::vector<api::Route> http_routes(HttpParts& parts);

}  // namespace drover::server
