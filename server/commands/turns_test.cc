#include "server/commands/turns.h"

#include <catch2/catch.hpp>

#include "base/loop/start.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"
#include "server/journal/memory_journal.h"
#include "server/state/serialize.h"

namespace drover::server {
namespace {

std::shared_ptr<const model::Job> job_named(const std::string& id, std::int64_t count = 1) {
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id(id);
  job->set_type("service");
  auto* group = job->add_task_groups();
  group->set_name("g");
  group->set_count(count);
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  return job;
}

model::Node node_with_memory(const Uuid& id, std::int64_t memory_mb) {
  model::Node node;
  node.set_id(to_text(id));
  node.set_name("n");
  node.set_datacenter("dc1");
  node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(100000);
  node.mutable_node_resources()->mutable_memory()->set_memory_mb(memory_mb);
  node.mutable_node_resources()->mutable_disk()->set_disk_mb(100000);
  return node;
}

/// One life of a server's heart on a disk that outlives it.
struct Life {
  explicit Life(MemoryDisk& its_disk, std::uint64_t seed = 1)
      : disk(its_disk), loop(time), random(seed), journal(loop, disk), snapshots(disk),
        turns(Turns::Parts{loop, random, journal, snapshots, config, Log()}) {}

  void start() {
    const Result<void> started = run<Result<void>>(time, loop, turns.start());
    REQUIRE(started.ok());
  }
  void stop() { run(time, loop, turns.stop()); }

  /// Asks, and lets time pass until it is answered.
  template <class Request>
  auto ask(Request request) {
    using Answer = decltype(decide(request, std::declval<Deciding>()).value().answer);
    auto result = std::make_shared<std::optional<Result<Answer>>>();
    turns.ask(std::move(request), std::function<void(Result<Answer>)>([result](Result<Answer> answer) { result->emplace(std::move(answer)); }));
    REQUIRE(time.run_until([result] { return result->has_value(); }, 1h));
    return std::move(**result);
  }

  std::string state() const { return serialize(*turns.published()); }

