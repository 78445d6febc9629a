#include "model/proto/evaluation.pb.h"
#include "model/proto/node.pb.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/commands/node_event.h"
#include "server/proto/command.pb.h"

// Changes of a node by the server: its status, eligibility, evaluation and removal.
namespace drover::server {
namespace {

void take_evals(std::vector<model::Evaluation> evals, auto& command, NodeUpdated& answer, Index index) {
  for (auto& eval : evals) {
    answer.eval_ids.push_back(eval.id());
    *command.add_evals() = std::move(eval);
  }
  if (!answer.eval_ids.empty()) answer.eval_create_index = index;
}

Decision<NodeUpdated> unchanged(const model::Node& node, const Deciding& deciding) {
  Decision<NodeUpdated> decision;
  decision.answer.node_modify_index = node.modify_index();
  decision.answer.index = deciding.state.index();
  return decision;
}

Decision<NodeUpdated> changing(const Deciding& deciding) {
  Decision<NodeUpdated> decision{.command = new_command(deciding), .answer = {}};
  decision.answer.node_modify_index = deciding.index;
  decision.answer.index = deciding.index;
  return decision;
}

Error no_node() { return fail(Code::not_found, "node not found"); }

}  // namespace

Result<Decision<NodeUpdated>> decide(const SetNodeStatus& request, const Deciding& deciding) {
  const model::Node* node = deciding.state.node(request.node);
  if (!node) return no_node();
  if (node->status() == request.status) return unchanged(*node, deciding);

  Decision<NodeUpdated> decision = changing(deciding);
  auto& command = *decision.command->mutable_set_node_status();
  command.set_node_id(node->id());
  command.set_status(request.status);
  command.set_description(request.description);
  if (!request.event.empty()) *command.mutable_event() = node_event(request.event, deciding.now);
  take_evals(node_evals(deciding, request.node, "node-update"), command, decision.answer, deciding.index);
  return decision;
}

Result<void> apply(State& state, const proto::SetNodeStatus& command) {
  const model::Node* known = state.node(parse_uuid(command.node_id()));
  if (!known) return fail(Code::not_found, "set the status of node {}: there is no such node", command.node_id());
  model::Node node = *known;
  node.set_status(command.status());
  node.set_status_description(command.description());
  if (command.status() == "down") node.set_last_missed_heartbeat_index(state.index());
  if (command.has_event()) {
    model::NodeEvent event = command.event();
    event.set_create_index(state.index());
    node.set_status_updated_at(event.timestamp() / 1'000'000'000);
    add_event(node, event);
  }
  state.put_node(std::move(node));
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

Result<Decision<NodeUpdated>> decide(const SetEligibility& request, const Deciding& deciding) {
  const model::Node* node = deciding.state.node(request.node);
  if (!node) return no_node();
  const bool eligible = request.eligibility == "eligible";
  if (!eligible && request.eligibility != "ineligible") {
    return fail(Code::invalid, "invalid scheduling eligibility \"{}\"", request.eligibility);
  }
  if (eligible && node->has_drain_strategy()) {
    return fail(Code::conflict, "can not set node's scheduling eligibility to eligible while it is draining");
  }
  if (node->scheduling_eligibility() == request.eligibility) return unchanged(*node, deciding);

  Decision<NodeUpdated> decision = changing(deciding);
  auto& command = *decision.command->mutable_set_eligibility();
  command.set_node_id(node->id());
  command.set_eligibility(request.eligibility);
  *command.mutable_event() =
      node_event(eligible ? "Node marked as eligible for scheduling" : "Node marked as ineligible for scheduling", deciding.now);
  if (eligible) take_evals(node_evals(deciding, request.node, "node-update"), command, decision.answer, deciding.index);
  return decision;
}

Result<void> apply(State& state, const proto::SetEligibility& command) {
  const model::Node* known = state.node(parse_uuid(command.node_id()));
  if (!known) return fail(Code::not_found, "set the eligibility of node {}: there is no such node", command.node_id());
  model::Node node = *known;
  node.set_scheduling_eligibility(command.eligibility());
  model::NodeEvent event = command.event();
  event.set_create_index(state.index());
  add_event(node, event);
  state.put_node(std::move(node));
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

Result<Decision<NodeUpdated>> decide(const EvaluateNode& request, const Deciding& deciding) {
  const model::Node* node = deciding.state.node(request.node);
  if (!node) return no_node();
  auto evals = node_evals(deciding, request.node, "node-update");
  Decision<NodeUpdated> decision = evals.empty() ? unchanged(*node, deciding) : changing(deciding);
  decision.answer.node_modify_index = node->modify_index();
  if (!evals.empty()) take_evals(std::move(evals), *decision.command->mutable_put_evals(), decision.answer, deciding.index);
  return decision;
}

Result<Decision<NodeUpdated>> decide(const PurgeNode& request, const Deciding& deciding) {
  const model::Node* node = deciding.state.node(request.node);
  if (!node) return no_node();
  Decision<NodeUpdated> decision = changing(deciding);
  auto& command = *decision.command->mutable_purge_node();
  command.set_node_id(node->id());
  take_evals(node_evals(deciding, request.node, "node-update"), command, decision.answer, deciding.index);
  return decision;
}

Result<void> apply(State& state, const proto::PurgeNode& command) {
  if (!state.erase_node(parse_uuid(command.node_id()))) {
    return fail(Code::not_found, "purge node {}: there is no such node", command.node_id());
  }
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
