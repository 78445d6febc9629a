#include <algorithm>

#include "base/json/json.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// /v1/jobs/statuses: jobs with their allocations and newest deployment, for pages that watch many of them.
namespace drover::server {
namespace {

struct Wanted {
  bool children = false;       ///< also those that a periodic or parameterized job has launched
  std::vector<JobKey> jobs;    ///< empty: all of the namespace
};

std::vector<WaitFor> job_changes(const api::Call&) {
  return {WaitFor{.topic = Topic::jobs}, WaitFor{.topic = Topic::job_summaries}};
}

Value alloc_of(const Snapshot& state, const AllocRow& row) {
  const model::Allocation alloc = state.message(row);
  Value health = Value::map();
  health.set("Canary", alloc.deployment_status().canary());
  health.set("Healthy", alloc.deployment_status().has_healthy() ? Value(alloc.deployment_status().healthy()) : Value());
  const auto is_paused = [](const auto& state_of_task) { return !state_of_task.second.paused().empty(); };
  Value out = Value::map();
  out.set("ClientStatus", alloc.client_status());
  out.set("DeploymentStatus", std::move(health));
  out.set("FollowupEvalID", alloc.followup_eval_id());
  out.set("Group", alloc.task_group());
  out.set("HasPausedTask", std::any_of(alloc.task_states().begin(), alloc.task_states().end(), is_paused));
  out.set("ID", alloc.id());
  out.set("JobVersion", static_cast<std::int64_t>(state.version_of(row).version));
  out.set("NodeID", alloc.node_id());
  return out;
}

Value allocs_of(const Snapshot& state, const JobKey& job) {
  Value out;
  state.each_alloc_of_job(job.ns, job.id, [&](const AllocRow& row) { return out.push(alloc_of(state, row)), true; });
  return out;
}

Value deployment_of(const Snapshot& state, const JobKey& job) {
  const model::Deployment* newest = nullptr;
  state.each_deployment_of_job(job.ns, job.id, [&newest](const model::Deployment& one) {
    if (!newest || one.create_index() > newest->create_index()) newest = &one;
    return true;
  });
  if (!newest) return {};
  constexpr std::string_view ended[] = {"cancelled", "failed", "successful"};
  bool promotes_itself = !newest->task_groups().empty();
  bool waits_for_promotion = false;
  for (const auto& [name, group] : newest->task_groups()) {
    promotes_itself = promotes_itself && group.auto_promote();
    waits_for_promotion = waits_for_promotion || (group.desired_canaries() > 0 && !group.promoted());
  }
  Value out = Value::map();
  out.set("AllAutoPromote", promotes_itself);
  out.set("ID", newest->id());
  out.set("IsActive", std::ranges::find(ended, newest->status()) == std::end(ended));
  out.set("JobVersion", static_cast<std::int64_t>(newest->job_version()));
  out.set("RequiresPromotion", newest->status() == "running" && waits_for_promotion);
  out.set("Status", newest->status());
  out.set("StatusDescription", newest->status_description());
  return out;
}

Value children_of(const Snapshot& state, const JobKey& job, const model::Job& spec) {
  if (!spec.has_periodic() && !spec.has_parameterized_job()) return {};
  Value out;
  state.each_child(job.ns, job.id, [&out](const JobVersionRow& child) { return out.push(to_text(child.status)), true; });
  return out;
}

Value status_of(const Snapshot& state, const JobRow& row) {
  const JobVersionRow& version = *state.current(row);
  const model::Job& spec = *version.spec;
  const JobKey& key = state.name_of(row);
  Value datacenters;
  for (const std::string& name : spec.datacenters()) datacenters.push(name);
  std::int64_t count = 0;
  for (const auto& group : spec.task_groups()) count += group.count();
  Value out = Value::map();
  out.set("Allocs", allocs_of(state, key));
  out.set("ChildStatuses", children_of(state, key, spec));
  out.set("Datacenters", std::move(datacenters));
  out.set("GroupCountSum", count);
  out.set("ID", key.id);
  out.set("IsPack", spec.meta().contains("pack.name"));
  out.set("LatestDeployment", deployment_of(state, key));
  out.set("ModifyIndex", static_cast<std::int64_t>(version.modify_index));
  out.set("Name", spec.name());
  out.set("Namespace", key.ns);
  out.set("NodePool", spec.node_pool());
  out.set("ParentID", spec.parent_id());
  out.set("Priority", spec.priority());
  out.set("Status", to_text(version.status));
  out.set("Stop", spec.stop());
  out.set("SubmitTime", row.submit_time);
  out.set("Type", spec.type());
  out.set("Version", static_cast<std::int64_t>(version.version));
  return out;
}

Index changed_at(const Snapshot& state, const JobRow& row) { return state.current(row)->modify_index; }

/// Newest change first, unless reversed.
std::vector<const JobRow*> wanted_jobs(const Snapshot& state, const api::Call& call, const Wanted& wanted) {
  std::vector<const JobRow*> rows;
  for (const JobKey& key : wanted.jobs) {
    if (const JobRow* row = state.job(key.ns, key.id)) rows.push_back(row);
  }
  if (wanted.jobs.empty()) {
    state.each_job(JobKey{}, [&](const JobRow& row) {
      if (shows(call, state.name_of(row).ns)) rows.push_back(&row);
      return true;
    });
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const JobRow* a, const JobRow* b) {
    return call.params.reverse ? changed_at(state, *a) < changed_at(state, *b) : changed_at(state, *a) > changed_at(state, *b);
  });
  return rows;
}

api::Found find_statuses(const SnapshotPtr& state, const CallPtr& call, const Wanted& wanted) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(500, filter.error().message);
  std::vector<const JobRow*> rows = wanted_jobs(*state, *call, wanted);
  const auto index_in = [](const std::string& token) { return api::parse_place(token + ".").index; };
  auto page = api::take_page(
      std::move(rows), call->params, [&](const JobRow* row) { return std::to_string(changed_at(*state, *row)); },
      [&](const JobRow* row, const std::string& token) {
        const Index at = index_in(token);
        return call->params.reverse ? changed_at(*state, *row) < at : changed_at(*state, *row) > at;
      },
      [&](const JobRow* row) -> Result<bool> {
        const model::Job& spec = *state->current(*row)->spec;
        if (!wanted.children && wanted.jobs.empty() && !spec.parent_id().empty()) return false;
        if (filter->empty()) return true;
        return filter->passes(to_message(*state->current(*row)));
      });
  if (!page) return refused(400, text("failed to read result page: {}", page.error().message));
  Index newest = 0;
  for (const JobRow* row : page->rows) newest = std::max(newest, changed_at(*state, *row));
  return found(newest, state, call, [page = std::move(*page)](const SnapshotPtr& s, const CallPtr& c) {
    api::AppendElement append = [s, rows = page.rows](std::string& out, std::size_t i) { json::append(out, status_of(*s, *rows[i])); };
    http::Response response = api::list(page.rows.size(), std::move(append), c->params.pretty);
    api::set_next_token(response, page.next_token);
    return response;
  });
}

