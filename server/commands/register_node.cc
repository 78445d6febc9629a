#include "model/node_class.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/node.pb.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/commands/node_event.h"
#include "server/proto/command.pb.h"
#include "server/state/bytes.h"

// An agent has introduced itself, or told that its node has changed. The first use of an id binds it to a secret.
namespace drover::server {
namespace {

/// The node as it is to be stored: the agent's view, with what the server knows of it.
model::Node merged(const model::Node& said, const model::Node* known, const std::string& secret) {
  model::Node node = said;
  node.set_secret_id(secret);
  node.set_status("ready");
  node.clear_status_description();
  node.clear_events();
  node.clear_drain_strategy();
  node.clear_last_drain();
  node.clear_drain();
  node.clear_create_index();
  node.clear_modify_index();
  node.clear_last_missed_heartbeat_index();
  if (node.node_pool().empty()) node.set_node_pool("default");
  if (node.datacenter().empty()) node.set_datacenter("dc1");
  node.set_computed_class(model::computed_class(node));
  if (!known) {
    if (node.scheduling_eligibility().empty()) node.set_scheduling_eligibility("eligible");
    return node;
  }
  node.set_scheduling_eligibility(known->scheduling_eligibility());
  *node.mutable_events() = known->events();
  if (known->has_drain_strategy()) *node.mutable_drain_strategy() = known->drain_strategy();
  if (known->has_last_drain()) *node.mutable_last_drain() = known->last_drain();
  node.set_drain(known->drain());
  node.set_status_updated_at(known->status_updated_at());
  node.set_create_index(known->create_index());
  node.set_modify_index(known->modify_index());
  node.set_last_missed_heartbeat_index(known->last_missed_heartbeat_index());
  node.set_last_alloc_update_index(known->last_alloc_update_index());
  return node;
}

bool placement_differs(const model::Node& before, const model::Node& after) {
  model::Node a = before;
  model::Node b = after;
  for (model::Node* node : {&a, &b}) {
    node->clear_node_resources();
    node->clear_events();
    node->clear_status_updated_at();
    node->clear_modify_index();
    for (auto& [name, driver] : *node->mutable_drivers()) driver.clear_update_time();
  }
  return to_bytes(a) != to_bytes(b);
}

}  // namespace

model::NodeEvent node_event(std::string_view message, Instant at) {
  model::NodeEvent event;
  event.set_message(std::string(message));
  event.set_subsystem("Cluster");
  event.set_timestamp(to_ns(at));
  return event;
}

void add_event(model::Node& node, const model::NodeEvent& event) {
  *node.add_events() = event;
  if (node.events_size() > node_events_max) node.mutable_events()->DeleteSubrange(0, node.events_size() - node_events_max);
}

Result<Decision<NodeRegistered>> decide(const RegisterNode& request, const Deciding& deciding) {
  const Uuid id = parse_uuid(request.node->id());
  if (id.is_nil()) return fail(Code::invalid, "register node '{}': its id is not a UUID", request.node->id());
  if (request.secret_id.empty()) return fail(Code::invalid, "register node {}: it has no secret", request.node->id());
  const model::Node* known = deciding.state.node(id);
  if (known && known->secret_id() != request.secret_id) {
    return fail(Code::denied, "register node {}: the id belongs to an agent with another secret; give this agent a data_dir of its own",
                request.node->id());
  }

  model::Node node = merged(*request.node, known, request.secret_id);
  const bool comes_up = !known || known->status() != "ready";
  Decision<NodeRegistered> decision{.command = nullptr, .answer = NodeRegistered{.index = deciding.state.index()}};
  if (!comes_up && to_bytes(node) == to_bytes(*known)) return decision;

  decision.command = new_command(deciding);
  decision.answer.index = deciding.index;
  auto& command = *decision.command->mutable_register_node();
  if (comes_up) {
    node.set_status_updated_at(std::chrono::duration_cast<std::chrono::seconds>(deciding.now.time_since_epoch()).count());
    model::NodeEvent event = node_event(known ? "Node reregistered by heartbeat" : "Node registered", deciding.now);
    event.set_create_index(deciding.index);
    add_event(node, event);
  }
  if (comes_up || placement_differs(*known, node)) {
    // The evaluations look at the node as it will be.
    State after(deciding.state);
    after.put_node(node);
    const Deciding with_node{after, deciding.index, deciding.now, deciding.random, deciding.config};
    for (auto& eval : node_evals(with_node, id, "node-update")) *command.add_evals() = std::move(eval);
  }
  *command.mutable_node() = std::move(node);
  return decision;
}

Result<void> apply(State& state, const proto::RegisterNode& command) {
  state.put_node(command.node());
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
