#include "server/scheduler/feasible.h"

#include <algorithm>
#include <cmath>

#include "model/names.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

const std::string no_obstacle;
const std::string missing_drivers = "missing drivers";
const std::string missing_devices = "missing devices";
const std::string missing_network = "missing network";
const std::string missing_host_volumes = "missing compatible host volumes";
const std::string missing_csi = "missing CSI plugins";

bool has_network(const model::Node& node, const std::string& mode) {
  if (mode.empty() || mode == "host" || mode == "none") return true;
  const auto& networks = node.node_resources().networks();
  const auto& links = node.node_resources().node_networks();
  return std::ranges::find(networks, mode, &model::NetworkResource::mode) != networks.end() ||
         std::ranges::find(links, mode, &model::NodeNetworkResource::mode) != links.end();
}

/// Only existence: which instances are free is not looked at yet, so that such groups wait rather than collide.
bool has_devices(const model::Node& node, const model::TaskGroup& group) {
  const bool wanted = std::ranges::any_of(group.tasks(), [](const model::Task& task) { return task.resources().devices_size() > 0; });
  return !wanted || node.node_resources().devices_size() > 0;
}

bool has_host_volumes(const model::Node& node, const model::TaskGroup& group) {
  return std::ranges::all_of(group.volumes(), [&node](const auto& entry) {
    const model::VolumeRequest& volume = entry.second;
    if (volume.type() != "host") return true;
    const auto found = node.host_volumes().find(volume.source());
    return found != node.host_volumes().end() && (!found->second.read_only() || volume.read_only());
  });
}

bool wants_csi(const model::TaskGroup& group) {
  return std::ranges::any_of(group.volumes(), [](const auto& entry) { return entry.second.type() == "csi"; });
}

}  // namespace

Feasibility::Feasibility(const NodeTable& nodes, const model::Job& job) : nodes_(nodes), job_(job) {
  for (std::uint32_t i = 0; i < nodes.datacenters.size(); ++i) {
    datacenter_fits_.push_back(job.datacenters_size() == 0 || std::ranges::any_of(job.datacenters(), [&](const std::string& pattern) {
                                 return model::matches_glob(pattern, nodes.datacenters.text(i));
                               }));
  }
  const std::string& pool = job.node_pool().empty() ? "default" : job.node_pool();
  if (pool != "all") {
    pool_ = nodes.pools.find(pool);
    pool_known_ = pool_.has_value();
  }
  for (NodeAt node = 0; node < nodes.size(); ++node) {
    if (!in_pool(node) || !nodes.ready[node]) continue;
    ++nodes_in_pool_;
    if (in_datacenter(node)) candidates_.push_back(node);
  }
  for (const auto& group : job.task_groups()) groups_.push_back(make_group(group));
}

bool Feasibility::in_pool(NodeAt node) const { return pool_known_ && (!pool_ || nodes_.pool[node] == *pool_); }

std::map<std::string, std::int64_t> Feasibility::available() const {
  std::vector<std::int64_t> counts(nodes_.datacenters.size());
  for (const NodeAt node : candidates_) ++counts[nodes_.datacenter[node]];
  std::map<std::string, std::int64_t> out;
  for (std::uint32_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) out[nodes_.datacenters.text(i)] = counts[i];
  }
  return out;
}

Feasibility::Group Feasibility::make_group(const model::TaskGroup& group) {
  Group made;
  add_conditions(job_.constraints(), made);
  add_conditions(group.constraints(), made);
  add_affinities(job_.affinities(), made);
  add_affinities(group.affinities(), made);
  for (const auto& task : group.tasks()) {
    add_conditions(task.constraints(), made);
    add_affinities(task.affinities(), made);
    if (std::ranges::find(made.drivers, task.driver()) == made.drivers.end()) made.drivers.push_back(task.driver());
  }
  for (const std::string& driver : made.drivers) {
    const auto number = nodes_.driver_names.find(driver);
    if (number && *number < 64) {
      made.driver_bits |= std::uint64_t{1} << *number;
    } else {
      made.other_drivers.push_back(driver);
    }
  }
  made.is_plain = group.volumes().empty() && std::ranges::all_of(group.networks(), [](const model::NetworkResource& network) {
    return network.mode().empty() || network.mode() == "host" || network.mode() == "none";
  }) && std::ranges::all_of(group.tasks(), [](const model::Task& task) { return task.resources().devices_size() == 0; });
  made.verdicts.resize(nodes_.computed_classes.size());
  made.class_affinity.resize(nodes_.computed_classes.size());
  return made;
}

