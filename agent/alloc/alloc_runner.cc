#include "agent/alloc/alloc_runner.h"

#include <algorithm>

#include "agent/alloc/events.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

/// Nobody is there to be signalled.
Error nothing_runs(const std::vector<std::string>& tasks) {
  std::string problems;
  for (const std::string& name : tasks) problems += text("\t* Failed to signal task: {}, err: Task not running\n", name);
  return fail(Code::conflict, "{} error{} occurred:\n{}\n", tasks.size(), tasks.size() == 1 ? "" : "s", problems);
}

}  // namespace

AllocRunner::AllocRunner(World& world, std::shared_ptr<const model::Allocation> alloc,
                         std::function<void(const AllocRunner&)> changed)
    : world_(world),
      id_(alloc->id()),
      alloc_(std::move(alloc)),
      changed_(std::move(changed)),
      services_(AllocServices::Parts{world.loop, world.random, world.drivers, world.probe}, *this),
      tasks_changed_(world.loop),
      scope_(world.loop) {
  make_runners();
}

AllocRunner::~AllocRunner() = default;

void AllocRunner::make_runners() {
  const model::TaskGroup* its_group = group();
  if (its_group == nullptr) {
    failure_ = text("Unable to add allocation due to error: its job has no group \"{}\"", alloc_->task_group());
    return;
  }
  for (const model::Task& task : its_group->tasks())
    tasks_[task.name()] = std::make_unique<TaskRunner>(world_, *this, task.name());
}

void AllocRunner::restore(std::map<std::string, StoredTask> tasks) {
  restored_ = true;
  for (auto& [name, stored] : tasks) {
    auto& runner = tasks_[name];
    if (runner == nullptr) runner = std::make_unique<TaskRunner>(world_, *this, name);
    runner->restore(std::move(stored));
  }
}

void AllocRunner::start() { scope_.spawn(run()); }

Async<void> AllocRunner::stop() {
  if (stopped_) co_return;
  stopped_ = true;
  co_await services_.stop();
  co_await scope_.stop();
  for (auto& [name, task] : tasks_) co_await task->stop();
}

Async<bool> AllocRunner::adopted() {
  for (auto& [name, task] : tasks_) {
    const bool looked_after = co_await task->adopted();
    if (!looked_after) co_return false;
  }
  co_return true;
}

Async<void> AllocRunner::run() {
  began_ = world_.loop.now();
  // Restored tasks come first: nothing that may fail stands between them and their runner.
  std::vector<TaskRunner*> later;
  for (auto& [name, task] : tasks_) {
    if (task->has_handle())
      task->start();
    else
      later.push_back(task.get());
  }
  const bool set = co_await set_up();
  if (!set) co_return;
  for (TaskRunner* task : later) task->start();
  begin_judging();
  react();
  for (;;) {
    const bool woken = co_await tasks_changed_.wait();
    if (!woken) co_return;
    react();
  }
}

Async<bool> AllocRunner::set_up() {
  const std::shared_ptr<const model::Allocation> alloc = alloc_;
  Result<void> ready = co_await world_.store.save_alloc(alloc);
  if (ready && !(restored_ && ended())) {
    const std::string id = id_;
    const Result<AllocDirs> built = co_await world_.files.build_alloc(id);
    if (!built) ready = built.error();
  }
  if (ready) co_return true;
  if (ready.error().code == Code::cancelled) co_return false;
  const std::string message =
      text("failed to setup alloc: pre-run hook \"alloc_dir\" failed: {}", ready.error().message);
  world_.log.warn("{}: alloc={}", message, id_);
  for (auto& [name, task] : tasks_) {
    // A task that runs is not harmed by a folder that cannot be built again.
    if (!task->has_handle() && !task->is_dead())
      task->fail_unstarted(events::setup_failure(world_.loop.now(), message));
  }
  co_return true;
}

void AllocRunner::react() {
  for (auto& [name, task] : tasks_) task->look_again();
  if (!killing_) {
    if (!wanted()) {
      begin_killing();
    } else if (const std::optional<KillCause> cause = why_kill(views())) {
      kill_for(*cause);
    }
  }
  update_services();
  if (ended() && ended_at_ == Instant{}) ended_at_ = world_.loop.now();
}

