#pragma once

#include "server/server.h"

#include <catch2/catch.hpp>

#include <map>

#include "base/loop/duplex_pair.h"
#include "base/loop/scope.h"
#include "base/loop/start.h"
#include "base/loop/workers.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/diff.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/journal/memory_journal.h"
#include "server/sessions/tunnels.h"

/// A server on virtual time, with agents that are played: for tests of the whole role.
namespace drover::server {

using AgentEnd = Duplex<model::FromAgent, model::ToAgent>;

/// An agent that runs whatever it is given, at once.
class FakeAgent {
 public:
  FakeAgent(Loop& loop, Random& random, std::int64_t memory_mb) : loop_(loop), scope_(loop) {
    node_.set_id(to_text(random.uuid()));
    node_.set_name("fake");
    node_.set_datacenter("dc1");
    (*node_.mutable_attributes())["kernel.name"] = "linux";
    (*node_.mutable_attributes())["driver.raw_exec"] = "1";
    auto& driver = (*node_.mutable_drivers())["raw_exec"];
    driver.set_detected(true);
    driver.set_healthy(true);
    node_.mutable_node_resources()->mutable_cpu()->set_cpu_shares(10000);
    node_.mutable_node_resources()->mutable_memory()->set_memory_mb(memory_mb);
    node_.mutable_node_resources()->mutable_disk()->set_disk_mb(100000);
  }

  Uuid id() const { return parse_uuid(node_.id()); }

  void connect(Server& server, Index have_index = 0) {
    fulls_ = 0;
    changes_ = 0;
    auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(loop_, loop_);
    link_ = std::move(ours);
    server.accept(std::move(theirs));
    model::FromAgent hello;
    *hello.mutable_hello()->mutable_node() = node_;
    hello.mutable_hello()->set_have_index(have_index);
    hello.mutable_hello()->set_secret_id("secret of " + node_.id());
    REQUIRE(link_->send(std::move(hello)).ok());
    scope_.spawn(serve());
    scope_.spawn(beat());
  }

  /// The agent falls silent: its link stays, nothing is said any more.
  void fall_silent() { silent_ = true; }
  void speak_again() { silent_ = false; }
  Async<void> stop() {
    if (link_) link_->close("the agent stops");
    co_await scope_.stop();
  }

  int count(const std::string& desired) const {
    int found = 0;
    for (const auto& [id, alloc] : allocs_) found += alloc.desired_status() == desired ? 1 : 0;
    return found;
  }

  void report(const std::string& id, const std::string& status) {
    model::FromAgent message;
    message.mutable_statuses()->set_sequence(++sequence_);
    auto& said = *message.mutable_statuses()->add_allocs();
    said.set_id(id);
    said.set_client_status(status);
    REQUIRE(link_->send(std::move(message)).ok());
  }

  /// As long as it has not said so, an allocation that runs is not known to work.
  void report_health(const std::string& id, bool healthy) {
    model::FromAgent message;
    message.mutable_statuses()->set_sequence(++sequence_);
    auto& said = *message.mutable_statuses()->add_allocs();
    said.set_id(id);
    said.set_client_status("running");
    said.mutable_deployment_status()->set_healthy(healthy);
    REQUIRE(link_->send(std::move(message)).ok());
  }

  void report_all_healthy() {
    for (const auto& [id, alloc] : allocs_) {
      if (alloc.desired_status() == "run") report_health(id, true);
    }
  }

  /// The session ends; the agent keeps what it knows.
  void disconnect() { link_->close("cut off"); }

  std::map<std::string, model::Allocation> allocs_;
  std::map<std::string, int> jobs_sent_;
  std::uint64_t stored_ = 0;
  std::string refused_;
  std::string opened_;  ///< the tunnel that was asked for last
  bool runs_ = true;
  bool healthy_ = true;     ///< what runs is healthy at once
  bool unhealthy_ = false;  ///< or not at all
  std::uint64_t index_ = 0;
  int fulls_ = 0;    ///< full sets in this session
  int changes_ = 0;  ///< allocations in other messages of it

