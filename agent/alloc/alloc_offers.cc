// What an AllocRunner's tasks offer to others: services, and a verdict about its health.
#include <algorithm>

#include "agent/alloc/alloc_runner.h"
#include "agent/alloc/environment.h"
#include "agent/alloc/events.h"
#include "agent/alloc/interpolate.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

/// An agent that is connected hears within this time that the server has taken its services away.
constexpr Duration leave_max = 2s;
/// Who follows the list of services hears of it within this time; requests that are under way end meanwhile.
constexpr Duration leave_settle = 200ms;

template <class List>
std::vector<model::Service> copy_of(const List& services) {
  return {services.begin(), services.end()};
}

}  // namespace

void AllocRunner::services_changed() {
  ++services_version_;
  changed_(*this);
  tasks_changed_.notify();
}

void AllocRunner::restart_unhealthy(const std::string& task, const std::string& reason) {
  if (killing_) return;
  for (auto& [name, runner] : tasks_) {
    const bool meant = task.empty() ? runner->view().kind == TaskKind::main : name == task;
    if (meant) runner->restart_failed(reason);
  }
}

std::optional<RunningTask> AllocRunner::running_task(const std::string& task) const {
  const TaskRunner* runner = this->task(task);
  if (runner == nullptr || runner->task_id().empty()) return std::nullopt;
  return RunningTask{runner->driver(), runner->task_id()};
}

/// The services of a group are of all its tasks: it runs when those that last do.
bool AllocRunner::group_runs() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
    const TaskView view = entry.second->view();
    const bool lasts = view.kind == TaskKind::main || view.kind == TaskKind::prestart_sidecar;
    return !lasts || view.phase == TaskPhase::running;
  });
}

bool AllocRunner::is_resumed(const std::string& task) const {
  if (!restored_) return false;
  return std::all_of(tasks_.begin(), tasks_.end(), [this, &task](const auto& entry) {
    return (!task.empty() && entry.first != task) || from_ns(entry.second->state().started_at()) < began_;
  });
}

OfferInput AllocRunner::offer_input(const std::string& task) const {
  const std::shared_ptr<const model::Node> node = world_.node();
  OfferInput input{*alloc_, node->datacenter(), alloc_->task_group(), task, {}, {}};
  for (const model::AllocatedPortMapping& port : alloc_->allocated_resources().shared().ports())
    input.reach.ports.push_back({port.label(), port.value(), port.to(), port.host_ip()});
  const auto& networks = alloc_->allocated_resources().shared().networks();
  if (!networks.empty()) input.reach.host_ip = networks[0].ip();
  if (input.reach.host_ip.empty() && node->node_resources().networks_size() > 0)
    input.reach.host_ip = node->node_resources().networks(0).ip();

  // A group's service may be reached through the network that the driver made for its only task.
  const TaskRunner* runner = this->task(task.empty() && tasks_.size() == 1 ? tasks_.begin()->first : task);
  if (runner != nullptr) input.reach.driver = runner->network();
  Texts env;
  if (!task.empty() && runner != nullptr && runner->environment() != nullptr)
    env = *runner->environment();
  else
    env = group_environment(*alloc_, *group(), *node, world_.settings);
  Texts references = node_references(*node, world_.settings.region);
  input.replace = [env = std::move(env), references = std::move(references)](const std::string& text) {
    return text.find("${") == std::string::npos ? text : replace_references(text, env, references);
  };
  return input;
}

void AllocRunner::update_services() {
  const model::TaskGroup* its_group = group();
  if (!services_known_) ++services_version_;
  services_known_ = true;
  if (killing_ || ended() || its_group == nullptr) return services_.withdraw_all();
  if (its_group->services_size() > 0) {
    Offer offer = make_offer(offer_input(""), copy_of(its_group->services()));
    tell_problems("", offer.problems);
    services_.offer("", std::move(offer), group_runs(), is_resumed(""));
  } else {
    services_.withdraw("");
  }
  for (const model::Task& task : its_group->tasks()) {
    if (task.services_size() == 0 || !running_task(task.name())) {
      services_.withdraw(task.name());
      continue;
    }
    Offer offer = make_offer(offer_input(task.name()), copy_of(task.services()));
    tell_problems(task.name(), offer.problems);
    services_.offer(task.name(), std::move(offer), true, is_resumed(task.name()));
  }
}

/// Each problem once, at the tasks that it is about.
void AllocRunner::tell_problems(const std::string& task, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    if (!told_problems_.insert(problem).second) continue;
    for (auto& [name, runner] : tasks_) {
      const bool meant = task.empty() ? runner->view().kind == TaskKind::main : name == task;
      if (meant) runner->add_event(events::service_problem(world_.loop.now(), problem));
    }
  }
}

/// Nobody is to be sent here any more, before the tasks end: waits until the server has said so to all, as far as it
/// can be reached.
Async<void> AllocRunner::left_services() {
  const Duration until = world_.loop.uptime() + leave_max;
  while (world_.loop.uptime() < until && !world_.is_told(id_)) {
    const bool woken = co_await world_.told.wait_for(until - world_.loop.uptime());
    if (!woken) co_return;
  }
  const model::TaskGroup* its_group = group();
  if (its_group != nullptr && its_group->shutdown_delay() > 0) co_return;
  const bool slept = co_await world_.loop.sleep(leave_settle);
  static_cast<void>(slept);  // cancelled: the waits that follow end at once as well
}

void AllocRunner::begin_judging() {
  const model::TaskGroup* its_group = group();
  if (its_group == nullptr || alloc_->deployment_status().has_healthy() || killing_) return;
  const std::optional<HealthPolicy> policy = health_policy(*alloc_, *its_group);
  if (!policy || (watch_ && watch_->policy() == *policy)) return;
  const bool watched = watch_.has_value();
  watch_.emplace(*policy, world_.loop.uptime());
  if (!watched) scope_.spawn(judge_health());
}

std::vector<TaskHealth> AllocRunner::task_healths() const {
  std::vector<TaskHealth> out;
  for (const auto& [name, task] : tasks_) out.push_back({task->view(), from_ns(task->state().started_at())});
  return out;
}

Async<void> AllocRunner::judge_health() {
  while (watch_ && wanted()) {
    const Duration uptime = world_.loop.uptime();
    const std::optional<HealthVerdict> verdict = watch_->look(task_healths(), services_.health(), uptime);
    if (verdict) {
      decide_health(*verdict);
      break;
    }
    if (killing_) break;  // it ends for a reason that is no verdict
    const bool woken = co_await tasks_changed_.wait_for(watch_->until_next(uptime));
    if (!woken) co_return;
  }
  watch_.reset();
}

/// The verdict is kept with the allocation, so that the next agent does not judge again.
void AllocRunner::decide_health(const HealthVerdict& verdict) {
  auto judged = std::make_shared<model::Allocation>(*alloc_);
  judged->mutable_deployment_status()->set_healthy(verdict.healthy);
  judged->mutable_deployment_status()->set_timestamp(to_ns(world_.loop.now()));
  alloc_ = std::move(judged);
  scope_.spawn(save_alloc());
  for (const std::string& name : verdict.guilty) {
    const auto guilty = tasks_.find(name);
    if (guilty != tasks_.end()) guilty->second->add_event(events::alloc_unhealthy(world_.loop.now(), verdict.reason));
  }
  ++services_version_;
  changed_(*this);
}

}  // namespace drover::agent
