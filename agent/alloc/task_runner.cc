#include "agent/alloc/task_runner.h"

#include <algorithm>

#include "agent/alloc/events.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

TaskPhase phase_of(const model::TaskState& state) {
  if (state.state() == "running") return TaskPhase::running;
  return state.state() == "dead" ? TaskPhase::dead : TaskPhase::pending;
}

const char* to_text(TaskPhase phase) {
  switch (phase) {
    case TaskPhase::pending:
      return "pending";
    case TaskPhase::running:
      return "running";
    case TaskPhase::dead:
      return "dead";
  }
  return "pending";
}

}  // namespace

TaskRunner::TaskRunner(World& world, TaskOwner& owner, std::string name)
    : world_(world),
      owner_(owner),
      name_(std::move(name)),
      state_(std::make_unique<model::TaskState>()),
      wake_(world.loop),
      scope_(world.loop) {
  state_->set_state("pending");
  if (task() != nullptr) driver_ = task()->driver();
}

TaskRunner::~TaskRunner() = default;

void TaskRunner::restore(StoredTask stored) {
  if (stored.state != nullptr) *state_ = *stored.state;
  handle_ = std::move(stored.handle);
  network_ = std::move(stored.network);
  if (!stored.driver.empty()) driver_ = std::move(stored.driver);
  history_.count = stored.attempts;
  if (stored.interval_start != Instant{}) history_.since = stored.interval_start;
  restart_wanted_ = stored.restart_wanted;
  restart_counts_ = stored.restart_counts;
}

void TaskRunner::start() {
  if (state_->events_size() == 0) events::append(*state_, events::received(world_.loop.now()));
  scope_.spawn(run());
}

Async<void> TaskRunner::stop() {
  if (stopped_) co_return;
  stopped_ = true;
  co_await scope_.stop();
  const Result<void> saved = co_await save();
  static_cast<void>(saved);  // the next agent goes on from what was saved before
}

Async<bool> TaskRunner::adopted() {
  while (!adopted_) {
    const bool woken = co_await wake_.wait();
    if (!woken) co_return false;
  }
  co_return true;
}

Async<void> TaskRunner::run() {
  const Wait restored = co_await adopt();
  adopted_ = true;
  wake_.notify();
  if (restored == Wait::cancelled) co_return;
  if (!handle_) restart_wanted_ = restart_counts_ = false;  // what was to end has ended

  while (!is_dead()) {
    if (!handle_) {
      Wait gate = co_await pass_gate();
      if (gate == Wait::go) gate = co_await wait_for_driver();
      if (gate == Wait::cancelled) co_return;
      if (gate == Wait::killed) {
        finish();
        co_return;
      }
      const Result<void> launched = co_await launch();
      if (!launched) {
        const Wait failed = co_await after_failed_start(launched.error());
        if (failed == Wait::cancelled) co_return;
        continue;
      }
    }
    const std::optional<TaskExit> exit = co_await until_exit();
    if (!exit) co_return;
    const Wait settled = co_await settle(*exit);
    if (settled == Wait::cancelled) co_return;
  }
}

Async<TaskRunner::Wait> TaskRunner::pass_gate() {
  while (!kill_wanted_) {
    if (owner_.gate_open(name_)) co_return Wait::go;
    const bool woken = co_await wake_.wait();
    if (!woken) co_return Wait::cancelled;
  }
  co_return Wait::killed;
}

Async<TaskRunner::Wait> TaskRunner::pause(Duration delay) {
  const Duration until = world_.loop.uptime() + delay;
  while (!kill_wanted_ && !restart_wanted_ && world_.loop.uptime() < until) {
    const bool woken = co_await wake_.wait_for(until - world_.loop.uptime());
    if (!woken) co_return Wait::cancelled;
  }
  restart_wanted_ = restart_counts_ = false;
  co_return kill_wanted_ ? Wait::killed : Wait::go;
}

void TaskRunner::kill() {
  kill_wanted_ = true;
  wake_.notify();
}

Async<Result<void>> TaskRunner::restart(std::string reason) {
  if (phase_of(*state_) != TaskPhase::running) co_return fail(Code::conflict, "Task not running");
  restart_wanted_ = true;
  add_event(events::restart_signaled(world_.loop.now(), reason));
  wake_.notify();
  const Result<void> saved = co_await save();
  if (!saved && saved.error().code != Code::cancelled) {
    world_.log.warn("a restart goes on, but would not outlive this agent: alloc={} task={} error=\"{}\"", owner_.alloc()->id(), name_,
                    saved.error().message);
  }
  co_return Result<void>();
}

