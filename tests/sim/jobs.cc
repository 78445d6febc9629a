#include "tests/sim/jobs.h"

#include <fmt/core.h>

#include <charconv>

#include "base/loop/time.h"
#include "model/proto/job.pb.h"

namespace drover::sim {

namespace {

bool ends_by_itself(JobKind kind) { return kind == JobKind::batch || kind == JobKind::flaky; }

const char* type_of(JobKind kind) {
  if (kind == JobKind::system) return "system";
  return kind == JobKind::batch ? "batch" : "service";
}

std::string config_of(const JobPlan& plan) {
  if (plan.broken) return R"({"run_for":"1s","exit_code":3})";
  if (plan.kind == JobKind::flaky) return R"({"run_for":"20s","exit_code":3})";
  if (plan.kind == JobKind::batch) return fmt::format(R"({{"run_for":"{}s"}})", 5 + plan.revision % 40);
  return fmt::format(R"({{"kill_after":"{}ms"}})", plan.revision * 37 % 4000);
}

void add_update(const JobPlan& plan, model::TaskGroup& group) {
  model::UpdateStrategy& update = *group.mutable_update();
  update.set_max_parallel(plan.max_parallel);
  update.set_min_healthy_time(Duration(5s).count());
  if (plan.kind != JobKind::risky) return;
  update.set_auto_revert(true);
  update.set_canary(plan.canaries);
  update.set_auto_promote(plan.canaries > 0);
}

void add_network(const JobPlan& plan, model::TaskGroup& group) {
  model::NetworkResource& network = *group.add_networks();
  if (plan.kind == JobKind::pinned) {
    model::Port& port = *network.add_reserved_ports();
    port.set_label("http");
    port.set_value(pinned_port);
  } else {
    network.add_dynamic_ports()->set_label("http");
  }
}

}  // namespace

const std::vector<std::pair<std::string, JobKind>>& simulated_jobs() {
  static const std::vector<std::pair<std::string, JobKind>> jobs = {
      {"web", JobKind::service},       {"api", JobKind::service}, {"cache", JobKind::service}, {"edge", JobKind::pinned},
      {"everywhere", JobKind::system}, {"count", JobKind::batch}, {"sum", JobKind::batch},     {"broken", JobKind::flaky},
      {"risky", JobKind::risky}};
  return jobs;
}

JobPlan draw(const std::string& id, JobKind kind, std::uint64_t revision, Random& random) {
  JobPlan plan;
  plan.id = id;
  plan.kind = kind;
  plan.revision = revision;
  plan.count = kind == JobKind::system ? 1 : static_cast<std::int64_t>(1 + random.below(kind == JobKind::pinned ? 3 : 6));
  plan.cpu = static_cast<std::int64_t>(50 + random.below(300));
  plan.memory_mb = static_cast<std::int64_t>(32 + random.below(128));
  plan.destructive = random.below(2) == 0;
  plan.max_parallel = static_cast<std::int64_t>(1 + random.below(3));
  if (kind != JobKind::risky) return plan;
  plan.canaries = static_cast<std::int64_t>(random.below(3));
  plan.broken = random.below(3) == 0;
  plan.destructive = true;
  return plan;
}

std::shared_ptr<const model::Job> make_job(const JobPlan& plan) {
  auto job = std::make_shared<model::Job>();
  job->set_id(plan.id);
  job->set_name(plan.id);
  job->set_namespace_("default");
  job->set_region("global");
  job->set_type(type_of(plan.kind));
  job->add_datacenters("*");
  if (plan.kind == JobKind::system) job->set_priority(80);  // it displaces others where a node is full
  (*job->mutable_meta())["revision"] = std::to_string(plan.revision);

  model::TaskGroup& group = *job->add_task_groups();
  group.set_name("group");
  group.set_count(plan.count);
  model::RestartPolicy& restart = *group.mutable_restart_policy();
  restart.set_attempts(2);
  restart.set_interval(Duration(5min).count());
  restart.set_delay(Duration(1s).count());
  restart.set_mode(ends_by_itself(plan.kind) || plan.broken ? "fail" : "delay");
  if (plan.kind == JobKind::service || plan.kind == JobKind::pinned) add_network(plan, group);
  if (std::string_view(type_of(plan.kind)) == "service") add_update(plan, group);

  model::Task& task = *group.add_tasks();
  task.set_name("task");
  task.set_driver("mock_driver");
  task.set_config(config_of(plan));
  task.set_kill_timeout(Duration(5s).count());
  if (plan.destructive) (*task.mutable_env())["REVISION"] = std::to_string(plan.revision);
  task.mutable_resources()->set_cpu(plan.cpu);
  task.mutable_resources()->set_memory_mb(plan.memory_mb);
  return job;
}

std::uint64_t revision_of(const model::Job& job) {
  const auto found = job.meta().find("revision");
  std::uint64_t revision = 0;
  if (found != job.meta().end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), revision);
  return revision;
}

}  // namespace drover::sim
