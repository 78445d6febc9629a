#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "base/loop/start.h"
#include "base/loop/workers.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/commands/command.h"
#include "server/journal/memory_journal.h"
#include "server/proto/command.pb.h"
#include "server/server.h"
#include "server/state/bytes.h"

// Not a test of behaviour: how fast, and how large. Run by name with the tag [bench].
namespace drover::server {
namespace {

constexpr int nodes = 5000;
constexpr int jobs = 1000;
constexpr int count = 1000;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Resident memory of this process.
double resident_mb() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

model::Node node_number(Random& random, int n) {
  model::Node node;
  node.set_id(to_text(random.uuid()));
  node.set_name("n" + std::to_string(n));
  node.set_datacenter("dc1");
  (*node.mutable_attributes())["kernel.name"] = "linux";
  (*node.mutable_attributes())["driver.mock"] = "1";
  node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(25000);
  node.mutable_node_resources()->mutable_memory()->set_memory_mb(25000);
  node.mutable_node_resources()->mutable_disk()->set_disk_mb(10000000);
  return node;
}

std::shared_ptr<const model::Job> job_number(int n) {
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id("job-" + std::to_string(n));
  job->set_type("service");
  job->add_datacenters("*");
  auto* group = job->add_task_groups();
  group->set_name("g");
  group->set_count(count);
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("mock");
  task->mutable_resources()->set_cpu(100);
  task->mutable_resources()->set_memory_mb(100);
  return job;
}

}  // namespace

TEST_CASE("a million allocations of 1,000 jobs on 5,000 nodes", "[.bench]") {
  VirtualTime time;
  VirtualLoop loop(time);
  SeededRandom random(4);
  MemoryDisk disk;
  MemoryJournal journal(loop, disk);
  MemorySnapshots snapshots(disk);
  LoopWorkers workers(loop);
  ServerConfig config;
  config.failover_ttl = std::chrono::hours(1000);
  // The nodes come from the journal: no agent is needed to have them.
  State state;
  for (int n = 0; n < nodes; ++n) {
    const Deciding deciding{state, state.index() + 1, loop.now(), random, config};
    auto node = std::make_shared<const model::Node>(node_number(random, n));
    auto decided = decide(RegisterNode{.node = node, .secret_id = "s"}, deciding);
    REQUIRE(decided.ok());
    REQUIRE(apply(state, *decided->command, deciding.index).ok());
    disk.store({to_bytes(*decided->command)});
  }
  Server server(Server::Parts{loop, random, journal, snapshots, workers}, config);
  REQUIRE(run<Result<void>>(time, loop, server.start()).ok());
  const double before_mb = resident_mb();
  std::size_t journal_before = 0;
  for (const auto& record : disk.records) journal_before += record.size();

  const auto start = std::chrono::steady_clock::now();
  for (int n = 0; n < jobs; ++n) REQUIRE(run<Result<JobRegistered>>(time, loop, server.register_job(RegisterJob{.job = job_number(n)})).ok());
  REQUIRE(time.run_until([&] { return server.snapshot()->alloc_count() == static_cast<std::size_t>(jobs) * count; }, std::chrono::hours(1)));
  const double took = seconds_since(start);

  std::size_t journal_after = 0;
  for (const auto& record : disk.records) journal_after += record.size();
  const double state_mb = resident_mb() - before_mb - static_cast<double>(journal_after - journal_before) / 1e6;
  std::printf("%d allocations placed and committed in %.2f s; journal %.0f bytes each; state %.0f bytes each\n", jobs * count, took,
              static_cast<double>(journal_after - journal_before) / (jobs * count), state_mb * 1e6 / (jobs * count));
  run(time, loop, server.stop());
}

}  // namespace drover::server
