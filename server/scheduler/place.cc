#include "server/scheduler/place.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

constexpr std::size_t scores_shown_max = 5;

void count(google::protobuf::Map<std::string, std::int64_t>& map, const std::string& key) {
  if (!key.empty()) ++map[key];
}

/// Where services of the node are reached: the address of the host network asked for.
std::string address_of(const model::Node& node, const std::string& host_network) {
  const std::string alias = host_network.empty() ? "default" : host_network;
  for (const auto& network : node.node_resources().node_networks()) {
    for (const auto& address : network.addresses()) {
      if (address.alias() == alias) return address.address();
    }
  }
  for (const auto& network : node.node_resources().networks()) {
    if (!network.ip().empty()) return network.ip();
  }
  const auto attribute = node.attributes().find("unique.network.ip-address");
  if (attribute != node.attributes().end()) return attribute->second;
  return node.http_addr().substr(0, node.http_addr().rfind(':'));
}

}  // namespace

void Room::take(NodeAt node, const model::Capacity& capacity) {
  used_[node] += capacity;
  ++allocs_[node];
}

void Room::release(NodeAt node, const model::Capacity& capacity, const std::vector<std::uint16_t>& released) {
  used_[node] -= capacity;
  --allocs_[node];
  for (const std::uint16_t port : released) ports(node).remove(port);
}

bool Room::is_full(NodeAt node) const {
  const std::int64_t most = nodes_.nodes[node]->node_max_allocs();
  return most > 0 && allocs_[node] >= static_cast<std::uint64_t>(most);
}

bool Room::port_taken(NodeAt node, std::uint16_t port) const {
  const auto changed = ports_.find(node);
  if (changed != ports_.end()) return changed->second.has(port);
  return std::ranges::binary_search(nodes_.ports[node], port);
}

std::size_t Room::ports_taken(NodeAt node, const model::PortRange& range) const {
  const auto changed = ports_.find(node);
  if (changed != ports_.end()) return changed->second.count_in(range.first, range.last);
  const auto& list = nodes_.ports[node];
  return static_cast<std::size_t>(std::ranges::upper_bound(list, range.last) - std::ranges::lower_bound(list, range.first));
}

model::PortSet& Room::ports(NodeAt node) {
  const auto [at, is_new] = ports_.try_emplace(node);
  if (is_new) {
    for (const std::uint16_t port : nodes_.ports[node]) at->second.add(port);
  }
  return at->second;
}

void Occupancy::add(int group_index, NodeAt node) {
  ++job[node];
  ++group[static_cast<std::size_t>(group_index)][node];
}

void Occupancy::remove(int group_index, NodeAt node) {
  --job[node];
  --group[static_cast<std::size_t>(group_index)][node];
}

GroupPlacer::GroupPlacer(Room& room, Feasibility& feasibility, Occupancy& occupancy, const model::Job& job, int group,
                         const PlaceOptions& options)
    : room_(room), feasibility_(feasibility), occupancy_(occupancy), job_(job), wanted_(job.task_groups(group)), group_(group),
      options_(options), ask_(model::ask_of(wanted_)), luck_(options.luck + static_cast<std::uint64_t>(group)),
      spreading_(room.nodes(), job, wanted_, occupancy.group[static_cast<std::size_t>(group)]) {
  prepare_ports();
  prepare_distinct();
  prepare_resources();
}

void GroupPlacer::prepare_ports() {
  for (int i = 0; i < wanted_.networks_size(); ++i) {
    for (const auto& port : wanted_.networks(i).reserved_ports()) ports_.push_back({&port, i, false});
    for (const auto& port : wanted_.networks(i).dynamic_ports()) ports_.push_back({&port, i, true});
    dynamic_ports_ += static_cast<std::size_t>(wanted_.networks(i).dynamic_ports_size());
  }
}

void GroupPlacer::prepare_distinct() {
  const auto& own = occupancy_.group[static_cast<std::size_t>(group_)];
  for (const auto& constraint : job_.constraints()) {
    const auto kind = model::kind_of(constraint);
    if (kind == model::ConstraintKind::distinct_hosts) distinct_job_ |= model::is_on(constraint);
    if (kind == model::ConstraintKind::distinct_property) add_property(constraint, occupancy_.job);
  }
  for (const auto& constraint : wanted_.constraints()) {
    const auto kind = model::kind_of(constraint);
    if (kind == model::ConstraintKind::distinct_hosts) distinct_group_ |= model::is_on(constraint);
    if (kind == model::ConstraintKind::distinct_property) add_property(constraint, own);
  }
}