void AllocRunner::kill_for(const KillCause& cause) {
  const Instant now = world_.loop.now();
  for (auto& [name, task] : tasks_) {
    if (task->is_dead() || task->view().kind == TaskKind::poststop) continue;
    switch (cause.kind) {
      case KillCause::Kind::leader_dead:
        task->add_event(events::leader_dead(now));
        break;
      case KillCause::Kind::sibling_failed:
        task->add_event(events::sibling_failed(now, cause.task));
        break;
      case KillCause::Kind::main_tasks_dead:
        task->add_event(events::main_tasks_dead(now));
        break;
    }
  }
  begin_killing();
}

void AllocRunner::begin_killing() {
  killing_ = true;
  const bool was_ready = services_.any_ready();
  services_.withdraw_all();
  scope_.spawn(kill_in_waves(was_ready));
}

Async<void> AllocRunner::kill_in_waves(bool was_ready) {
  if (was_ready) co_await left_services();
  const model::TaskGroup* its_group = group();
  const Duration group_delay = its_group == nullptr ? Duration::zero() : Duration(its_group->shutdown_delay());
  const bool any_runs =
      std::any_of(tasks_.begin(), tasks_.end(), [](const auto& entry) { return !entry.second->task_id().empty(); });
  const Duration until = world_.loop.uptime() + (any_runs ? group_delay : Duration::zero());
  while (world_.loop.uptime() < until && !skip_shutdown_delay()) {
    const bool woken = co_await tasks_changed_.wait_for(until - world_.loop.uptime());
    if (!woken) co_return;
  }
  for (const std::vector<std::string>& wave : kill_waves(views())) {
    for (const std::string& name : wave) tasks_.at(name)->kill();
    const bool dead = co_await wait_dead(wave);
    if (!dead) co_return;
  }
  for (auto& [name, task] : tasks_) {
    if (removing_) task->kill();
  }
}

Async<bool> AllocRunner::wait_dead(std::vector<std::string> names) {
  const auto alive = [this](const std::string& name) {
    const auto found = tasks_.find(name);
    return found != tasks_.end() && !found->second->is_dead();
  };
  while (std::any_of(names.begin(), names.end(), alive)) {
    const bool woken = co_await tasks_changed_.wait();
    if (!woken) co_return false;
  }
  co_return true;
}

void AllocRunner::update(std::shared_ptr<const model::Allocation> newer) {
  const bool was_unknown = newer->client_status() == "unknown";
  take(std::move(newer));
  scope_.spawn(save_alloc());

  for (auto& [name, task] : tasks_) {
    if (was_unknown && wanted() && !task->is_dead()) task->add_event(events::reconnected(world_.loop.now()));
    const model::TaskGroup* its_group = group();
    const bool still_there =
        its_group != nullptr && std::any_of(its_group->tasks().begin(), its_group->tasks().end(),
                                            [&name](const auto& task_now) { return task_now.name() == name; });
    if (!still_there) task->kill();
  }
  changed_(*this);
  tasks_changed_.notify();
}

/// What was found out about its health stays with it, within the same deployment.
void AllocRunner::take(std::shared_ptr<const model::Allocation> newer) {
  const bool decided = alloc_->deployment_status().has_healthy();
  if (decided && newer->deployment_id() == alloc_->deployment_id() && !newer->deployment_status().has_healthy()) {
    auto merged = std::make_shared<model::Allocation>(*newer);
    merged->mutable_deployment_status()->set_healthy(alloc_->deployment_status().healthy());
    merged->mutable_deployment_status()->set_timestamp(alloc_->deployment_status().timestamp());
    newer = std::move(merged);
  }
  alloc_ = std::move(newer);
  begin_judging();
}

Async<void> AllocRunner::save_alloc() {
  const std::shared_ptr<const model::Allocation> alloc = alloc_;
  const Result<void> saved = co_await world_.store.save_alloc(alloc);
  if (!saved && saved.error().code != Code::cancelled)
    world_.log.warn("cannot save an allocation: alloc={} error=\"{}\"", id_, saved.error().message);
}

void AllocRunner::begin_removing() {
  if (removing_) return;
  removing_ = true;
  for (auto& [name, task] : tasks_) {
    if (task->view().kind == TaskKind::poststop) task->kill();
  }
  if (!killing_) begin_killing();
}

Async<Result<void>> AllocRunner::remove() {
  begin_removing();
  std::vector<std::string> all;
  for (auto& [name, task] : tasks_) all.push_back(name);
  const bool dead = co_await wait_dead(std::move(all));
  if (!dead) co_return fail(Code::cancelled, "the agent stops");

  const std::string id = id_;
  Result<void> removed = co_await world_.files.remove_alloc(id);
  if (!removed) co_return removed;
  // Coroutines that still hold on to this allocation end before its record goes, so that none writes it again.
  co_await stop();
  Result<void> forgotten = co_await world_.store.forget_alloc(id);
  co_return forgotten;
}