void TaskRunner::restart_failed(std::string reason) {
  if (phase_of(*state_) != TaskPhase::running || restart_wanted_ || kill_wanted_) return;
  restart_wanted_ = restart_counts_ = true;
  add_event(events::restart_signaled(world_.loop.now(), reason));
  wake_.notify();
}

void TaskRunner::revive(std::string reason) {
  if (!is_dead() || task() == nullptr) return;
  kill_wanted_ = false;
  history_ = {};
  state_->set_failed(false);
  state_->set_restarts(state_->restarts() + 1);
  state_->set_last_restart(to_ns(world_.loop.now()));
  set_phase(TaskPhase::pending);
  add_event(events::restart_signaled(world_.loop.now(), reason));
  scope_.spawn(run());
}

Async<Result<void>> TaskRunner::signal(std::string signal, std::string reason) {
  if (phase_of(*state_) != TaskPhase::running || !handle_) co_return fail(Code::conflict, "Task not running");
  add_event(events::signaling(world_.loop.now(), signal, reason));
  const Result<void> sent = co_await world_.drivers.signal_task(driver_, handle_->config.id, signal);
  co_return sent;
}

void TaskRunner::look_again() { wake_.notify(); }

void TaskRunner::add_event(model::TaskEvent event) {
  events::append(*state_, std::move(event));
  changed();
}

void TaskRunner::fail_unstarted(model::TaskEvent event) {
  events::append(*state_, std::move(event));
  state_->set_failed(true);
  finish();
}

void TaskRunner::finish() {
  if (state_->finished_at() == 0) state_->set_finished_at(to_ns(world_.loop.now()));
  set_phase(TaskPhase::dead);
  changed();
}

void TaskRunner::set_phase(TaskPhase phase) { state_->set_state(to_text(phase)); }

void TaskRunner::changed() {
  if (!save_planned_) {
    save_planned_ = true;
    scope_.spawn(save_later());
  }
  owner_.task_changed(name_);
}

TaskView TaskRunner::view() const {
  const model::Task* definition = task();
  TaskView view{name_, TaskKind::main, phase_of(*state_), state_->failed(), false};
  if (definition != nullptr) {
    view.kind = kind_of(*definition);
    view.leader = definition->leader();
  }
  return view;
}

std::string TaskRunner::task_id() const {
  return handle_ && phase_of(*state_) == TaskPhase::running ? handle_->config.id : "";
}

const Texts* TaskRunner::environment() const { return task_id().empty() ? nullptr : &handle_->config.env; }

bool TaskRunner::logs_disabled() const { return task() != nullptr && task()->log_config().disabled(); }

StoredTask TaskRunner::stored() const {
  return {std::make_shared<const model::TaskState>(*state_), handle_, driver_,
          static_cast<std::uint32_t>(history_.count), history_.since.value_or(Instant{}), false, network_,
          restart_wanted_, restart_counts_};
}

Async<Result<void>> TaskRunner::save() {
  const std::string alloc_id = owner_.alloc()->id();
  const Result<void> saved = co_await world_.store.save_task(alloc_id, name_, stored());
  co_return saved;
}

Async<void> TaskRunner::save_later() {
  save_planned_ = false;
  const Result<void> saved = co_await save();
  if (!saved && saved.error().code != Code::cancelled) {
    world_.log.warn("cannot save a task's state: alloc={} task={} error=\"{}\"", owner_.alloc()->id(), name_,
                    saved.error().message);
  }
}

const model::TaskGroup* TaskRunner::group() const {
  const auto alloc = owner_.alloc();
  const auto& groups = alloc->job().task_groups();
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&alloc](const auto& group) { return group.name() == alloc->task_group(); });
  return found == groups.end() ? nullptr : &*found;
}

const model::Task* TaskRunner::task() const {
  const model::TaskGroup* its_group = group();
  if (its_group == nullptr) return nullptr;
  const auto& tasks = its_group->tasks();
  const auto found =
      std::find_if(tasks.begin(), tasks.end(), [this](const auto& task) { return task.name() == name_; });
  return found == tasks.end() ? nullptr : &*found;
}

const DriverStatus* TaskRunner::find_driver(const std::vector<DriverStatus>& all) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [this](const DriverStatus& status) { return status.name == driver_; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace drover::agent
