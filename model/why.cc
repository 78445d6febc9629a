#include "model/why.h"

#include <algorithm>
#include <map>
#include <optional>

#include <drover/result.h>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

constexpr std::size_t reasons_shown_max = 3;

std::string plural(std::int64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string(count == 1 ? one : many);
}
std::string nodes_text(std::int64_t count) { return plural(count, "node", "nodes"); }

struct Reason {
  std::string text;
  std::int64_t nodes = 0;
};

/// By number of nodes, the most first.
template <class Map>
std::vector<Reason> reasons_of(const Map& counts) {
  std::vector<Reason> reasons;
  for (const auto& [text, nodes] : counts) reasons.push_back({text, nodes});
  std::ranges::sort(reasons, [](const Reason& a, const Reason& b) { return a.nodes != b.nodes ? a.nodes > b.nodes : a.text < b.text; });
  return reasons;
}

std::string list_of(const std::vector<Reason>& reasons, std::string_view before) {
  std::string out;
  for (std::size_t i = 0; i < std::min(reasons.size(), reasons_shown_max); ++i) {
    out += (i > 0 ? ", " : "") + std::string(before) + reasons[i].text + " on " + nodes_text(reasons[i].nodes);
  }
  if (reasons.size() > reasons_shown_max) out += text(", and {} more reasons", reasons.size() - reasons_shown_max);
  return out;
}

const TaskGroup* find_group(const Job* job, const std::string& name) {
  if (!job) return nullptr;
  const auto at = std::ranges::find(job->task_groups(), name, &TaskGroup::name);
  return at == job->task_groups().end() ? nullptr : &*at;
}

std::string drivers_of(const TaskGroup* group) {
  std::string list;
  if (!group) return "its driver";
  std::vector<std::string> seen;
  for (const Task& task : group->tasks()) {
    if (std::ranges::find(seen, task.driver()) != seen.end()) continue;
    seen.push_back(task.driver());
    list += (list.empty() ? "" : " and ") + task.driver();
  }
  return "the driver " + list;
}