Async<Result<void>> AllocRunner::restart(std::string task, bool all_tasks) {
  std::string reason = "User requested task to restart";
  if (!task.empty()) {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) co_return fail(Code::not_found, "Could not find task runner for task: {}", task);
    const Result<void> restarted = co_await found->second->restart(std::move(reason));
    co_return restarted;
  }
  if (killing_) co_return fail(Code::conflict, "restart of an alloc that should not run");
  if (ended()) co_return fail(Code::conflict, "Task not running");
  reason = all_tasks ? "User requested all tasks to restart" : "User requested running tasks to restart";
  for (auto& [name, runner] : tasks_) {
    const bool running = !runner->task_id().empty();
    if (running)
      static_cast<void>(co_await runner->restart(reason));
    else if (all_tasks)
      runner->revive(reason);
  }
  co_return Result<void>();
}

Async<Result<void>> AllocRunner::signal(std::string task, std::string signal) {
  if (!task.empty()) {
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) co_return fail(Code::not_found, "Task not found");
    const Result<void> sent = co_await found->second->signal(signal, "User requested task to be signaled");
    co_return sent;
  }
  Result<void> all;
  std::vector<std::string> idle;
  for (auto& [name, runner] : tasks_) {
    if (runner->task_id().empty()) idle.push_back(name);
  }
  if (idle.size() == tasks_.size()) co_return nothing_runs(idle);
  for (auto& [name, runner] : tasks_) {
    if (runner->task_id().empty()) continue;
    const Result<void> sent = co_await runner->signal(signal, "User requested task to be signaled");
    if (!sent) all = sent.error();
  }
  co_return all;
}

void AllocRunner::add_driver_event(const DriverTaskEvent& event) {
  const auto found = tasks_.find(event.task_name);
  if (found != tasks_.end())
    found->second->add_event(events::driver_message(event.at, event.message, event.annotations));
}

ClientStatus AllocRunner::client_status() const {
  if (!failure_.empty()) return {"failed", failure_};
  return agent::client_status(views());
}

bool AllocRunner::ended() const {
  return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& entry) { return entry.second->is_dead(); });
}

std::shared_ptr<const model::AllocStatus> AllocRunner::status() const {
  auto out = std::make_shared<model::AllocStatus>();
  const ClientStatus now = client_status();
  out->set_id(id_);
  out->set_client_status(std::string(now.status));
  out->set_client_description(std::string(now.description));
  for (const auto& [name, task] : tasks_) (*out->mutable_task_states())[name] = task->state();
  if (alloc_->deployment_status().has_healthy()) *out->mutable_deployment_status() = alloc_->deployment_status();
  out->mutable_network_status();  // the host's network is nothing of its own: all empty, but there
  out->set_modify_time(to_ns(world_.loop.now()));
  return out;
}

const TaskRunner* AllocRunner::task(const std::string& name) const {
  const auto found = tasks_.find(name);
  return found == tasks_.end() ? nullptr : found->second.get();
}

std::vector<const TaskRunner*> AllocRunner::tasks() const {
  std::vector<const TaskRunner*> out;
  for (const auto& [name, task] : tasks_) out.push_back(task.get());
  return out;
}

bool AllocRunner::gate_open(const std::string& task) const { return may_start(tasks_.at(task)->view().kind, views()); }

void AllocRunner::task_changed(const std::string&) {
  changed_(*this);
  tasks_changed_.notify();
}

bool AllocRunner::skip_shutdown_delay() const { return alloc_->desired_transition().no_shutdown_delay(); }

bool AllocRunner::wanted() const {
  // Ended for the server: if it runs here, then its end could not be stored, and another has taken its place.
  const std::string& status = alloc_->client_status();
  if (status == "complete" || status == "failed" || status == "lost") return false;
  return alloc_->desired_status() != "stop" && alloc_->desired_status() != "evict" && !removing_;
}

std::vector<TaskView> AllocRunner::views() const {
  std::vector<TaskView> out;
  for (const auto& [name, task] : tasks_) out.push_back(task->view());
  return out;
}

const model::TaskGroup* AllocRunner::group() const {
  const auto& groups = alloc_->job().task_groups();
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [this](const auto& group) { return group.name() == alloc_->task_group(); });
  return found == groups.end() ? nullptr : &*found;
}

}  // namespace drover::agent
