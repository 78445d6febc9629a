#include "server/broker/scheduling.h"

#include <algorithm>

#include "base/loop/call.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"
#include "server/proto/command.pb.h"
#include "server/state/bytes.h"

namespace drover::server {
namespace {

constexpr Duration failed_follow_up_delay = 1min;
constexpr std::uint64_t failed_follow_up_spread_s = 300;

bool is_batch(const model::Evaluation& eval) { return eval.type() == "batch" || eval.type() == "sysbatch"; }
bool is_system(const model::Evaluation& eval) { return eval.type() == "system" || eval.type() == "sysbatch"; }

/// A copy with another status, as it is to be stored.
EvalPtr with_status(const model::Evaluation& eval, std::string_view status, std::string_view description) {
  auto changed = std::make_shared<model::Evaluation>(eval);
  changed->set_status(std::string(status));
  changed->set_status_description(std::string(description));
  return changed;
}

/// Another evaluation of the same job.
std::shared_ptr<model::Evaluation> sequel(const model::Evaluation& eval, Random& random, std::string_view trigger) {
  auto next = std::make_shared<model::Evaluation>();
  next->set_id(to_text(random.uuid()));
  next->set_namespace_(eval.namespace_());
  next->set_priority(eval.priority());
  next->set_type(eval.type());
  next->set_triggered_by(std::string(trigger));
  next->set_job_id(eval.job_id());
  next->set_job_modify_index(eval.job_modify_index());
  next->set_previous_eval(eval.id());
  return next;
}

/// Whether a blocked evaluation that was tried again has come out as it was, so that nothing need be written.
bool is_same_block(const model::Evaluation& before, const model::Evaluation& after) {
  model::Evaluation a = before;
  model::Evaluation b = after;
  for (model::Evaluation* eval : {&a, &b}) {
    eval->clear_snapshot_index();
    eval->clear_modify_index();
    eval->clear_modify_time();
    eval->clear_create_index();
    eval->clear_create_time();
    eval->clear_failed_tg_allocs();
    eval->clear_class_eligibility();
    eval->clear_plan_annotations();
  }
  return to_bytes(a) == to_bytes(b);
}

}  // namespace

Scheduling::Scheduling(Parts parts)
    : parts_(std::move(parts)), work_to_do_(parts_.loop), time_changed_(parts_.loop), scope_(parts_.loop) {
  parts_.turns.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

void Scheduling::start() {
  scope_.spawn(hand_out());
  scope_.spawn(keep_time());
  scope_.spawn(retry_attempts());
}

Async<void> Scheduling::stop() { co_await scope_.stop(); }

// What has been published.

void Scheduling::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  nodes_.published(state, effects, anew);
  if (anew) {
    take_all(*state);
  } else {
    for (const Effect& effect : effects) {
      if (effect.topic == Topic::evals) take_eval(*state, effect.id);
      if (effect.topic == Topic::allocs) take_alloc(*state, effect);
      if (effect.topic == Topic::nodes && state->node(effect.id)) blocked_.freed(effect.id, effect.index);
    }
  }
  wake_blocked();
  put_later(std::exchange(to_cancel_, {}));
  work_to_do_.notify();
  time_changed_.notify();
}

/// The state has been made anew: what is in flight was decided on another one, and does not count any more.
void Scheduling::take_all(const Snapshot& state) {
  broker_.clear();
  blocked_.clear();
  state.each_node({}, [this](const model::Node& node) { return blocked_.freed(parse_uuid(node.id()), node.modify_index()), true; });
  state.each_eval({}, [this, &state](const model::Evaluation& eval) { return take_eval(state, parse_uuid(eval.id())), true; });
}

void Scheduling::take_eval(const Snapshot& state, const Uuid& id) {
  const EvalPtr eval = state.shared_eval(id);
  if (eval && eval->status() == "pending") {
    blocked_.forget(id);
    broker_.enqueue(eval, parts_.loop.now());
    return;
  }
  if (eval && eval->status() == "blocked") {
    broker_.forget(id);
    const EvalPtr loser = blocked_.block(eval, state);
    if (loser) to_cancel_.push_back(with_status(*loser, "canceled", text("existing blocked evaluation exists for job \"{}\"", eval->job_id())));
    return;
  }
  broker_.forget(id);
  blocked_.forget(id);
}

/// An allocation that has ended, or is gone, leaves room on its node.
void Scheduling::take_alloc(const Snapshot& state, const Effect& effect) {
  const AllocRow* row = state.alloc(effect.id);
  if (row && row->client_terminal()) blocked_.freed(state.node_of(*row), effect.index);
}

void Scheduling::wake_blocked() {
  for (const EvalPtr& eval : blocked_.wake(*parts_.turns.published())) broker_.enqueue(eval, parts_.loop.now());
}

// Coroutines.

Async<void> Scheduling::hand_out() {
  for (;;) {
    std::optional<Delivery> delivery;
    const bool paused = parts_.paused && parts_.paused();
    if (passes_ < passes_max && parts_.turns.leading() && !paused) delivery = broker_.dequeue(parts_.loop.uptime());
    if (delivery) {
      ++passes_;
      scope_.spawn(work(*delivery));
      continue;
    }
    const bool woken = co_await work_to_do_.wait();
    if (!woken) co_return;
  }
}

Async<void> Scheduling::keep_time() {
  for (;;) {
    const std::vector<EvalPtr> spent = broker_.tick(parts_.loop.uptime(), parts_.loop.now());
    std::vector<EvalPtr> changed;
    for (const EvalPtr& eval : spent) {
      auto failed = std::make_shared<model::Evaluation>(*eval);
      failed->set_status("failed");
      failed->set_status_description(text("evaluation reached delivery limit ({})", EvalBroker::deliveries_max));
      parts_.log.error("an evaluation could not be done and is given up for now: eval={} job={}", eval->id(), eval->job_id());
      if (parts_.turns.published()->job(eval->namespace_(), eval->job_id())) {
        auto next = sequel(*eval, parts_.random, "failed-follow-up");
        next->set_status("pending");
        next->set_wait((failed_follow_up_delay + std::chrono::seconds(parts_.random.below(failed_follow_up_spread_s))).count());
        next->set_create_time(to_ns(parts_.loop.now()));
        failed->set_next_eval(next->id());
        changed.push_back(next);
      }
      changed.push_back(failed);
    }
    put_later(std::move(changed));
    if (broker_.ready() > 0) work_to_do_.notify();

    const auto next = broker_.until_next(parts_.loop.uptime(), parts_.loop.now());
    const bool woken = next ? co_await time_changed_.wait_for(*next) : co_await time_changed_.wait();
    if (!woken) co_return;
  }
}

Async<void> Scheduling::retry_attempts() {
  for (;;) {
    const bool slept = co_await parts_.loop.sleep(attempts_retry_interval);
    if (!slept) co_return;
    for (const EvalPtr& eval : blocked_.out_of_attempts()) broker_.enqueue(eval, parts_.loop.now());
    work_to_do_.notify();
  }
}

/// One evaluation from here to its end.
Async<void> Scheduling::work(Delivery delivery) {
  const int attempts_max = is_batch(*delivery.eval) ? batch_attempts_max : service_attempts_max;
  int attempts = 0;
  for (;;) {
    bool progress = false;
    Result<bool> done = co_await attempt(delivery, progress);
    attempts = progress ? 0 : attempts + 1;
    if (done && !*done && attempts >= attempts_max) {
      const Result<void> given_up = co_await give_up(delivery, attempts_max);
      if (given_up) {
        done = true;
      } else {
        done = given_up.error();
      }
    }
    if (!done) {
      if (done.error().code != Code::conflict) parts_.log.warn("an evaluation is put back: eval={} error=\"{}\"", delivery.eval->id(), done.error().message);
      broker_.nack(delivery, parts_.loop.uptime());
      break;
    }
    if (!*done) continue;
    std::vector<EvalPtr> canceled;
    for (const EvalPtr& eval : broker_.ack(delivery)) canceled.push_back(with_status(*eval, "canceled", "canceled after more recent eval was processed"));
    put_later(std::move(canceled));
    break;
  }
  --passes_;
  blocked_.tried(parse_uuid(delivery.eval->id()));
  wake_blocked();
  work_to_do_.notify();
  time_changed_.notify();
}

Async<Result<bool>> Scheduling::attempt(Delivery delivery, bool& progress) {
  const SnapshotPtr state = parts_.turns.published();
  const EvalPtr eval = state->shared_eval(parse_uuid(delivery.eval->id()));
  const bool open = eval && (eval->status() == "pending" || eval->status() == "blocked");
  if (!open) blocked_.forget(parse_uuid(delivery.eval->id()));
  if (!open || !broker_.holds(delivery)) co_return true;  // done elsewhere

  const PassRequest request{state, nodes_.get(), eval, parts_.loop.now(), parts_.random.next()};
  std::function<PassResult()> pass = [run = parts_.pass, request] { return run(request); };
  Result<PassResult> passed = co_await run_on_pool<PassResult>(parts_.workers, parts_.loop, std::move(pass));
  if (!passed) co_return passed.error();

  const bool unchanged = eval->status() == "blocked" && passed->eval->status() == "blocked" && passed->plan_is_empty &&
                         passed->new_evals.empty() && is_same_block(*eval, *passed->eval);
  if (unchanged) {
    const EvalPtr now = parts_.turns.published()->shared_eval(parse_uuid(eval->id()));
    if (!now || now->status() != "blocked") co_return true;  // ended while the pass ran
    if (!blocked_.holds(parse_uuid(eval->id()))) co_return true;  // a newer one has taken its place, and this one is being canceled
    // It waits on, as of this snapshot: nobody else need know.
    auto again = std::make_shared<model::Evaluation>(*eval);
    again->set_snapshot_index(state->index());
    *again->mutable_class_eligibility() = passed->eval->class_eligibility();
    blocked_.block(again, *state);
    co_return true;
  }
  const Result<PlanApplied> applied = co_await submit(delivery, std::move(*passed));
  if (!applied) co_return applied.error();
  progress = applied->progress;
  if (!applied->whole) {
    for (const std::string& why : applied->refused) parts_.log.debug("a part of a plan did not fit any more: eval={} {}", delivery.eval->id(), why);
  }
  co_return applied->whole;
}

/// Puts plan and evaluations into one command, unless this worker has lost its lease meanwhile.
Async<Result<PlanApplied>> Scheduling::submit(Delivery delivery, PassResult result) {
  ApplyPlan request{.plan = result.plan, .evals = {}};
  request.evals.push_back(result.eval);
  for (const EvalPtr& eval : result.new_evals) request.evals.push_back(eval);
  auto answer = std::make_shared<PlanApplied>();
  Turns::Decide decide_it = [this, delivery, request = std::move(request), answer](const Deciding& deciding) -> Result<std::shared_ptr<proto::Command>> {
    if (!broker_.holds(delivery)) return fail(Code::conflict, "the lease of evaluation {} has run out", delivery.eval->id());
    DROVER_LET(auto decision, decide(request, deciding));
    *answer = std::move(decision.answer);
    return std::move(decision.command);
  };
  std::function<void(Done<PlanApplied>, std::weak_ptr<const void>)> ask = [this, decide_it = std::move(decide_it), answer](
                                                                             Done<PlanApplied> done, std::weak_ptr<const void>) {
    parts_.turns.submit(decide_it, [answer, done = std::move(done)](Result<void> decided) {
      done(decided ? Result<PlanApplied>(std::move(*answer)) : Result<PlanApplied>(std::move(decided).error()));
    });
  };
  co_return co_await call<PlanApplied>(parts_.loop, std::move(ask));
}

/// Its plans were refused again and again: it is failed, and service and batch jobs are tried again when things change.
Async<Result<void>> Scheduling::give_up(Delivery delivery, int attempts) {
  const SnapshotPtr state = parts_.turns.published();
  const EvalPtr eval = state->shared_eval(parse_uuid(delivery.eval->id()));
  if (!eval) co_return Result<void>();
  auto failed = std::make_shared<model::Evaluation>(*eval);
  failed->set_status("failed");
  failed->set_status_description(text("maximum attempts reached ({})", attempts));
  std::vector<EvalPtr> evals;
  if (!is_system(*eval)) {
    auto blocked = sequel(*eval, parts_.random, "max-plan-attempts");
    blocked->set_status("blocked");
    blocked->set_status_description("created due to placement conflicts");
    blocked->set_escaped_computed_class(true);
    blocked->set_snapshot_index(state->index());
    failed->set_blocked_eval(blocked->id());
    evals.push_back(blocked);
  }
  evals.push_back(failed);
  parts_.log.warn("an evaluation ran out of attempts: eval={} job={} attempts={}", eval->id(), eval->job_id(), attempts);
  co_return co_await put(std::move(evals));
}

Async<Result<void>> Scheduling::put(std::vector<EvalPtr> evals) {
  PutEvals request{std::move(evals)};
  std::function<void(Done<EvalsPut>, std::weak_ptr<const void>)> ask = [this, request](Done<EvalsPut> done, std::weak_ptr<const void>) {
    parts_.turns.ask(request, std::move(done));
  };
  const Result<EvalsPut> done = co_await call<EvalsPut>(parts_.loop, std::move(ask));
  if (!done) co_return done.error();
  co_return Result<void>();
}

/// The same without waiting. What cannot be stored is taken up again as the state has it.
void Scheduling::put_later(std::vector<EvalPtr> evals) {
  if (evals.empty()) return;
  std::vector<Uuid> ids;
  for (const EvalPtr& eval : evals) ids.push_back(parse_uuid(eval->id()));
  parts_.turns.ask(PutEvals{std::move(evals)},
                   Done<EvalsPut>([this, alive = std::weak_ptr<const bool>(alive_), ids = std::move(ids)](const Result<EvalsPut>& done) {
                     if (done || alive.expired()) return;
                     parts_.log.warn("evaluations could not be updated: error=\"{}\"", done.error().message);
                     for (const Uuid& id : ids) take_eval(*parts_.turns.published(), id);
                     work_to_do_.notify();
                     time_changed_.notify();
                   }));
}

}  // namespace drover::server