std::string datacenters_of(const Job& job) {
  std::string list;
  for (const auto& name : job.datacenters()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

/// What the group asks of a dimension: "256 MB".
std::string asked_for(const std::string& dimension, const AllocMetric& metric) {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  for (const auto& [task, resources] : metric.resources_exhausted()) {  // sums: the order does not matter
    cpu += resources.cpu();
    memory += resources.memory_mb();
  }
  if (dimension == "memory" && memory > 0) return text(" (each needs {} MB)", memory);
  if (dimension == "cpu" && cpu > 0) return text(" (each needs {} MHz)", cpu);
  return {};
}

std::string step_for_dimension(const std::string& dimension) {
  if (dimension == "memory" || dimension == "cpu" || dimension == "disk" || dimension == "cores") {
    return "stop something, ask for less " + dimension + ", or add a node; waiting allocations are placed by themselves as soon as there is room";
  }
  if (dimension.starts_with("network: reserved port")) return "let the port be dynamic, or add nodes: a static port can be given once a node";
  if (dimension.starts_with("network: dynamic port")) return "widen min_dynamic_port to max_dynamic_port in the agents' configuration, or add a node";
  return "add a node, or stop something";
}

std::string step_for_filter(const std::string& filter, const TaskGroup* group) {
  if (filter == "missing drivers") {
    return "`drover node status -verbose <node>` says why " + drivers_of(group) + " is not healthy there; install or enable it";
  }
  if (filter == "missing network") return "install what the network mode needs (CNI plugins for bridge), or use mode \"host\"";
  if (filter.starts_with("missing compatible host volumes")) return "define the host volume in an agent's configuration, or correct its source in the job";
  if (filter.starts_with("missing CSI")) return "CSI volumes are not supported yet: use a host volume";
  if (filter.starts_with("missing devices")) return "devices are not handed out yet: remove the device block";
  if (filter == "distinct_hosts") return "add nodes, lower the count, or drop the distinct_hosts constraint";
  if (filter.starts_with("distinct_property") || filter.starts_with("missing property")) return "add nodes with other values of that property, or lower the count";
  return "correct the constraint in the job, or add a node that meets it (`drover node status -verbose <node>` lists attributes)";
}

std::string waiting_text(std::int64_t waiting) { return plural(std::max<std::int64_t>(waiting, 1), "allocation finds", "allocations find") + " no place"; }

Why why_of_group(const std::string& name, const AllocMetric& metric, std::int64_t waiting, const Job* job) {
  const TaskGroup* group = find_group(job, name);
  Why why{.subject = "group " + name, .sentence = waiting_text(waiting) + ": ", .next_step = {}};
  if (metric.nodes_in_pool() == 0) {
    why.sentence += text("there is no ready node in node pool \"{}\"", metric.node_pool());
    why.next_step = "start an agent (`drover agent -client`), or make a node of that pool eligible again (`drover node status`)";
    return why;
  }
  if (metric.nodes_evaluated() == 0) {
    why.sentence += text("none of the {} in node pool \"{}\" is in a datacenter of the job{}", nodes_text(metric.nodes_in_pool()),
                         metric.node_pool(), job ? " (" + datacenters_of(*job) + ")" : "");
    why.next_step = "correct `datacenters` in the job (\"*\" takes all)";
    return why;
  }
  const auto filters = reasons_of(metric.constraint_filtered());
  const auto dimensions = reasons_of(metric.dimension_exhausted());
  std::string parts;
  if (!dimensions.empty()) parts = list_of(dimensions, "no ") + asked_for(dimensions.front().text, metric);
  if (!filters.empty()) parts += (parts.empty() ? "" : "; ruled out: ") + list_of(filters, "");
  why.sentence += text("of {}, {}", nodes_text(metric.nodes_evaluated()), parts.empty() ? "none was free when it was tried" : parts);
  // Room is easier to make than another node to find: exhausted nodes could run it.
  if (!dimensions.empty()) {
    why.next_step = step_for_dimension(dimensions.front().text);
  } else if (!filters.empty()) {
    why.next_step = step_for_filter(filters.front().text, group);
  } else {
    why.next_step = "wait: it is tried again by itself";
  }
  return why;
}

/// The event that says most about why a task does not run.
const TaskEvent* telling_event(const TaskState& state) {
  const TaskEvent* last = nullptr;
  for (const auto& event : state.events()) {
    const bool silent = event.type() == "Restarting" || event.type() == "Not Restarting" || event.type() == "Killing" || event.type() == "Alloc Unhealthy";
    if (!silent || !last) last = &event;
  }
  return last;
}

std::string sentence_of(const TaskEvent& event) {
  return event.display_message().empty() ? event.message() : event.display_message();
}

std::string step_for_event(const TaskEvent& event, const std::string& alloc) {
  const std::string id = alloc.substr(0, 8);
  if (event.type() == "Driver Failure") return "correct the task's config, or see the agent's log for what the driver said";
  if (event.type() == "Failed Validation") return "correct the task in the job file";
  if (event.type() == "Failed Artifact Download") return "check that the artifact's source can be reached from the node";
  if (event.type() == "Setup Failure") return "see the agent's log on the node";
  if (event.type() == "Terminated") return "`drover alloc logs -stderr " + id + "` shows what it printed last";
  return "`drover alloc status " + id + "` shows its history";
}

}  // namespace

std::string Why::text() const { return subject + ": " + sentence + ". Next: " + next_step; }

std::optional<Why> why_at_rest(const Job& job) {
  const std::string subject = "job " + job.id();
  if (job.stop()) return Why{subject, "it was stopped", "`drover job start " + job.id() + "` starts it again"};
  if (job.has_parameterized_job() && !job.dispatched()) return Why{subject, "it is parameterized and runs only when it is dispatched", "`drover job dispatch " + job.id() + "` runs it once"};
  if (job.has_periodic()) return Why{subject, "it is periodic and starts a job of its own at each of its times", "`drover job periodic force " + job.id() + "` starts one now"};
  const bool asks = std::ranges::any_of(job.task_groups(), [](const TaskGroup& group) { return group.count() > 0; });
  if (!asks && job.type() != "system" && job.type() != "sysbatch") return Why{subject, "the count of every group is 0", "`drover job scale " + job.id() + " 1` runs one of it"};
  return std::nullopt;
}

std::vector<Why> why_unplaced(const Evaluation& eval, const Job* job) {
  const std::map<std::string, AllocMetric> failed(eval.failed_tg_allocs().begin(), eval.failed_tg_allocs().end());
  std::vector<Why> all;
  for (const auto& [group, metric] : failed) {
    const auto queued = eval.queued_allocations().find(group);
    const std::int64_t waiting = queued != eval.queued_allocations().end() ? queued->second : metric.coalesced_failures() + 1;
    all.push_back(why_of_group(group, metric, waiting, job));
  }
  return all;
}

std::vector<Why> why_not_running(const Allocation& alloc) {
  std::vector<Why> all;
  if (alloc.client_status() == "complete") return all;
  const std::map<std::string, TaskState> states(alloc.task_states().begin(), alloc.task_states().end());
  if (states.empty() && alloc.client_status() == "pending") {
    all.push_back({.subject = alloc.name(),
                   .sentence = text("it is placed on {}, whose agent has not reported anything of it yet",
                                    alloc.node_name().empty() ? "a node" : "node " + alloc.node_name()),
                   .next_step = "wait a moment; if it stays so, look at `drover node status` and the agent's log"});
  }
  for (const auto& [task, state] : states) {
    const bool fine = state.state() == "running" || (state.state() == "dead" && !state.failed());
    const TaskEvent* event = telling_event(state);
    if (fine || !event) continue;
    std::string restarts = state.restarts() > 0 ? text(" ({})", plural(static_cast<std::int64_t>(state.restarts()), "restart", "restarts") + " so far") : "";
    all.push_back({.subject = "task " + task + " of " + alloc.name(),
                   .sentence = event->type() + ": " + sentence_of(*event) + restarts,
                   .next_step = step_for_event(*event, alloc.id())});
  }
  return all;
}

}  // namespace drover::model
