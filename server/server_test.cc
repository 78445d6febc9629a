#include "server/server_world.h"

#include "model/proto/agent_view.pb.h"

namespace drover::server {

TEST_CASE("a registered job is placed, pushed to the agents and reported running") {
  World world;
  FakeAgent& agent = world.add_agent();

  const auto registered = world.submit("web", 3);

  CHECK(world.eval_status(registered.eval_id) == "complete");
  CHECK(agent.count("run") == 3);
  CHECK(agent.jobs_sent_["web@0"] == 1);
  CHECK(world.running("web") == 3);
  CHECK(agent.stored_ > 0);
  CHECK(to_text(world.server->snapshot()->current("default", "web")->status) == "running");
}

TEST_CASE("a job that finds no room is blocked, and placed when a node comes") {
  World world;
  world.add_agent(250);

  world.submit("web", 4);
  CHECK(world.running("web") == 2);
  CHECK(world.blocked() == 1);
  CHECK(world.server->snapshot()->summary("default", "web")->groups.at("g").queued == 2);

  world.add_agent(4000);
  world.time.advance(1s);
  CHECK(world.running("web") == 4);
  CHECK(world.blocked() == 0);
}

TEST_CASE("while the journal is full an evaluation is tried now and then, and done when there is room again") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  world.disk.append_delay = 1ms;
  agent.report(agent.allocs_.begin()->first, "failed");  // it is placed again after a while
  world.time.advance(5s);
  REQUIRE(world.running("web") == 0);

  world.disk.refuse = Error{Code::exhausted, "the disk is full"};
  const std::uint64_t before = world.disk.appends;
  world.time.advance(10min);
  const std::uint64_t tried = world.disk.appends - before;
  CHECK(tried >= 5);
  CHECK(tried <= 300);

  world.disk.refuse.reset();
  world.time.advance(2min);
  CHECK(world.running("web") == 1);
}

TEST_CASE("what an agent says is acknowledged when it is durable, and not before") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  const std::uint64_t before = agent.stored_;
  world.disk.append_delay = 50ms;

  agent.report(agent.allocs_.begin()->first, "complete");
  world.time.advance(40ms);
  CHECK(agent.stored_ == before);
  world.time.advance(20ms);
  CHECK(agent.stored_ == before + 1);
}

TEST_CASE("a job that is stopped leaves its agents, and makes room for one that waits") {
  World world;
  FakeAgent& agent = world.add_agent(250);
  world.submit("first", 2);
  world.submit("second", 2);
  CHECK(world.running("second") == 0);

  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "first"}})).ok());
  world.time.advance(2s);

  CHECK(world.running("first") == 0);
  CHECK(world.running("second") == 2);
  CHECK(agent.count("stop") == 2);
  CHECK(to_text(world.server->snapshot()->current("default", "first")->status) == "dead");
}

TEST_CASE("a node that falls silent is given up and its work runs elsewhere; when it comes back it stops what is no longer its own") {
  World world;
  FakeAgent& lost = world.add_agent();
  world.submit("web", 3);
  FakeAgent& other = world.add_agent();
  REQUIRE(lost.count("run") == 3);

  lost.fall_silent();
  world.time.advance(2min);

  CHECK(world.server->snapshot()->node(lost.id())->status() == "down");
  CHECK(other.count("run") == 3);
  CHECK(world.running("web") == 3);

  lost.speak_again();
  world.time.advance(10s);
  CHECK(world.server->snapshot()->node(lost.id())->status() == "ready");
  CHECK(lost.count("run") == 0);
  CHECK(world.running("web") == 3);
}

TEST_CASE("a system job runs on every node, also on one that comes later") {
  World world;
  world.add_agent();
  world.submit("everywhere", 0, 10, "system");
  CHECK(world.running("everywhere") == 1);

  world.add_agent();
  world.time.advance(2s);
  CHECK(world.running("everywhere") == 2);
}