 private:
  Async<void> serve() {
    for (;;) {
      const Result<model::ToAgent> message = co_await link_->receive();
      if (!message) co_return;
      if (message->has_open()) opened_ = message->open().id();
      if (message->has_refused()) refused_ = message->refused().reason();
      if (message->has_stored()) stored_ = message->stored().sequence();
      if (message->has_allocs()) take(message->allocs());
    }
  }

  void take(const model::DesiredAllocs& desired) {
    if (desired.full()) allocs_.clear();
    desired.full() ? ++fulls_ : changes_ += desired.allocs_size();
    index_ = desired.index();
    for (const auto& job : desired.jobs()) ++jobs_sent_[job.id() + "@" + std::to_string(job.version())];
    for (const auto& id : desired.removed()) allocs_.erase(id);
    for (const auto& alloc : desired.allocs()) {
      allocs_[alloc.id()] = alloc;
      if (silent_ || !runs_) continue;
      const bool run = alloc.desired_status() == "run";
      if (run && alloc.client_status() == "pending") healthy_ || unhealthy_ ? report_health(alloc.id(), healthy_) : report(alloc.id(), "running");
      if (!run && alloc.client_status() != "complete" && alloc.client_status() != "lost") report(alloc.id(), "complete");
    }
  }

  Async<void> beat() {
    for (;;) {
      const bool slept = co_await loop_.sleep(5s);
      if (!slept) co_return;
      model::FromAgent message;
      message.mutable_beat();
      if (!silent_ && !link_->send(std::move(message))) co_return;
    }
  }

  Loop& loop_;
  model::Node node_;
  std::unique_ptr<AgentEnd> link_;
  std::uint64_t sequence_ = 0;
  bool silent_ = false;
  Scope scope_;
};

struct World {
  World() { start(); }
  ~World() {
    for (auto& agent : agents) run(time, loop, agent->stop());
    run(time, loop, server->stop());
  }

  void start() {
    server = std::make_unique<Server>(Server::Parts{loop, random, journal, snapshots, workers}, config);
    REQUIRE(run<Result<void>>(time, loop, server->start()).ok());
  }

  FakeAgent& add_agent(std::int64_t memory_mb = 4000) {
    agents.push_back(std::make_unique<FakeAgent>(loop, random, memory_mb));
    agents.back()->connect(*server);
    time.advance(1s);
    return *agents.back();
  }

  JobRegistered submit(const std::string& id, std::int64_t count, std::int64_t memory_mb = 100, const std::string& type = "service") {
    auto job = std::make_shared<model::Job>();
    job->set_namespace_("default");
    job->set_id(id);
    job->set_type(type);
    job->add_datacenters("*");
    auto* group = job->add_task_groups();
    group->set_name("g");
    if (type != "system") group->set_count(count);
    auto* task = group->add_tasks();
    task->set_name("main");
    task->set_driver("raw_exec");
    task->set_config("{\"command\":\"/bin/true\"}");
    task->mutable_resources()->set_cpu(10);
    task->mutable_resources()->set_memory_mb(memory_mb);
    auto answer = run<Result<JobRegistered>>(time, loop, server->register_job(RegisterJob{.job = job}));
    time.advance(1s);
    REQUIRE(answer.ok());
    return *answer;
  }

  int running(const std::string& job) {
    int count = 0;
    server->snapshot()->each_alloc_of_job("default", job, [&count](const AllocRow& row) {
      count += row.desired == DesiredStatus::run && row.client == ClientStatus::running ? 1 : 0;
      return true;
    });
    return count;
  }

  std::string eval_status(const std::string& id) { return server->snapshot()->eval(parse_uuid(id))->status(); }

  int blocked() {
    int count = 0;
    server->snapshot()->each_eval({}, [&count](const model::Evaluation& eval) { return count += eval.status() == "blocked" ? 1 : 0, true; });
    return count;
  }

  VirtualTime time;
  VirtualLoop loop{time};
  SeededRandom random{4};
  MemoryDisk disk;
  MemoryJournal journal{loop, disk};
  MemorySnapshots snapshots{disk};
  LoopWorkers workers{loop};
  ServerConfig config;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<FakeAgent>> agents;
};

}  // namespace drover::server