void GroupPlacer::add_property(const model::Constraint& constraint, const std::vector<std::uint32_t>& on_node) {
  const NodeTable& nodes = room_.nodes();
  Property property{.text = constraint.l_target(), .value_of = std::vector<int>(nodes.size(), -1), .uses = {}, .limit = model::property_limit(constraint)};
  Texts values;
  for (NodeAt node = 0; node < nodes.size(); ++node) {
    const auto value = model::resolve_target(constraint.l_target(), *nodes.nodes[node]);
    if (!value) continue;
    const std::uint32_t number = values.number(*value);
    property.value_of[node] = static_cast<int>(number);
    property.uses.resize(values.size());
    property.uses[number] += on_node[node];
  }
  properties_.push_back(std::move(property));
}

void GroupPlacer::prepare_resources() {
  auto resources = std::make_shared<model::AllocatedResources>();
  for (const auto& task : wanted_.tasks()) {
    auto& given = (*resources->mutable_tasks())[task.name()];
    given.mutable_cpu()->set_cpu_shares(task.resources().cpu());
    given.mutable_memory()->set_memory_mb(task.resources().memory_mb() + task.resources().secrets_mb());
    if (options_.memory_oversubscription) given.mutable_memory()->set_memory_max_mb(task.resources().memory_max_mb());
    if (task.has_lifecycle()) (*resources->mutable_task_lifecycles())[task.name()] = task.lifecycle();
  }
  auto& shared = *resources->mutable_shared();
  shared.set_disk_mb(wanted_.ephemeral_disk().size_mb());
  *shared.mutable_networks() = wanted_.networks();
  resources_ = std::move(resources);
}

bool GroupPlacer::fits(NodeAt node) const {
  const model::Capacity free = room_.nodes().capacity[node] - room_.used(node);
  if (!model::exhausted_dimension(free, ask_.capacity).empty() || ask_.cores > 0 || room_.is_full(node)) return false;
  return ports_.empty() || exhausted(node).empty();
}

std::string GroupPlacer::exhausted(NodeAt node) const {
  const model::Capacity free = room_.nodes().capacity[node] - room_.used(node);
  if (room_.is_full(node)) return "max allocation exceeded";
  // Reserved cores are not handed out yet: such groups wait, with this reason.
  if (ask_.cores > 0) return "cores";
  if (const auto dimension = model::exhausted_dimension(free, ask_.capacity); !dimension.empty()) return std::string(dimension);
  for (const Port& port : ports_) {
    if (port.dynamic || port.asked->ignore_collision()) continue;
    if (room_.port_taken(node, static_cast<std::uint16_t>(port.asked->value()))) {
      return "network: reserved port collision " + port.asked->label() + '=' + std::to_string(port.asked->value());
    }
  }
  if (dynamic_ports_ > 0) {
    const auto range = model::dynamic_range(*room_.nodes().nodes[node]);
    const std::size_t size = static_cast<std::size_t>(range.last - range.first) + 1;
    if (size - std::min(size, room_.ports_taken(node, range)) < dynamic_ports_) return "network: dynamic port selection failed";
  }
  return {};
}

std::string GroupPlacer::indistinct(NodeAt node) const {
  if (distinct_job_ && occupancy_.job[node] > 0) return "distinct_hosts";
  if (distinct_group_ && occupancy_.group[static_cast<std::size_t>(group_)][node] > 0) return "distinct_hosts";
  for (const Property& property : properties_) {
    const int value = property.value_of[node];
    if (value < 0) return "missing property \"" + property.text + "\"";
    const std::uint64_t uses = property.uses[static_cast<std::size_t>(value)];
    if (uses < property.limit) continue;
    const auto text = model::resolve_target(property.text, *room_.nodes().nodes[node]);
    return "distinct_property: " + property.text + '=' + text.value_or("") + " used by " + std::to_string(uses) + " allocs";
  }
  return {};
}

bool GroupPlacer::has_host_to_itself(NodeAt node) const {
  if (distinct_job_ && occupancy_.job[node] > 0) return false;
  return !distinct_group_ || occupancy_.group[static_cast<std::size_t>(group_)][node] == 0;
}