TEST_CASE("a failed allocation is replaced after its delay") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  REQUIRE(agent.allocs_.size() == 1);

  agent.report(agent.allocs_.begin()->first, "failed");
  world.time.advance(10s);
  CHECK(world.running("web") == 0);
  world.time.advance(2min);

  CHECK(world.running("web") == 1);
  CHECK(agent.allocs_.size() == 2);
}

TEST_CASE("an agent with another's id and another secret is refused") {
  World world;
  FakeAgent& agent = world.add_agent();
  auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(world.loop, world.loop);
  world.server->accept(std::move(theirs));
  model::FromAgent hello;
  hello.mutable_hello()->mutable_node()->set_id(to_text(agent.id()));
  hello.mutable_hello()->set_secret_id("guessed");
  REQUIRE(ours->send(std::move(hello)).ok());

  const auto answer = run<Result<model::ToAgent>>(world.time, world.loop, ours->receive());

  REQUIRE(answer.ok());
  CHECK(answer->has_refused());
  CHECK_FALSE(answer->refused().may_retry());
  CHECK(agent.refused_.empty());
}

TEST_CASE("a link without a hello is closed") {
  World world;
  auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(world.loop, world.loop);
  world.server->accept(std::move(theirs));

  world.time.advance(15s);
  const auto answer = run<Result<model::ToAgent>>(world.time, world.loop, ours->receive());
  const bool ended = !answer.ok() || answer->has_refused();
  CHECK(ended);
}

TEST_CASE("a plan is a dry run: it says what would happen and changes nothing") {
  World world;
  world.add_agent(250);
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id("web");
  job->set_type("service");
  job->add_datacenters("*");
  auto* group = job->add_task_groups();
  group->set_name("g");
  group->set_count(4);
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  task->mutable_resources()->set_memory_mb(100);
  const Index before = world.server->snapshot()->index();

  const auto planned = run<Result<JobPlanned>>(world.time, world.loop, world.server->plan_job(PlanJob{.job = job}));

  REQUIRE(planned.ok());
  CHECK(planned->old_job == nullptr);
  CHECK(planned->response->annotations().desired_tg_updates().at("g").place() == 4);
  CHECK(planned->response->failed_tg_allocs().contains("g"));
  CHECK(world.server->snapshot()->index() == before);
}

TEST_CASE("the server comes back from its journal with what waits and what is due") {
  World world;
  world.add_agent(250);
  world.submit("web", 4);
  run(world.time, world.loop, world.agents.back()->stop());
  run(world.time, world.loop, world.server->stop());

  world.start();
  CHECK(world.server->snapshot()->job("default", "web") != nullptr);
  world.agents.clear();
  world.add_agent(4000);
  world.time.advance(2s);

  CHECK(world.running("web") == 4);
}

TEST_CASE("an agent's answer comes through a tunnel, piece by piece") {
  World world;
  FakeAgent& agent = world.add_agent();
  auto [ours, theirs] = duplex_pair<model::TunnelFrame, model::TunnelFrame>(world.loop, world.loop);
  std::optional<Result<std::unique_ptr<TunnelAnswer>>> opened;
  start<Result<std::unique_ptr<TunnelAnswer>>>(world.loop, world.server->tunnels().open(agent.id(), {.path = "/v1/client/stats"}, world.loop),
                                               [&opened](auto result) { opened.emplace(std::move(result)); });
  world.time.advance(1s);
  REQUIRE_FALSE(agent.opened_.empty());

  world.server->tunnels().accept(std::move(theirs));
  model::TunnelFrame frame;
  frame.set_accept(agent.opened_);
  REQUIRE(ours->send(frame).ok());
  frame.mutable_head()->set_status(200);
  REQUIRE(ours->send(frame).ok());
  frame.set_body("hello");
  REQUIRE(ours->send(frame).ok());
  frame.mutable_end();
  REQUIRE(ours->send(frame).ok());
  world.time.advance(1s);

  REQUIRE(opened.has_value());
  REQUIRE(opened->ok());
  TunnelAnswer& answer = ***opened;
  CHECK(answer.status() == 200);
  CHECK(run<Result<std::string>>(world.time, world.loop, answer.read()).value() == "hello");
  CHECK(run<Result<std::string>>(world.time, world.loop, answer.read()).value().empty());
  opened.reset();
}

