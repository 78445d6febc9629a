#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/testing/memory_files.h"
#include "agent/testing/memory_store.h"
#include "agent/testing/sim_drivers.h"
#include "base/log/log.h"
#include "base/loop/scope.h"
#include "base/loop/virtual_loop.h"
#include "base/loop/workers.h"
#include "server/journal/memory_journal.h"
#include "server/server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/ledger.h"
#include "tests/sim/net.h"
#include "tests/sim/trace.h"

namespace drover::sim {

struct ClusterOptions {
  std::uint64_t seed = 1;
  std::size_t agents = 5;
};

/// Scheduler passes take a while, so that snapshots get old; on the server's loop, in no thread.
class SlowWorkers final : public Workers {
 public:
  SlowWorkers(Loop& loop, std::uint64_t seed) : loop_(loop), random_(seed) {}
  Result<void> submit(std::function<void()> job) override;

 private:
  Loop& loop_;
  SeededRandom random_;
};

/// A machine with an agent on it. The machine, its tasks and its disk go on when the agent crashes.
struct AgentHost {
  struct Life;

  AgentHost(VirtualTime& time, std::size_t its_number);
  ~AgentHost();

  std::size_t number;
  std::string name;  ///< "agent-1"
  agent::SimMachine machine;
  agent::MemoryDisk disk;
  agent::MemoryFolders folders;
  std::unique_ptr<Life> life;  ///< null while the agent is down
  std::uint64_t lives = 0;
};

/// One server, its agents and a client, in one thread on virtual time, all from one seed.
class Cluster {
 public:
  explicit Cluster(ClusterOptions options);
  ~Cluster();

  VirtualTime time;
  Trace trace{time};
  Net net;
  Ledger ledger;
  server::MemoryDisk disk;
  std::vector<std::unique_ptr<AgentHost>> hosts;

  /// Null while it is down, or has not yet read its journal.
  server::Server* server() const;
  bool server_up() const { return server_life_ != nullptr; }
  void start_server();
  void crash_server();
  void start_agent(AgentHost& host);
  void crash_agent(AgentHost& host);
  /// The agent crashes and all tasks of its machine end.
  void reboot(AgentHost& host);

  // Requests of the client, which go on by themselves.
  void register_job(const JobPlan& plan);
  void deregister_job(const std::string& id);
  void stop_alloc(Uuid alloc);
  void set_eligibility(Uuid node, bool eligible);
  /// A drain begins that lasts so long at most, or (without a deadline) ends.
  void drain(Uuid node, std::optional<Duration> deadline);
  void collect_garbage();
  bool garbage_was_asked() const { return garbage_asked_; }

  /// Sentences about what went wrong; the run ends with the first.
  std::vector<std::string> violations;
  void violate(std::string what);

 private:
  struct ServerLife;
  friend class HostLink;
  Async<void> bring_up_server();
  Async<void> bring_up_agent(AgentHost& host);
  Async<void> send_registration(std::string id, std::shared_ptr<const model::Job> job);
  Async<void> send_deregistration(std::string id);
  Async<void> send_stop_alloc(Uuid alloc);
  Async<void> send_eligibility(Uuid node, bool eligible);
  Async<void> send_drain(Uuid node, std::optional<Duration> deadline);
  Async<void> send_collect_garbage();
  bool garbage_asked_ = false;
  void settle(const std::string& job, bool ok, const Error* error);
  Log log_of(const std::string& actor);

  ClusterOptions options_;
  SeededRandom random_;
  std::vector<std::shared_ptr<void>> listeners_;
  std::unique_ptr<ServerLife> server_life_;
  std::uint64_t server_lives_ = 0;
  VirtualLoop client_loop_{time};
  Scope client_{client_loop_};
};

}  // namespace drover::sim