bool GroupPlacer::is_used_up(NodeAt node) const {
  return std::ranges::any_of(properties_, [node](const Property& property) {
    const int value = property.value_of[node];
    return value < 0 || property.uses[static_cast<std::size_t>(value)] >= property.limit;
  });
}

bool GroupPlacer::is_distinct(NodeAt node) const { return has_host_to_itself(node) && !is_used_up(node); }

GroupPlacer::Parts GroupPlacer::own_parts_of(NodeAt node, bool penalized, const model::Capacity& gone) const {
  Parts parts;
  const model::Capacity& capacity = room_.nodes().capacity[node];
  const model::Capacity used = room_.used(node) + ask_.capacity - gone;
  parts.binpack = options_.spread_algorithm ? model::spread_score(capacity, used) : model::binpack_score(capacity, used);
  parts.sum = parts.binpack;
  parts.terms = 1;
  if (const std::uint32_t same = occupancy_.group[static_cast<std::size_t>(group_)][node]; same > 0) {
    parts.anti_affinity = -static_cast<double>(same + 1) / static_cast<double>(std::max<std::int64_t>(wanted_.count(), 1));
    parts.sum += parts.anti_affinity;
    ++parts.terms;
  }
  if (penalized) {
    parts.penalty = -1;
    parts.sum += parts.penalty;
    ++parts.terms;
  }
  if (const auto affinity = feasibility_.affinity(group_, node)) {
    parts.affinity = *affinity;
    parts.sum += parts.affinity;
    ++parts.terms;
  }
  return parts;
}

GroupPlacer::Parts GroupPlacer::parts_of(NodeAt node, bool penalized, const model::Capacity& gone) const {
  Parts parts = own_parts_of(node, penalized, gone);
  if (!spreading_.empty()) parts.spread = spreading_.score(node);
  if (parts.spread) {
    parts.sum += *parts.spread;
    ++parts.terms;
  }
  return parts;
}

double GroupPlacer::score_of(NodeAt node, bool penalized) const {
  if (!fits(node) || !is_distinct(node)) return Ranking::excluded;
  return parts_of(node, penalized).normalized();
}

/// Spreads add the same to all of a class: but a sum of more terms counts less, so these stand in a list of their own.
std::pair<int, double> GroupPlacer::standing_of(NodeAt node) const {
  if (!fits(node) || !has_host_to_itself(node)) return {0, Ranking::excluded};
  const Parts parts = own_parts_of(node, false);
  if (spreading_.empty()) return {0, parts.normalized()};
  return {parts.terms - terms_, parts.sum};
}

std::uint32_t GroupPlacer::classify(std::vector<std::uint32_t>& class_of) const {
  class_of.assign(feasible_.size(), 0);
  if (feasible_.empty()) return 0;  // and without nodes there are no values either
  std::vector<const std::vector<int>*> columns = spreading_.values();
  for (const Property& property : properties_) columns.push_back(&property.value_of);
  std::uint32_t classes = 1;
  for (const std::vector<int>* values : columns) {
    std::map<std::pair<std::uint32_t, int>, std::uint32_t> numbers;
    const int most = std::ranges::max(*values);
    std::vector<std::uint32_t> dense;  // the same by position, where there are few values
    if (classes == 1) dense.assign(static_cast<std::size_t>(most + 2), std::uint32_t(-1));
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < feasible_.size(); ++i) {
      const int value = (*values)[feasible_[i]];
      std::uint32_t& number = dense.empty() ? numbers.try_emplace({class_of[i], value}, std::uint32_t(-1)).first->second
                                            : dense[static_cast<std::size_t>(value + 1)];
      if (number == std::uint32_t(-1)) number = next++;
      class_of[i] = number;
    }
    classes = std::max<std::uint32_t>(next, 1);
  }
  return classes;
}

void GroupPlacer::rank_all() {
  for (const NodeAt node : feasibility_.candidates()) {
    if (feasibility_.obstacle(group_, node).empty()) feasible_.push_back(node);
  }
  terms_ = !feasible_.empty() && feasibility_.affinity(group_, feasible_.front()) ? 2 : 1;
  std::vector<std::uint32_t> class_of;
  const std::uint32_t classes = classify(class_of);
  luck_of_ = draw_luck(room_.nodes().size(), luck_);
  ranking_.emplace(feasible_, class_of, classes, luck_of_);
  std::vector<std::pair<double, NodeAt>> scores;
  for (const NodeAt node : feasible_) {
    const auto [list, score] = standing_of(node);
    ranking_->start(node, list, score);
    if (score == Ranking::excluded || is_used_up(node)) continue;
    scores.emplace_back(spreading_.empty() ? score : score_of(node, false), node);
  }
  ranking_->build();
  metrics_ = failure();
  add_scores(*metrics_, std::move(scores));
}

