#pragma once

#include "agent/host_facts.h"
#include "agent/server_link.h"
#include "agent/testing/sim_probe.h"
#include "model/proto/session.pb.h"
#include "tests/sim/cluster.h"

/// What one life of a role consists of; a crash destroys its loop first, then the rest.
namespace drover::sim {

/// The way from one agent to the server.
class HostLink final : public agent::ServerLink {
 public:
  HostLink(Cluster& cluster, AgentHost& host, Loop& loop) : cluster_(cluster), host_(host), loop_(loop) {}

  Async<Result<std::unique_ptr<agent::Session>>> dial() override;
  Async<Result<std::unique_ptr<agent::Tunnel>>> open_tunnel() override;
  Async<Result<model::CallResponse>> call(model::CallRequest request) override;
  void use_servers(std::vector<std::string>) override {}

 private:
  Cluster& cluster_;
  AgentHost& host_;
  Loop& loop_;
};

/// A machine of four cores, always the same.
class HostSheet final : public agent::HostFacts {
 public:
  explicit HostSheet(std::string hostname) : hostname_(std::move(hostname)) {}
  Async<agent::HostReport> read() override;
  Async<agent::HostUse> use() override;

 private:
  std::string hostname_;
};

struct AgentHost::Life {
  Life(Cluster& cluster, AgentHost& host, std::uint64_t seed, Log log);

  VirtualLoop loop;
  SeededRandom random;
  agent::SimDrivers drivers;
  agent::MemoryStore store;
  agent::MemoryFiles files;
  HostSheet facts;
  agent::SimProbe probe;
  HostLink link;
  SlowWorkers workers;
  agent::Agent agent;
};

struct Cluster::ServerLife {
  ServerLife(Cluster& cluster, std::uint64_t seed, Log log);

  VirtualLoop loop;
  SeededRandom random;
  server::MemoryJournal journal;
  server::MemorySnapshots snapshots;
  SlowWorkers workers;
  bool serving = false;
  server::Server server;
};

}  // namespace drover::sim