  MemoryDisk& disk;
  VirtualTime time;
  VirtualLoop loop;
  SeededRandom random;
  ServerConfig config;
  MemoryJournal journal;
  MemorySnapshots snapshots;
  Turns turns;
};

model::Allocation placement(Random& random, const Uuid& node, const std::string& eval, std::int64_t memory_mb, std::int64_t port) {
  model::Allocation alloc;
  alloc.set_id(to_text(random.uuid()));
  alloc.set_namespace_("default");
  alloc.set_job_id("web");
  alloc.set_task_group("g");
  alloc.set_name("web.g[0]");
  alloc.set_node_id(to_text(node));
  alloc.set_eval_id(eval);
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  auto& task = (*alloc.mutable_allocated_resources()->mutable_tasks())["main"];
  task.mutable_memory()->set_memory_mb(memory_mb);
  if (port > 0) {
    auto* mapping = alloc.mutable_allocated_resources()->mutable_shared()->add_ports();
    mapping->set_label("http");
    mapping->set_value(port);
    mapping->set_host_ip("10.0.0.1");
  }
  return alloc;
}

}  // namespace

TEST_CASE("what was answered is there after a crash, and replay gives the same state byte for byte") {
  MemoryDisk disk;
  std::string before;
  {
    Life life(disk);
    life.start();
    for (int n = 0; n < 20; ++n) REQUIRE(life.ask(RegisterJob{.job = job_named("job-" + std::to_string(n % 7), n)}).ok());
    REQUIRE(life.ask(DeregisterJob{.job = {"default", "job-3"}}).ok());
    REQUIRE(life.ask(DeregisterJob{.job = {"default", "job-4"}, .purge = true}).ok());
    before = life.state();
    life.loop.crash();
  }

  Life again(disk, 99);
  again.start();

  CHECK(again.state() == before);
  CHECK(again.turns.quarantined().empty());
  again.stop();
}

TEST_CASE("a state restored from its serialisation serialises to the same bytes, and goes on as the original") {
  MemoryDisk disk;
  Life life(disk);
  life.start();
  for (int n = 0; n < 9; ++n) REQUIRE(life.ask(RegisterJob{.job = job_named("web", n)}).ok());

  Result<State> copy = restore(life.state());

  REQUIRE(copy.ok());
  CHECK(serialize(*copy) == life.state());
  life.stop();
}

TEST_CASE("200 check-and-set registers in one turn: exactly one wins") {
  MemoryDisk disk;
  Life life(disk);
  life.start();
  REQUIRE(life.ask(RegisterJob{.job = job_named("web")}).ok());
  disk.append_delay = 50ms;
  const std::uint64_t appends = disk.appends;

  int won = 0;
  int lost = 0;
  for (int n = 0; n < 200; ++n) {
    RegisterJob request{.job = job_named("web", 10 + n), .enforce_index = true, .job_modify_index = 1};
    life.turns.ask(std::move(request), std::function<void(Result<JobRegistered>)>([&](Result<JobRegistered> answer) {
                     ++(answer ? won : lost);
                     if (!answer) CHECK(answer.error().message.starts_with("Enforcing job modify index 1"));
                   }));
  }
  life.time.advance(40ms);
  CHECK(won + lost == 0);  // nobody is answered before it is durable
  life.time.advance(200ms);

  CHECK(won == 1);
  CHECK(lost == 199);
  CHECK(disk.appends == appends + 1);
  life.stop();
}

TEST_CASE("200 plans for the same place and 200 check-and-set registers in one turn: exactly one of each wins") {
  const auto [memory_mb, port] = GENERATE(table<std::int64_t, std::int64_t>({{600, 0}, {1, 8080}}));
  MemoryDisk disk;
  Life life(disk);
  life.start();
  const Uuid node = life.random.uuid();
  auto node_message = std::make_shared<const model::Node>(node_with_memory(node, 1000));
  REQUIRE(life.ask(RegisterNode{.node = node_message, .secret_id = "s"}).ok());
  REQUIRE(life.ask(RegisterJob{.job = job_named("web")}).ok());
  std::vector<std::string> evals;
  for (int n = 0; n < 200; ++n) evals.push_back(life.ask(EvaluateJob{.job = {"default", "web"}})->eval_id);
  disk.append_delay = 50ms;
  const std::uint64_t appends = disk.appends;

  int won = 0;
  int lost = 0;
  int whole = 0;
  int refused = 0;
  for (const std::string& eval : evals) {
    RegisterJob again{.job = job_named("web", 10 + won + lost), .enforce_index = true, .job_modify_index = 2};
    life.turns.ask(std::move(again), std::function<void(Result<JobRegistered>)>([&](Result<JobRegistered> answer) { ++(answer ? won : lost); }));
    auto plan = std::make_shared<model::Plan>();
    plan->set_eval_id(eval);
    plan->set_namespace_("default");
    plan->set_job_id("web");
    *plan->add_placements() = placement(life.random, node, eval, memory_mb, port);
    life.turns.ask(ApplyPlan{.plan = plan, .evals = {}}, std::function<void(Result<PlanApplied>)>([&](Result<PlanApplied> applied) {
                     REQUIRE(applied.ok());
                     ++(applied->whole ? whole : refused);
                   }));
  }
  life.time.advance(40ms);
  CHECK(won + lost + whole + refused == 0);  // nobody is answered before it is durable
  life.time.advance(1s);

  // All of them were decided in one turn, each against what those before it had left.
  CHECK(disk.appends == appends + 1);
  CHECK(won == 1);
  CHECK(lost == 199);
  CHECK(whole == 1);
  CHECK(refused == 199);
  CHECK(life.turns.published()->alloc_count() == 1);
  life.stop();
}

TEST_CASE("a refused append changes nothing, and the server goes on") {
  MemoryDisk disk;
  Life life(disk);
  life.start();
  REQUIRE(life.ask(RegisterJob{.job = job_named("kept")}).ok());
  const std::string before = life.state();

  disk.refuse = Error{Code::exhausted, "disk full"};
  const auto answer = life.ask(RegisterJob{.job = job_named("refused")});
  disk.refuse.reset();

  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::exhausted);
  CHECK(life.state() == before);
  CHECK(life.ask(RegisterJob{.job = job_named("next")}).ok());
  life.stop();
}

