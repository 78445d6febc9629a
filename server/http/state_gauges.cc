#include "server/http/state_gauges.h"

#include <drover/result.h>

#include <map>
#include <string>

#include "model/proto/evaluation.pb.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

using Counts = std::map<std::string, std::size_t>;

void add(std::vector<api::Gauge>& out, std::string name, std::size_t value,
         std::vector<std::pair<std::string, std::string>> labels = {}) {
  out.push_back({.name = std::move(name), .value = static_cast<double>(value), .labels = std::move(labels)});
}

void add_summary(std::vector<api::Gauge>& out, const JobKey& job, const std::string& group, const GroupCounts& counts) {
  const std::vector<std::pair<std::string, std::string>> labels = {
      {"job", job.id}, {"namespace", job.ns}, {"task_group", group}};
  const std::pair<const char*, std::int64_t> figures[] = {
      {"queued", counts.queued},     {"complete", counts.complete}, {"failed", counts.failed},  {"running", counts.running},
      {"starting", counts.starting}, {"lost", counts.lost},         {"unknown", counts.unknown}};
  for (const auto& [name, value] : figures) {
    add(out, std::string("nomad.nomad.job_summary.") + name, static_cast<std::size_t>(value), labels);
  }
}

void add_jobs(std::vector<api::Gauge>& out, const Snapshot& state) {
  Counts by_status = {{"pending", 0}, {"running", 0}, {"dead", 0}};
  state.each_job(JobKey{}, [&](const JobRow& row) {
    const JobKey& key = state.name_of(row);
    if (const JobVersionRow* version = state.current(row)) ++by_status[std::string(to_text(version->status))];
    if (const SummaryRow* summary = state.summary(key.ns, key.id)) {
      for (const auto& [group, counts] : summary->groups) add_summary(out, key, group, counts);
    }
    return true;
  });
  for (const auto& [status, count] : by_status) add(out, "nomad.nomad.job_status." + status, count);
}

void add_nodes(std::vector<api::Gauge>& out, const Snapshot& state) {
  std::size_t beating = 0;
  Counts by_status;
  state.each_node(Uuid{}, [&](const model::Node& node) {
    ++by_status[node.status()];
    if (node.status() != "down") ++beating;
    return true;
  });
  add(out, "nomad.nomad.heartbeat.active", beating);
  for (const auto& [status, count] : by_status) add(out, "nomad.nomad.nodes", count, {{"status", status}});
}

void add_evals(std::vector<api::Gauge>& out, const Snapshot& state) {
  Counts by_status = {{"blocked", 0}, {"pending", 0}};
  Counts ready = {{"_core", 0}};  // of each type that there has been
  std::size_t escaped = 0;
  state.each_eval(Uuid{}, [&](const model::Evaluation& eval) {
    ++by_status[eval.status()];
    ready[eval.type()] += eval.status() == "pending";
    if (eval.status() == "blocked" && eval.escaped_computed_class()) ++escaped;
    return true;
  });
  add(out, "nomad.nomad.blocked_evals.total_blocked", by_status["blocked"]);
  add(out, "nomad.nomad.blocked_evals.total_escaped", escaped);
  add(out, "nomad.nomad.blocked_evals.total_quota_limit", 0);
  // What is in a worker's hands is pending until its plan is committed; nothing waits between broker and workers.
  for (const auto& [type, count] : ready) {
    add(out, text("nomad.nomad.broker.{}.ready", type), count);
    add(out, text("nomad.nomad.broker.{}.unacked", type), 0);
  }
  add(out, "nomad.nomad.broker.total_ready", by_status["pending"]);
  for (const char* name : {"total_cancelable", "total_pending", "total_unacked", "total_waiting"}) {
    add(out, text("nomad.nomad.broker.{}", name), 0);
  }
  add(out, "nomad.nomad.plan.queue_depth", 0);
}

}  // namespace

std::vector<api::Gauge> state_gauges(const Snapshot& state) {
  std::vector<api::Gauge> out;
  add_jobs(out, state);
  add_nodes(out, state);
  add_evals(out, state);
  add(out, "nomad.raft.appliedIndex", state.index());
  return out;
}

}  // namespace drover::server