api::Found list_statuses(SnapshotPtr state, CallPtr call) {
  const Result<bool> children = api::bool_parameter(call->request, "include_children");
  if (!children) return refused(400, children.error().message);
  return find_statuses(state, call, Wanted{.children = *children, .jobs = {}});
}

/// The jobs that a body names; nothing when there is no body.
api::Found statuses_of(SnapshotPtr state, CallPtr call) {
  if (call->request.body.empty()) return find_statuses(state, call, {});
  Body body = body_of(*call);
  if (body.refusal) {
    body.refusal->body = "error decoding request: " + body.refusal->body;
    return {.refusal = std::move(*body.refusal)};
  }
  Wanted wanted{.children = bool_member(body.value, "IncludeChildren"), .jobs = {}};
  const Value* jobs = member(body.value, "Jobs");
  if (!jobs || !jobs->is_list() || jobs->items().empty()) return refused(400, "no jobs in request");
  for (const Value& job : jobs->items()) {
    const std::string ns = text_member(job, "Namespace");
    wanted.jobs.push_back({.ns = ns.empty() ? std::string(api::default_namespace) : ns, .id = text_member(job, "ID")});
  }
  return find_statuses(state, call, wanted);
}

}  // namespace

void add_job_status_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/jobs/statuses", "read-job", list_statuses, job_changes));
  api::Route posted = read_route(parts, "/v1/jobs/statuses", "read-job", statuses_of, job_changes);
  posted.methods = "POST";
  routes.push_back(std::move(posted));
}

}  // namespace drover::server