void GroupPlacer::rerank(NodeAt node) {
  leaving_.erase(node);
  if (!ranking_ || !ranking_->has(node)) return;
  const auto [list, score] = standing_of(node);
  ranking_->set(node, list, score);
}

std::optional<ClassRanking::Best> GroupPlacer::best_of_all() const {
  std::optional<ClassRanking::Best> best;
  for (std::uint32_t in_class = 0; in_class < ranking_->classes(); ++in_class) {
    const NodeAt member = ranking_->member(in_class);
    if (is_used_up(member)) continue;
    const std::optional<double> spread = spreading_.empty() ? std::nullopt : spreading_.score(member);
    for (int list = 0; list < ClassRanking::lists; ++list) {
      auto found = ranking_->best(in_class, list);
      if (!found) continue;
      if (!spreading_.empty()) found->score = (found->score + spread.value_or(0)) / (terms_ + list + (spread ? 1 : 0));
      if (!best || found->score > best->score || (found->score == best->score && found->luck > best->luck)) best = found;
    }
  }
  return best;
}

std::optional<GroupPlacer::Placed> GroupPlacer::place(const std::vector<NodeAt>& avoid) {
  if (!ranking_) rank_all();
  std::vector<NodeAt> penalized;
  for (const NodeAt node : avoid) {
    if (!ranking_->has(node)) continue;
    penalized.push_back(node);
    ranking_->exclude(node);
  }
  auto best = best_of_all();
  for (const NodeAt node : penalized) {
    const ClassRanking::Best other{.node = node, .score = score_of(node, true), .luck = luck_of_[node]};
    if (other.score == Ranking::excluded) continue;
    if (!best || other.score > best->score || (other.score == best->score && other.luck > best->luck)) best = other;
  }
  std::optional<Placed> placed;
  if (best) placed = take(best->node);
  for (const NodeAt node : penalized) rerank(node);
  return placed;
}

std::optional<GroupPlacer::Placed> GroupPlacer::place_on(NodeAt node) {
  if (!feasibility_.obstacle(group_, node).empty() || !fits(node) || !is_distinct(node)) return {};
  if (!metrics_) metrics_ = counts_only();
  return take(node);
}

void GroupPlacer::count_uses(NodeAt node, bool more) {
  if (!spreading_.empty()) {
    more ? spreading_.add(node) : spreading_.remove(node);
  }
  for (Property& property : properties_) {
    const int value = property.value_of[node];
    if (value >= 0) property.uses[static_cast<std::size_t>(value)] += more ? 1 : std::uint64_t(-1);
  }
}

GroupPlacer::Placed GroupPlacer::take(NodeAt node) {
  Placed placed{.node = node, .resources = resources_, .alike = wanted_.networks_size() == 0};
  room_.take(node, ask_.capacity);
  occupancy_.add(group_, node);
  count_uses(node, true);
  if (!ports_.empty()) {
    auto own = std::make_shared<model::AllocatedResources>(*resources_);
    give_ports(node, *own);
    placed.resources = std::move(own);
  }
  rerank(node);
  return placed;
}

void GroupPlacer::give_ports(NodeAt node, model::AllocatedResources& resources) {
  const model::Node& message = *room_.nodes().nodes[node];
  const auto range = model::dynamic_range(message);
  auto& shared = *resources.mutable_shared();
  for (auto& network : *shared.mutable_networks()) {
    network.set_ip(address_of(message, ""));
    const auto give = [&](model::Port& port, std::uint16_t value) {
      port.set_value(value);
      if (port.to() == -1) port.set_to(value);
      room_.ports(node).add(value);
      auto& mapping = *shared.add_ports();
      mapping.set_label(port.label());
      mapping.set_value(value);
      mapping.set_to(port.to());
      mapping.set_host_ip(address_of(message, port.host_network()));
      mapping.set_ignore_collision(port.ignore_collision());
    };
    for (auto& port : *network.mutable_reserved_ports()) give(port, static_cast<std::uint16_t>(port.value()));
    for (auto& port : *network.mutable_dynamic_ports()) {
      // fits() has counted the free ones.
      luck_ = luck_ * 6364136223846793005u + 1442695040888963407u;
      const auto free = room_.ports(node).free_port(range.first, range.last, luck_ >> 33);
      DROVER_ASSERT(free.has_value());
      give(port, *free);
    }
  }
}

