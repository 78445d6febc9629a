#include "server/http/event_log.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "model/json/codec.h"
#include "model/json/text.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/http/alloc_stubs.h"

namespace drover::server {
namespace {

/// What clients call a change that comes from such a command; "" for what they are not told.
std::string_view type_of(Cause cause) {
  switch (cause) {
    case Cause::job_registered: return "JobRegistered";
    case Cause::job_deregistered: return "JobDeregistered";
    case Cause::evals_updated: return "EvaluationUpdated";
    case Cause::allocs_marked: return "AllocationUpdateDesiredStatus";
    case Cause::plan_applied: return "PlanResult";
    case Cause::allocs_updated: return "AllocationUpdated";
    case Cause::node_registered: return "NodeRegistration";
    case Cause::node_status: return "NodeStreamEvent";
    case Cause::node_eligibility: return "NodeEligibility";
    case Cause::node_drain: return "NodeDrain";
    case Cause::node_deregistered: return "NodeDeregistration";
    case Cause::deployment_status: return "DeploymentStatusUpdate";
    case Cause::deployment_promoted: return "DeploymentPromotion";
    case Cause::deployment_health: return "DeploymentAllocHealth";
    case Cause::other:
    case Cause::job_version_changed:
    case Cause::garbage_collected: return "";
  }
  return "";
}

std::string_view topic_of(Topic topic) {
  switch (topic) {
    case Topic::jobs: return "Job";
    case Topic::nodes: return "Node";
    case Topic::allocs: return "Allocation";
    case Topic::evals: return "Evaluation";
    case Topic::deployments: return "Deployment";
    default: return "";
  }
}

/// A thing that has changed, as the stream shows it.
struct Shown {
  std::string key;
  std::string ns;
  std::vector<std::string> more_keys;
  bool keys_are_null = true;  ///< there are no more keys of such a thing
  std::string payload;
};
using Found = std::optional<Shown>;

Found shown_job(const EventEntry& entry, const JobKey& key) {
  const JobVersionRow* now = entry.after->current(key.ns, key.id);
  const JobVersionRow* row = now ? now : entry.before->current(key.ns, key.id);
  if (!row) return std::nullopt;
  Shown out{.key = key.id, .ns = key.ns, .more_keys = {}, .payload = {}};
  out.payload = std::string(R"({"Deleted":)") + (now ? "false" : "true") + R"(,"Job":)" + model::to_json(to_message(*row)) + "}";
  return out;
}

Found shown_alloc_event(const EventEntry& entry, const Uuid& id) {
  const AllocRow* row = entry.after->alloc(id);
  if (!row) return std::nullopt;
  model::Allocation alloc = shown_alloc(*entry.after, *row);
  alloc.clear_job();
  Shown out{.key = alloc.id(), .ns = alloc.namespace_(), .more_keys = {alloc.job_id(), alloc.deployment_id()}, .keys_are_null = false, .payload = {}};
  out.payload = R"({"Allocation":)" + model::to_json(alloc) + R"(,"Timeout":false,"TimeoutReason":""})";
  return out;
}

Found shown_eval(const EventEntry& entry, const Uuid& id) {
  const model::Evaluation* now = entry.after->eval(id);
  const model::Evaluation* eval = now ? now : entry.before->eval(id);
  if (!eval) return std::nullopt;
  return Shown{.key = eval->id(), .ns = eval->namespace_(), .more_keys = {eval->job_id(), eval->deployment_id()}, .keys_are_null = false,
               .payload = R"({"Evaluation":)" + model::to_json(*eval) + "}"};
}

Found shown_deployment(const EventEntry& entry, const Uuid& id) {
  const model::Deployment* now = entry.after->deployment(id);
  const model::Deployment* deployment = now ? now : entry.before->deployment(id);
  if (!deployment) return std::nullopt;
  return Shown{.key = deployment->id(), .ns = deployment->namespace_(), .more_keys = {deployment->job_id()}, .keys_are_null = false,
               .payload = R"({"Deployment":)" + model::to_json(*deployment) + "}"};
}

Found shown_node(const EventEntry& entry, const Uuid& id) {
  const model::Node* now = entry.after->node(id);
  const model::Node* node = now ? now : entry.before->node(id);
  if (!node) return std::nullopt;
  return Shown{.key = node->id(), .ns = "", .more_keys = {}, .payload = R"({"Node":)" + model::to_json(*node) + "}"};
}

Found shown(const EventEntry& entry, const Effect& effect) {
  switch (effect.topic) {
    case Topic::jobs: return shown_job(entry, effect.job);
    case Topic::allocs: return shown_alloc_event(entry, effect.id);
    case Topic::evals: return shown_eval(entry, effect.id);
    case Topic::deployments: return shown_deployment(entry, effect.id);
    case Topic::nodes: return shown_node(entry, effect.id);
    default: return std::nullopt;
  }
}

void append_event(std::string& out, const EventEntry& entry, const Effect& effect, const Shown& event) {
  out += R"({"FilterKeys":)";
  if (event.keys_are_null) {
    out += "null";
  } else {
    out += '[';
    for (const std::string& key : event.more_keys) {
      if (!out.ends_with('[')) out += ',';
      model::append_quoted(out, key);
    }
    out += ']';
  }
  out += R"(,"Index":)" + std::to_string(entry.index) + R"(,"Key":)";
  model::append_quoted(out, event.key);
  out += R"(,"Namespace":)";
  model::append_quoted(out, event.ns);
  out += R"(,"Payload":)" + event.payload + R"(,"Topic":")";
  out += topic_of(effect.topic);
  out += R"(","Type":")";
  out += type_of(effect.cause);
  out += "\"}";
}

}  // namespace

