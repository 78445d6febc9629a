#include "tests/sim/cluster_lives.h"

#include "model/proto/session.pb.h"

namespace drover::sim {

namespace {

constexpr Duration dial_patience = 5s;  ///< how long nobody answers before the agent gives up

std::string describe(const model::FromAgent& message) {
  switch (message.kind_case()) {
    case model::FromAgent::kHello: return text("hello: knows up to {}", message.hello().have_index());
    case model::FromAgent::kNode: return "node: " + message.node().status();
    case model::FromAgent::kStatuses: {
      std::string line = text("statuses {}:", message.statuses().sequence());
      for (const model::AllocStatus& each : message.statuses().allocs()) line += text(" {}={}", each.id().substr(0, 8), each.client_status());
      return line;
    }
    case model::FromAgent::kBeat: return "beat";
    case model::FromAgent::KIND_NOT_SET: break;
  }
  return "nothing";
}

std::string describe(const model::ToAgent& message) {
  switch (message.kind_case()) {
    case model::ToAgent::kWelcome: return "welcome";
    case model::ToAgent::kAllocs: {
      std::string line = text("{} at {}:", message.allocs().full() ? "all allocations" : "allocations", message.allocs().index());
      for (const model::Allocation& each : message.allocs().allocs()) line += text(" {}={}", each.id().substr(0, 8), each.desired_status());
      for (const std::string& each : message.allocs().removed()) line += text(" {}=removed", each.substr(0, 8));
      return line;
    }
    case model::ToAgent::kStored: return text("stored {}", message.stored().sequence());
    case model::ToAgent::kOpen: return "open tunnel";
    case model::ToAgent::kBeat: return "beat";
    case model::ToAgent::kRefused: return "refused: " + message.refused().reason();
    case model::ToAgent::KIND_NOT_SET: break;
  }
  return "nothing";
}

agent::Settings settings_of(const AgentHost& host) {
  agent::Settings settings;
  settings.name = host.name;
  settings.version = "0.1.0";
  settings.alloc_dir = "/allocs";
  settings.http_address = "127.0.0.1:4646";
  settings.min_dynamic_port = 20000;
  settings.max_dynamic_port = 20015;  // few, so that they are fought for
  return settings;
}

server::ServerConfig config_of_server() {
  server::ServerConfig config;
  config.failover_ttl = 60s;
  return config;
}

}  // namespace

AgentHost::Life::Life(Cluster& cluster, AgentHost& host, std::uint64_t seed, Log log)
    : loop(cluster.time), random(seed), drivers(loop, host.machine), store(loop, host.disk), files(loop, host.folders), facts(host.name), probe(loop),
      link(cluster, host, loop), workers(loop, seed + 1),
      agent(agent::Parts{loop, random, drivers, store, files, facts, probe, link, workers, std::move(log)}, settings_of(host)) {}

Cluster::ServerLife::ServerLife(Cluster& cluster, std::uint64_t seed, Log log)
    : loop(cluster.time), random(seed), journal(loop, cluster.disk), snapshots(cluster.disk), workers(loop, seed + 1),
      server(server::Server::Parts{loop, random, journal, snapshots, workers, std::move(log)}, config_of_server()) {}

Async<Result<std::unique_ptr<agent::Session>>> HostLink::dial() {
  Net& net = cluster_.net;
  const bool slept = co_await loop_.sleep(net.latency());
  if (!slept) co_return fail(Code::cancelled, "the dial was cancelled");
  if (net.cut(host_.number)) {
    const bool waited = co_await loop_.sleep(dial_patience);
    if (!waited) co_return fail(Code::cancelled, "the dial was cancelled");
    co_return fail(Code::unavailable, "no answer");
  }
  if (cluster_.server() == nullptr) co_return fail(Code::unavailable, "connection refused");

  Cluster::ServerLife& life = *cluster_.server_life_;
  const auto connection = net.connect(host_.number);
  const auto up = std::make_shared<Lane<model::FromAgent>>();
  const auto down = std::make_shared<Lane<model::ToAgent>>();
  connection->drop_all = [up, down] {
    up->parcels.clear();
    down->parcels.clear();
  };
  using AgentEnd = NetEnd<model::FromAgent, model::ToAgent>;
  using ServerEnd = NetEnd<model::ToAgent, model::FromAgent>;
  const AgentEnd::Describe describe_up = [](const model::FromAgent& message) { return describe(message); };
  const ServerEnd::Describe describe_down = [](const model::ToAgent& message) { return describe(message); };
  auto mine = std::make_unique<AgentEnd>(loop_, connection, Side::agent, host_.name, up, down, describe_up);
  auto theirs = std::make_shared<std::unique_ptr<server::AgentLink>>(
      std::make_unique<ServerEnd>(life.loop, connection, Side::server, "to " + host_.name, down, up, describe_down));
  life.loop.post([server = &life.server, theirs] { server->accept(std::move(*theirs)); });
  std::unique_ptr<agent::Session> session = std::move(mine);
  co_return session;
}

Async<Result<std::unique_ptr<agent::Tunnel>>> HostLink::open_tunnel() {
  co_return fail(Code::unavailable, "the simulated net has no tunnels");
}

Async<Result<model::CallResponse>> HostLink::call(model::CallRequest) {
  co_return fail(Code::unavailable, "the simulated net has no calls");
}

Async<agent::HostReport> HostSheet::read() {
  agent::HostReport report;
  for (std::uint32_t i = 0; i < 4; ++i) {
    agent::CpuCoreFacts core;
    core.id = i;
    core.mhz_base = core.mhz_max = core.mhz_guess = 1000;
    report.cores.push_back(core);
  }
  report.memory_bytes = std::uint64_t{4} << 30;
  report.disk_bytes = report.disk_free_bytes = std::uint64_t{100} << 30;
  report.disk_volume = "/dev/sda1";
  agent::InterfaceFacts loopback;
  loopback.device = "lo";
  loopback.loopback = true;
  loopback.addresses.push_back({"ipv4", "127.0.0.1", ""});
  report.interfaces.push_back(loopback);
  report.attributes = {{"cpu.arch", "amd64"}, {"kernel.name", "linux"}, {"os.name", "debian"}, {"unique.hostname", hostname_}};
  report.hostname = hostname_;
  co_return report;
}

Async<agent::HostUse> HostSheet::use() { co_return agent::HostUse{}; }

}  // namespace drover::sim
