#pragma once

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"
#include "model/proto/session.pb.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

/// What tests of commands share.
namespace drover::server {

/// A state that requests are decided against and applied to, without journal and turns.
struct World {
  template <class Request>
  auto ask(Request request) {
    const Deciding deciding{state, state.index() + 1, now, random, config};
    auto decision = decide(request, deciding);
    if (decision && decision->command) REQUIRE(apply(state, *decision->command, deciding.index).ok());
    using Answer = decltype(decision.value().answer);
    return decision ? Result<Answer>(decision->answer) : Result<Answer>(decision.error());
  }

  State state;
  Instant now = from_ns(1'000'000'000'000'000'000);
  SeededRandom random{5};
  ServerConfig config;
};

inline std::shared_ptr<model::Job> job_named(const std::string& id, const std::string& type = "service") {
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id(id);
  job->set_type(type);
  auto* group = job->add_task_groups();
  group->set_name("g");
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  return job;
}

inline std::shared_ptr<model::Node> some_node(World& world) {
  auto node = std::make_shared<model::Node>();
  node->set_id(to_text(world.random.uuid()));
  node->set_name("n1");
  node->set_datacenter("dc1");
  node->mutable_node_resources()->mutable_memory()->set_memory_mb(1000);
  node->mutable_node_resources()->mutable_cpu()->set_cpu_shares(1000);
  node->mutable_node_resources()->mutable_disk()->set_disk_mb(1000);
  return node;
}

/// Registers a job and places one allocation of it on the node; gives its id.
inline Uuid placed(World& world, const std::string& job, const model::Node& node, const std::string& type = "service") {
  const auto registered = world.ask(RegisterJob{.job = job_named(job, type)});
  auto plan = std::make_shared<model::Plan>();
  plan->set_eval_id(registered->eval_id);
  plan->set_namespace_("default");
  plan->set_job_id(job);
  auto& alloc = *plan->add_placements();
  const Uuid id = world.random.uuid();
  alloc.set_id(to_text(id));
  alloc.set_job_id(job);
  alloc.set_task_group("g");
  alloc.set_name(job + ".g[0]");
  alloc.set_node_id(node.id());
  alloc.set_eval_id(registered->eval_id);
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  auto done = std::make_shared<model::Evaluation>(*world.state.eval(parse_uuid(registered->eval_id)));
  done->set_status("complete");
  REQUIRE(world.ask(ApplyPlan{.plan = plan, .evals = {done}})->whole);
  return id;
}

inline void report(World& world, const Uuid& id, const std::string& status) {
  auto statuses = std::make_shared<model::AllocStatuses>();
  auto& said = *statuses->add_allocs();
  said.set_id(to_text(id));
  said.set_client_status(status);
  REQUIRE(world.ask(UpdateAllocs{.statuses = {statuses}}).ok());
}

inline std::vector<std::string> pending_triggers(const World& world) {
  std::vector<std::string> triggers;
  world.state.each_eval({}, [&triggers](const model::Evaluation& eval) {
    if (eval.status() == "pending") triggers.push_back(eval.triggered_by());
    return true;
  });
  return triggers;
}

}  // namespace drover::server
