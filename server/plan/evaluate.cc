#include "server/plan/evaluate.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <drover/result.h>

#include "model/fit.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"

namespace drover::server {
namespace {

/// What a plan does to one node.
struct OnNode {
  std::vector<int> stops;
  std::vector<int> placements;
  std::vector<int> preemptions;
  std::vector<std::pair<int, int>> alike;  ///< (group, position in it)
  std::set<Uuid> leaving;  ///< stopped, preempted or placed anew: no longer counted as it was
};

Uuid node_of_alloc(const Snapshot& state, const model::Allocation& alloc) {
  const AllocRow* row = state.alloc(parse_uuid(alloc.id()));
  return row ? state.node_of(*row) : parse_uuid(alloc.node_id());
}

/// The i-th of ids one after the other; nil where there is none.
Uuid uuid_at(const std::string& bytes, int i) {
  Uuid id;
  const std::size_t from = static_cast<std::size_t>(i) * id.bytes.size();
  if (from + id.bytes.size() <= bytes.size()) std::copy_n(bytes.data() + from, id.bytes.size(), reinterpret_cast<char*>(id.bytes.data()));
  return id;
}

std::map<Uuid, OnNode> by_node(const Snapshot& state, const model::Plan& plan) {
  std::map<Uuid, OnNode> nodes;
  for (int i = 0; i < plan.stops_size(); ++i) {
    OnNode& on = nodes[node_of_alloc(state, plan.stops(i))];
    on.stops.push_back(i);
    on.leaving.insert(parse_uuid(plan.stops(i).id()));
  }
  for (int i = 0; i < plan.preemptions_size(); ++i) {
    OnNode& on = nodes[node_of_alloc(state, plan.preemptions(i))];
    on.preemptions.push_back(i);
    on.leaving.insert(parse_uuid(plan.preemptions(i).id()));
  }
  for (int i = 0; i < plan.placements_size(); ++i) {
    OnNode& on = nodes[parse_uuid(plan.placements(i).node_id())];
    on.placements.push_back(i);
    on.leaving.insert(parse_uuid(plan.placements(i).id()));
  }
  for (int group = 0; group < plan.groups_size(); ++group) {
    const auto& together = plan.groups(group);
    for (int i = 0; i < together.indexes_size(); ++i) nodes[uuid_at(together.nodes(), i)].alike.emplace_back(group, i);
  }
  return nodes;
}

/// Whether all that is placed is there already: an update in place, which an ineligible node takes as well.
bool all_known(const Snapshot& state, const model::Plan& plan, const OnNode& on) {
  return on.alike.empty() && std::all_of(on.placements.begin(), on.placements.end(),
                     [&](int i) { return state.alloc(parse_uuid(plan.placements(i).id())) != nullptr; });
}

/// Whether the placements only give up allocations of a node that is gone or cut off.
bool only_gives_up(const model::Node& node, const model::Plan& plan, const OnNode& on) {
  return on.alike.empty() && std::all_of(on.placements.begin(), on.placements.end(), [&](int i) {
    const std::string& client = plan.placements(i).client_status();
    return (node.status() == "down" && client == "lost") ||
           ((node.status() == "down" || node.status() == "disconnected") && client == "unknown");
  });
}

/// Ports in use, by address. "" is the address of what does not say.
class PortUse {
 public:
  /// False when one of them is taken.
  bool take(const std::string& address, std::uint16_t port) {
    auto& ports = used_[address];
    if (ports.has(port)) return false;
    ports.add(port);
    return true;
  }

 private:
  std::map<std::string, model::PortSet> used_;
};

void take_reserved(const model::Node& node, PortUse& use, const std::string& address) {
  const auto list = model::parse_ports(node.reserved_resources().networks().reserved_host_ports());
  if (!list) return;
  for (const std::uint16_t port : *list) use.take(address, port);
}

/// The ports an allocation is to hold, each once an address; those that may collide are left out.
std::set<std::pair<std::string, std::uint16_t>> ports_wanted(const model::Allocation& alloc) {
  std::set<std::pair<std::string, std::uint16_t>> wanted;
  const auto add = [&wanted](const std::string& address, const auto& port) {
    if (port.value() > 0 && !port.ignore_collision()) wanted.emplace(address, static_cast<std::uint16_t>(port.value()));
  };
  for (const auto& port : alloc.allocated_resources().shared().ports()) add(port.host_ip(), port);
  const auto networks = [&add](const auto& list) {
    for (const auto& network : list) {
      for (const auto& port : network.reserved_ports()) add(network.ip(), port);
      for (const auto& port : network.dynamic_ports()) add(network.ip(), port);
    }
  };
  networks(alloc.allocated_resources().shared().networks());
  for (const auto& [name, task] : alloc.allocated_resources().tasks()) networks(task.networks());
  return wanted;
}

/// What of a node is handed out one by one, and to whom it is given already.
struct Taken {
  PortUse ports;
  std::set<std::uint64_t> cores;
  std::set<std::string> addresses;  ///< whose reserved ports are in `ports`