void GroupPlacer::release(NodeAt node, const ExistingAlloc& alloc) {
  room_.release(node, alloc.takes, alloc.ports);
  occupancy_.remove(group_, node);
  count_uses(node, false);
  rerank(node);
}

void GroupPlacer::take_back(NodeAt node, const ExistingAlloc& alloc) {
  room_.take(node, alloc.takes);
  for (const std::uint16_t port : alloc.ports) room_.ports(node).add(port);
  occupancy_.add(group_, node);
  count_uses(node, true);
  rerank(node);
}

const model::AllocMetric& GroupPlacer::metrics() {
  if (!metrics_) metrics_ = counts_only();
  return *metrics_;
}

model::AllocMetric GroupPlacer::counts_only() const {
  model::AllocMetric metric;
  metric.set_node_pool(job_.node_pool().empty() ? "default" : job_.node_pool());
  metric.set_nodes_in_pool(feasibility_.nodes_in_pool());
  for (const auto& [datacenter, nodes] : feasibility_.available()) (*metric.mutable_nodes_available())[datacenter] = nodes;
  return metric;
}

model::AllocMetric GroupPlacer::failure(const std::vector<NodeAt>& only) const {
  const NodeTable& nodes = room_.nodes();
  const std::vector<NodeAt>& looked_at = only.empty() ? feasibility_.candidates() : only;
  model::AllocMetric metric = counts_only();
  metric.set_nodes_evaluated(static_cast<std::int64_t>(looked_at.size()));
  for (const NodeAt node : looked_at) {
    const std::string& obstacle = feasibility_.obstacle(group_, node);
    const std::string reason = obstacle.empty() ? indistinct(node) : obstacle;
    if (reason.empty() && fits(node)) continue;
    const std::string& node_class = nodes.node_classes.text(nodes.node_class[node]);
    if (!reason.empty()) {
      metric.set_nodes_filtered(metric.nodes_filtered() + 1);
      count(*metric.mutable_class_filtered(), node_class);
      count(*metric.mutable_constraint_filtered(), reason);
      continue;
    }
    metric.set_nodes_exhausted(metric.nodes_exhausted() + 1);
    count(*metric.mutable_class_exhausted(), node_class);
    count(*metric.mutable_dimension_exhausted(), exhausted(node));
  }
  if (!metric.dimension_exhausted().contains("cpu") && !metric.dimension_exhausted().contains("memory")) return metric;
  for (const auto& task : wanted_.tasks()) {
    auto& asked = (*metric.mutable_resources_exhausted())[task.name()];
    if (metric.dimension_exhausted().contains("cpu")) asked.set_cpu(task.resources().cpu());
    if (metric.dimension_exhausted().contains("memory")) asked.set_memory_mb(task.resources().memory_mb());
  }
  return metric;
}

void GroupPlacer::add_scores(model::AllocMetric& metric, std::vector<std::pair<double, NodeAt>> ranked) const {
  const std::size_t shown = std::min(ranked.size(), scores_shown_max);
  const auto higher = [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; };
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(shown), ranked.end(), higher);
  ranked.resize(shown);
  for (const auto& [score, node] : ranked) {
    add_score(metric, node, parts_of(node, false));
    metric.mutable_score_meta_data(metric.score_meta_data_size() - 1)->set_norm_score(score);
  }
}

void GroupPlacer::add_score(model::AllocMetric& metric, NodeAt node, const Parts& parts) const {
  auto& shown_score = *metric.add_score_meta_data();
  shown_score.set_node_id(to_text(room_.nodes().ids[node]));
  shown_score.set_norm_score(parts.normalized());
  auto& scores = *shown_score.mutable_scores();
  scores["binpack"] = parts.binpack;
  scores["job-anti-affinity"] = parts.anti_affinity;
  scores["node-reschedule-penalty"] = parts.penalty;
  scores["node-affinity"] = parts.affinity;
  if (parts.spread) scores["allocation-spread"] = *parts.spread;
  if (parts.displacing) scores["preemption"] = *parts.displacing;
}

}  // namespace drover::server