void Feasibility::add_conditions(const google::protobuf::RepeatedPtrField<model::Constraint>& constraints, Group& group) {
  for (const auto& constraint : constraints) {
    if (model::kind_of(constraint) != model::ConstraintKind::node) continue;
    if (model::escapes_class(constraint)) {
      escaped_ = true;
      group.by_node.emplace_back(constraint);
    } else {
      group.by_class.emplace_back(constraint);
    }
  }
}

void Feasibility::add_affinities(const google::protobuf::RepeatedPtrField<model::Affinity>& affinities, Group& group) {
  for (const auto& affinity : affinities) {
    model::Constraint same;
    same.set_l_target(affinity.l_target());
    same.set_r_target(affinity.r_target());
    if (model::escapes_class(same)) group.affinity_by_class = false;
    const auto weight = static_cast<double>(affinity.has_weight() ? affinity.weight() : 50);
    group.affinities.push_back({model::Condition(affinity), weight});
    group.weight_sum += std::fabs(weight);
  }
}

const std::string& Feasibility::class_verdict(Group& group, NodeAt node) {
  auto& verdict = group.verdicts[nodes_.computed_class[node]];
  if (verdict) return *verdict;
  verdict.emplace();
  for (const model::Condition& condition : group.by_class) {
    if (condition.holds_on(*nodes_.nodes[node])) continue;
    verdict = condition.text();
    break;
  }
  auto& eligible = eligibility_[nodes_.computed_classes.text(nodes_.computed_class[node])];
  eligible = eligible || verdict->empty();
  return *verdict;
}

const std::string* Feasibility::node_obstacle(const Group& group, int index, NodeAt node) {
  const model::Node& message = *nodes_.nodes[node];
  if ((nodes_.drivers[node] & group.driver_bits) != group.driver_bits) return &missing_drivers;
  for (const std::string& driver : group.other_drivers) {
    if (!has_driver(message, driver)) return &missing_drivers;
  }
  if (group.is_plain) return nullptr;
  const model::TaskGroup& wanted = job_.task_groups(index);
  if (!has_devices(message, wanted)) return &missing_devices;
  for (const auto& network : wanted.networks()) {
    if (!has_network(message, network.mode())) return &missing_network;
  }
  if (wants_csi(wanted)) return &missing_csi;
  return has_host_volumes(message, wanted) ? nullptr : &missing_host_volumes;
}

const std::string& Feasibility::obstacle(int group, NodeAt node) {
  Group& wanted = groups_[static_cast<std::size_t>(group)];
  const std::string& verdict = class_verdict(wanted, node);
  if (!verdict.empty()) return verdict;
  if (const std::string* obstacle = node_obstacle(wanted, group, node)) return *obstacle;
  for (const model::Condition& condition : wanted.by_node) {
    if (condition.holds_on(*nodes_.nodes[node])) continue;
    texts_.insert_or_assign(condition.text(), 0);
    return texts_.find(condition.text())->first;
  }
  return no_obstacle;
}

double Feasibility::weigh(const Group& group, const model::Node& node) const {
  double sum = 0;
  for (const Weighted& affinity : group.affinities) {
    if (affinity.condition.holds_on(node)) sum += affinity.weight;
  }
  return group.weight_sum == 0 ? 0 : sum / group.weight_sum;
}

std::optional<double> Feasibility::affinity(int group, NodeAt node) {
  Group& wanted = groups_[static_cast<std::size_t>(group)];
  if (wanted.affinities.empty()) return {};
  if (!wanted.affinity_by_class) return weigh(wanted, *nodes_.nodes[node]);
  auto& known = wanted.class_affinity[nodes_.computed_class[node]];
  if (!known) known = weigh(wanted, *nodes_.nodes[node]);
  return known;
}

}  // namespace drover::server