TEST_CASE("a tunnel to a node without a session finds no path, and one that is not answered times out") {
  World world;
  FakeAgent& agent = world.add_agent();
  const auto open = [&world](const Uuid& node) {
    return run<Result<std::unique_ptr<TunnelAnswer>>>(world.time, world.loop, world.server->tunnels().open(node, {.path = "/"}, world.loop));
  };

  CHECK(open(world.random.uuid()).error().message == "No path to node");
  CHECK(open(agent.id()).error().code == Code::timeout);
}

TEST_CASE("a system job takes the room of what is less urgent, which comes back when there is other room") {
  World world;
  world.add_agent(1000);
  world.submit("web", 9);
  REQUIRE(world.running("web") == 9);

  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id("all");
  job->set_type("system");
  job->set_priority(80);
  job->add_datacenters("*");
  auto* group = job->add_task_groups();
  group->set_name("g");
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{}");
  task->mutable_resources()->set_memory_mb(150);
  const auto planned = run<Result<JobPlanned>>(world.time, world.loop, world.server->plan_job(PlanJob{.job = job}));
  REQUIRE(planned.ok());
  const auto& annotations = planned->response->annotations();
  REQUIRE(annotations.preempted_allocs_size() == 1);
  CHECK(annotations.preempted_allocs(0).job_id() == "web");
  CHECK(annotations.desired_tg_updates().at("g").preemptions() == 1);
  CHECK(world.running("web") == 9);

  REQUIRE(run<Result<JobRegistered>>(world.time, world.loop, world.server->register_job(RegisterJob{.job = job})).ok());
  world.time.advance(5s);

  CHECK(world.running("all") == 1);
  CHECK(world.running("web") == 8);
  CHECK(world.blocked() == 1);
  int evicted = 0;
  const SnapshotPtr state = world.server->snapshot();
  state->each_alloc_of_job("default", "web", [&](const AllocRow& row) {
    if (row.desired != DesiredStatus::evict) return true;
    ++evicted;
    const AllocRow* by = state->alloc(parse_uuid(state->message(row).preempted_by_allocation()));
    CHECK((by && state->job_of(*by).id == "all"));
    return true;
  });
  CHECK(evicted == 1);
  int asked = 0;
  state->each_eval_of_job("default", "web", [&asked](const model::Evaluation& eval) { return asked += eval.triggered_by() == "preemption", true; });
  CHECK(asked == 1);

  world.add_agent(1000);
  world.time.advance(5s);
  CHECK(world.running("web") == 9);
  CHECK(world.running("all") == 2);
}

TEST_CASE("nothing is scheduled while an operator has paused it, and all of it afterwards") {
  World world;
  world.add_agent();
  const auto pause = [&world](bool paused) {
    auto wanted = std::make_shared<model::SchedulerConfiguration>();
    wanted->set_pause_eval_broker(paused);
    const auto set = run<Result<SchedulerConfigurationSet>>(world.time, world.loop, world.server->set_scheduler_configuration({.configuration = wanted}));
    REQUIRE(set.ok());
  };
  pause(true);
  const JobRegistered web = world.submit("web", 2);
  world.time.advance(1min);
  CHECK(world.eval_status(web.eval_id) == "pending");

  pause(false);
  world.time.advance(1s);
  CHECK(world.running("web") == 2);
}

TEST_CASE("a system job that fails on a node is not placed there again and again, however often the node changes") {
  World world;
  FakeAgent& agent = world.add_agent();
  agent.fails_ = true;
  world.submit("all", 1, 100, "system");
  for (int i = 0; i < 60; ++i) {
    agent.change_node("some.attribute", std::to_string(i));
    world.time.advance(1s);
  }
  const std::size_t placed = agent.allocs_.size();
  CHECK(placed <= 2);

  agent.fails_ = false;
  world.time.advance(2min);
  CHECK(world.running("all") == 1);
}

}  // namespace drover::server