void EventLog::follow(Server& server) {
  server.listen([self = shared_from_this()](const Server::Published& published) {
    if (published.anew || published.effects.empty()) return;
    self->loop_.post([self, before = published.before, after = published.after, effects = published.effects] { self->add(before, after, effects); });
  });
}

void EventLog::add(const SnapshotPtr& before, const SnapshotPtr& after, const Effects& effects) {
  for (auto from = effects.begin(); from != effects.end();) {
    const auto to = std::find_if(from, effects.end(), [index = from->index](const Effect& effect) { return effect.index != index; });
    entries_.push_back(std::make_shared<const EventEntry>(EventEntry{from->index, before, after, Effects(from, to)}));
    from = to;
  }
  while (entries_.size() > event_indexes_max) {
    entries_.pop_front();
    ++first_;
  }
  added_.notify();
}

EventLog::Number EventLog::number_of(Index index) const {
  if (index == 0) return first_;
  const auto at = std::ranges::lower_bound(entries_, index, {}, [](const auto& entry) { return entry->index; });
  return first_ + static_cast<Number>(at - entries_.begin());
}

std::shared_ptr<const EventEntry> EventLog::entry(Number number) const {
  if (number < first_ || number - first_ >= entries_.size()) return nullptr;
  return entries_[number - first_];
}

bool EventFilter::wants(std::string_view topic) const {
  return std::ranges::any_of(topics, [topic](const Wanted& one) { return one.topic == "*" || one.topic == topic; });
}

bool EventFilter::wants(std::string_view topic, std::string_view key, const std::vector<std::string>& more_keys) const {
  return std::ranges::any_of(topics, [&](const Wanted& one) {
    if (one.topic != "*" && one.topic != topic) return false;
    return one.key == "*" || one.key == key || std::ranges::find(more_keys, one.key) != more_keys.end();
  });
}

std::string event_line(const EventEntry& entry, const EventFilter& filter) {
  std::string events;
  std::set<std::tuple<Topic, Uuid, JobKey>> seen;  // one change may have touched a thing more than once
  for (const Effect& effect : entry.effects) {
    const std::string_view topic = topic_of(effect.topic);
    if (topic.empty() || type_of(effect.cause).empty() || !filter.wants(topic)) continue;
    if (!seen.emplace(effect.topic, effect.id, effect.job).second) continue;
    const Found event = shown(entry, effect);
    if (!event || !filter.wants(topic, event->key, event->more_keys)) continue;
    if (!event->ns.empty() && filter.ns != "*" && filter.ns != event->ns) continue;
    if (!events.empty()) events += ',';
    append_event(events, entry, effect, *event);
  }
  if (events.empty()) return "";
  return R"({"Events":[)" + events + R"(],"Index":)" + std::to_string(entry.index) + "}";
}

}  // namespace drover::server