  void know(const model::Node& node, const std::string& address) {
    if (addresses.insert(address).second) take_reserved(node, ports, address);
  }
};

Taken taken_on(const Snapshot& state, const model::Node& node, const OnNode& on) {
  Taken taken;
  state.each_alloc_on_node(parse_uuid(node.id()), [&](const AllocRow& row) {
    if (row.terminal() || on.leaving.contains(row.id)) return true;
    if (row.shape) taken.cores.insert(row.shape->cores.begin(), row.shape->cores.end());
    for (const HeldPort& held : ports_held(row)) {
      taken.know(node, held.address);
      taken.ports.take(held.address, held.port);
    }
    return true;
  });
  return taken;
}

using Wanted = std::set<std::pair<std::string, std::uint16_t>>;

/// Ports and cores that are taken already; "" when none is.
std::string collision(const Snapshot& state, const model::Node& node, const model::Plan& plan, const OnNode& on) {
  std::vector<Wanted> ports;
  std::vector<std::uint64_t> cores;
  bool any = false;
  for (const int i : on.placements) {
    ports.push_back(ports_wanted(plan.placements(i)));
    for (const auto& [name, task] : plan.placements(i).allocated_resources().tasks()) {
      cores.insert(cores.end(), task.cpu().reserved_cores().begin(), task.cpu().reserved_cores().end());
    }
    any |= !ports.back().empty();
  }
  if (!any && cores.empty()) return "";  // nothing that only one can have: no need to look at who is there

  Taken taken = taken_on(state, node, on);
  std::sort(cores.begin(), cores.end());
  for (const std::uint64_t core : cores) {
    if (!taken.cores.insert(core).second) return "core " + std::to_string(core) + " is taken";
  }
  for (const Wanted& wanted : ports) {
    for (const auto& [address, port] : wanted) {
      taken.know(node, address);
      if (!taken.ports.take(address, port)) return "port " + std::to_string(port) + " is taken";
    }
  }
  return "";
}

/// What one allocation of each of a plan's groups takes.
using Capacities = std::vector<model::Capacity>;

/// What is wrong with putting the plan's placements on a ready node; "" when they fit.
std::string misfit(const Snapshot& state, const model::Node& node, const model::Plan& plan, const Capacities& of_groups, const OnNode& on) {
  const Uuid id = parse_uuid(node.id());
  NodeUse use = state.use_of(id);
  for (const Uuid& leaving : on.leaving) {
    const AllocRow* row = state.alloc(leaving);
    if (!row || row->terminal() || state.node_of(*row) != id) continue;
    --use.allocs;
    if (row->shape) use.taken -= row->shape->capacity;
  }
  for (const auto& [group, i] : on.alike) {
    ++use.allocs;
    use.taken += of_groups[static_cast<std::size_t>(group)];
  }
  for (const int i : on.placements) {
    ++use.allocs;
    use.taken += model::capacity_of(plan.placements(i).allocated_resources());
  }
  if (node.node_max_allocs() > 0 && use.allocs > node.node_max_allocs()) return "it has as many allocations as it may";
  const std::string_view exhausted = model::exhausted_dimension(model::capacity_of(node), use.taken);
  return exhausted.empty() ? collision(state, node, plan, on) : std::string(exhausted) + " is exhausted";
}

/// Why the node does not take its part of the plan; "" when it does.
std::string refusal(const Snapshot& state, const Uuid& id, const model::Plan& plan, const Capacities& of_groups, const OnNode& on) {
  if (on.placements.empty() && on.alike.empty()) return "";
  const model::Node* node = state.node(id);
  if (!node) return "there is no such node";
  if (node->status() != "ready") return only_gives_up(*node, plan, on) ? "" : "it is " + node->status();
  const bool open = node->scheduling_eligibility() == "eligible" && !node->has_drain_strategy();
  if (!open && !all_known(state, plan, on)) return "it is not eligible";
  return misfit(state, *node, plan, of_groups, on);
}

}  // namespace

Fitting evaluate(const Snapshot& state, const model::Plan& plan) {
  Fitting fitting;
  fitting.groups.resize(static_cast<std::size_t>(plan.groups_size()));
  Capacities of_groups;
  for (const auto& group : plan.groups()) of_groups.push_back(model::capacity_of(group.common().allocated_resources()));
  for (const auto& [id, on] : by_node(state, plan)) {
    const std::string why = refusal(state, id, plan, of_groups, on);
    if (!why.empty()) {
      fitting.refused.push_back(text("node {}: {}", to_text(id), why));
      continue;
    }
    fitting.stops.insert(fitting.stops.end(), on.stops.begin(), on.stops.end());
    fitting.placements.insert(fitting.placements.end(), on.placements.begin(), on.placements.end());
    fitting.preemptions.insert(fitting.preemptions.end(), on.preemptions.begin(), on.preemptions.end());
    for (const auto& [group, i] : on.alike) fitting.groups[static_cast<std::size_t>(group)].push_back(i);
  }
  if (plan.all_at_once() && !fitting.whole()) {
    fitting.stops.clear();
    fitting.placements.clear();
    fitting.preemptions.clear();
    for (auto& group : fitting.groups) group.clear();
  }
  for (auto& group : fitting.groups) std::sort(group.begin(), group.end());
  for (auto* list : {&fitting.stops, &fitting.placements, &fitting.preemptions}) std::sort(list->begin(), list->end());
  return fitting;
}

}  // namespace drover::server
