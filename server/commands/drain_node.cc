#include <set>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/commands/apply.h"
#include "server/commands/drain_step.h"
#include "server/commands/evals.h"
#include "server/commands/node_event.h"
#include "server/proto/command.pb.h"

// Draining nodes: an operator begins and ends it, a duty carries it through.
namespace drover::server {
namespace {

/// How many allocations one command marks; the rest goes with the next.
constexpr std::size_t marks_max = 8192;

model::NodeEvent drain_event(std::string_view message, const Deciding& deciding) {
  model::NodeEvent event = node_event(message, deciding.now);
  event.set_subsystem("Drain");
  event.set_create_index(deciding.index);
  return event;
}

model::DrainStrategy strategy_of(const DrainNode& request, const model::Node& node, Instant now) {
  model::DrainStrategy drain;
  drain.set_deadline(request.deadline.count());
  drain.set_ignore_system_jobs(request.ignore_system_jobs);
  // A drain that is changed goes on: it began when it began.
  drain.set_started_at(node.has_drain_strategy() ? node.drain_strategy().started_at() : to_ns(now));
  if (request.deadline > Duration(0)) drain.set_force_deadline(to_ns(now + request.deadline));
  return drain;
}

/// Evaluations of the jobs that an eligible node may take from now on, as the node will be.
std::vector<model::Evaluation> evals_when_eligible(const model::Node& node, const Deciding& deciding) {
  State after(deciding.state);
  model::Node eligible = node;
  eligible.clear_drain_strategy();
  eligible.set_scheduling_eligibility("eligible");
  after.put_node(eligible);
  const Deciding then{after, deciding.index, deciding.now, deciding.random, deciding.config};
  return node_evals(then, parse_uuid(node.id()), "node-update");
}

Result<Decision<DrainsAdvanced>> mark(const DrainStep& step, const Deciding& deciding) {
  Decision<DrainsAdvanced> decision{.command = new_command(deciding), .answer = {.changed = true, .completed = {}}};
  auto& command = *decision.command->mutable_mark_allocs();
  std::set<JobKey> jobs;
  for (const DrainStep::Mark& wanted : step.marks) {
    if (static_cast<std::size_t>(command.marks_size()) == marks_max) break;
    auto& mark = *command.add_marks();
    mark.set_alloc_id(to_text(wanted.alloc));
    mark.mutable_transition()->set_migrate(true);
    if (wanted.no_replacement) mark.mutable_transition()->set_migrate_disable_placement(true);
    if (!jobs.insert(wanted.job).second) continue;
    const JobVersionRow* current = deciding.state.current(wanted.job.ns, wanted.job.id);
    const AllocRow& row = *deciding.state.alloc(wanted.alloc);
    *command.add_evals() = job_eval(deciding, current ? *current->spec : *deciding.state.version_of(row).spec, "node-drain", 0);
  }
  return decision;
}

Result<Decision<DrainsAdvanced>> complete(const DrainStep& step, const Deciding& deciding) {
  Decision<DrainsAdvanced> decision{.command = new_command(deciding), .answer = {.changed = true, .completed = step.completed}};
  auto& command = *decision.command->mutable_drain_node();
  for (const Uuid& node : step.completed) command.add_node_ids(to_text(node));
  command.set_completed(true);
  *command.mutable_event() = drain_event("Node drain complete", deciding);
  return decision;
}

void end_drain(model::Node& node, const proto::DrainNode& command, std::int64_t now) {
  const bool was_draining = node.has_drain_strategy();
  node.clear_drain_strategy();
  node.set_drain(false);
  if (command.mark_eligible()) node.set_scheduling_eligibility("eligible");
  if (!was_draining) return;
  node.mutable_last_drain()->set_status(command.completed() ? "complete" : "canceled");
  node.mutable_last_drain()->set_updated_at(now);
}

void begin_drain(model::Node& node, const proto::DrainNode& command, std::int64_t now) {
  if (!node.has_drain_strategy()) {
    node.clear_last_drain();
    node.mutable_last_drain()->set_started_at(now);
  }
  *node.mutable_drain_strategy() = command.strategy();
  node.set_drain(true);
  node.set_scheduling_eligibility("ineligible");
  node.mutable_last_drain()->set_status("draining");
  node.mutable_last_drain()->set_updated_at(now);
}

}  // namespace

Result<Decision<NodeUpdated>> decide(const DrainNode& request, const Deciding& deciding) {
  const model::Node* node = deciding.state.node(request.node);
  if (!node) return fail(Code::not_found, "node not found");
  Decision<NodeUpdated> decision{.command = new_command(deciding), .answer = {}};
  decision.answer.node_modify_index = deciding.index;
  decision.answer.index = deciding.index;
  auto& command = *decision.command->mutable_drain_node();
  command.add_node_ids(node->id());
  command.set_accessor_id(request.accessor_id);
  for (const auto& [key, value] : request.meta) (*command.mutable_meta())[key] = value;
  if (request.drain) {
    *command.mutable_strategy() = strategy_of(request, *node, deciding.now);
    *command.mutable_event() = drain_event(node->has_drain_strategy() ? "Node drain strategy updated" : "Node drain strategy set", deciding);
    return decision;
  }
  command.set_mark_eligible(request.mark_eligible);
  if (node->has_drain_strategy()) *command.mutable_event() = drain_event("Node drain disabled", deciding);
  if (!request.mark_eligible) return decision;
  for (auto& eval : evals_when_eligible(*node, deciding)) {
    decision.answer.eval_ids.push_back(eval.id());
    *command.add_evals() = std::move(eval);
  }
  if (!decision.answer.eval_ids.empty()) decision.answer.eval_create_index = deciding.index;
  return decision;
}

Result<void> apply(State& state, const proto::DrainNode& command) {
  for (const auto& id : command.node_ids()) {
    const model::Node* known = state.node(parse_uuid(id));
    if (!known) return fail(Code::not_found, "drain node {}: there is no such node", id);
    model::Node node = *known;
    const bool was_draining = node.has_drain_strategy();
    command.has_strategy() ? begin_drain(node, command, state.time()) : end_drain(node, command, state.time());
    if (was_draining || command.has_strategy()) {
      if (!command.meta().empty()) *node.mutable_last_drain()->mutable_meta() = command.meta();
      if (!command.accessor_id().empty()) node.mutable_last_drain()->set_accessor_id(command.accessor_id());
    }
    if (command.has_event()) add_event(node, command.event());
    state.put_node(std::move(node));
  }
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

Result<Decision<DrainsAdvanced>> decide(const AdvanceDrains&, const Deciding& deciding) {
  const DrainStep step = drain_step(deciding.state, deciding.now);
  if (!step.marks.empty()) return mark(step, deciding);
  if (!step.completed.empty()) return complete(step, deciding);
  return Decision<DrainsAdvanced>{};
}

Result<void> apply(State& state, const proto::MarkAllocs& command) {
  const auto wish = [](bool has, bool value) { return !has ? Wish::unset : value ? Wish::yes : Wish::no; };
  for (const auto& mark : command.marks()) {
    const auto& wanted = mark.transition();
    const Transitions wishes{
        .migrate = wish(wanted.has_migrate(), wanted.migrate()),
        .reschedule = wish(wanted.has_reschedule(), wanted.reschedule()),
        .migrate_disable_placement = wish(wanted.has_migrate_disable_placement(), wanted.migrate_disable_placement()),
    };
    DROVER_TRY(state.wish(parse_uuid(mark.alloc_id()), wishes));
  }
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