TEST_CASE("listeners are told that all is new only where the journal holds what they do not know") {
  MemoryDisk disk;
  Life life(disk);
  std::vector<bool> told;
  life.turns.listen([&told](const SnapshotPtr&, const Effects&, bool anew) { told.push_back(anew); });
  life.start();
  REQUIRE(told == std::vector{true});

  disk.refuse = Error{Code::exhausted, "disk full"};
  CHECK_FALSE(life.ask(RegisterJob{.job = job_named("refused")}).ok());
  disk.refuse.reset();
  CHECK(told == std::vector{true, false});

  disk.unknown_stored = true;
  CHECK_FALSE(life.ask(RegisterJob{.job = job_named("stored")}).ok());
  CHECK(told == std::vector{true, false, true});
  life.stop();
}

TEST_CASE("an append of unknown outcome is looked up in the journal") {
  const bool stored = GENERATE(true, false);
  MemoryDisk disk;
  Life life(disk);
  life.start();
  (stored ? disk.unknown_stored : disk.unknown_lost) = true;

  const auto answer = life.ask(RegisterJob{.job = job_named("maybe")});

  CHECK_FALSE(answer.ok());
  CHECK((life.turns.published()->job("default", "maybe") != nullptr) == stored);
  CHECK(life.ask(RegisterJob{.job = job_named("next")}).ok());
  life.stop();
}

TEST_CASE("a crash while an append is in flight leaves all of the turn or nothing") {
  const bool stored = GENERATE(true, false);
  MemoryDisk disk;
  int answered = 0;
  {
    Life life(disk);
    life.start();
    disk.append_delay = 50ms;
    for (int n = 0; n < 10; ++n) {
      life.turns.ask(RegisterJob{.job = job_named("job-" + std::to_string(n))},
                     std::function<void(Result<JobRegistered>)>([&answered](Result<JobRegistered>) { ++answered; }));
    }
    life.time.advance(10ms);
    life.loop.crash();
  }
  disk.settle(stored);

  Life again(disk);
  again.start();

  int jobs = 0;
  again.turns.published()->each_job(JobKey{}, [&jobs](const JobRow&) { return ++jobs, true; });
  CHECK(answered == 0);
  CHECK(jobs == (stored ? 10 : 0));
  again.stop();
}

TEST_CASE("a command that cannot be applied is passed over at replay, and reported") {
  MemoryDisk disk;
  {
    Life life(disk);
    life.start();
    REQUIRE(life.ask(RegisterJob{.job = job_named("before")}).ok());
    life.loop.crash();
  }
  disk.records.push_back("\xff\xff what is this");
  {
    Life life(disk);
    life.start();
    CHECK(life.turns.quarantined().size() == 1);
    CHECK(life.turns.quarantined().front().index == 2);
    CHECK(life.turns.published()->job("default", "before") != nullptr);
    CHECK(life.ask(RegisterJob{.job = job_named("after")})->index == 3);
    life.stop();
  }
}

TEST_CASE("a snapshot is saved, the journal is trimmed, and the state comes back from both") {
  MemoryDisk disk;
  std::string before;
  {
    Life life(disk);
    life.start();
    for (Index n = 0; n < 3 * snapshot_every + 10; n += 1000) {
      for (int i = 0; i < 1000; ++i) {
        life.turns.ask(RegisterJob{.job = job_named("web", i)}, std::function<void(Result<JobRegistered>)>([](Result<JobRegistered>) {}));
      }
      life.time.advance(1s);
    }
    before = life.state();
    CHECK(disk.trimmed > 0);
    life.loop.crash();
  }
  Life again(disk);
  again.start();
  CHECK(again.state() == before);
  again.stop();
}

}  // namespace drover::server
