#include <algorithm>

#include "base/json/json.h"
#include "model/json/codec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/scaling.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"
#include "server/http/scaling_policies.h"

/// Scaling: the policies of groups, how a job's groups stand, and changing their count.
namespace drover::server {
namespace {

std::uint64_t hash_of(const JobKey& job, const std::string& group, Index create_index) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text("{}\x1f{}\x1f{}\x1f{}", job.ns, job.id, create_index, group)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

/// The job's own changes move its policies: when it was registered last.
ScalingPolicyRow row_of(const JobKey& key, const JobRow& row, const JobVersionRow& version, const model::TaskGroup& group) {
  SeededRandom ids(hash_of(key, group.name(), row.create_index));
  return {.id = to_text(ids.uuid()),
          .ns = key.ns,
          .job = key.id,
          .group = group.name(),
          .stopped = version.spec->stop(),
          .policy = &group.scaling(),
          .create_index = row.create_index,
          .modify_index = row.job_modify_index};
}

Value target_of(const ScalingPolicyRow& row) {
  Value target = Value::map();
  target.set("Group", row.group);
  target.set("Job", row.job);
  target.set("Namespace", row.ns);
  return target;
}

Value stub_of(const ScalingPolicyRow& row) {
  Value out = Value::map();
  out.set("CreateIndex", static_cast<std::int64_t>(row.create_index));
  out.set("Enabled", row.policy->enabled() && !row.stopped);
  out.set("ID", row.id);
  out.set("ModifyIndex", static_cast<std::int64_t>(row.modify_index));
  out.set("Target", target_of(row));
  out.set("Type", row.policy->type());
  return out;
}

/// Numbers in a policy are all real ones, as clients that know no others expect.
Value with_reals(Value value) {
  if (value.is_integer()) return static_cast<double>(value.integer());
  if (value.is_list()) {
    for (Value& item : value.items()) item = with_reals(std::move(item));
  }
  if (value.is_map()) {
    for (auto& [name, inner] : value.members()) inner = with_reals(std::move(inner));
  }
  return value;
}

Value real_json(const std::string& text) {
  if (text.empty()) return {};
  Result<Value> value = json::parse(text);
  return value ? with_reals(std::move(*value)) : Value();
}

Value policy_of(const ScalingPolicyRow& row) {
  Value out = stub_of(row);
  out.set("Max", row.policy->max());
  out.set("Min", row.policy->min());
  out.set("Policy", real_json(row.policy->policy()));
  return out;
}

std::vector<WaitFor> job_changes(const api::Call&) { return {WaitFor{.topic = Topic::jobs}}; }

api::Found list_policies(SnapshotPtr state, CallPtr call) {
  const std::string job = api::text_parameter(call->request, "job");
  const std::string type = api::text_parameter(call->request, "type");
  std::vector<ScalingPolicyRow> rows = scaling_policies(*state);
  std::erase_if(rows, [&](const ScalingPolicyRow& row) {
    return !shows(*call, row.ns) || !row.id.starts_with(call->params.prefix) || (!job.empty() && row.job != job) ||
           (!type.empty() && !row.policy->type().starts_with(type));
  });
  Index newest = 0;
  for (const ScalingPolicyRow& row : rows) newest = std::max(newest, row.modify_index);
  const Index index = rows.empty() ? std::max<Index>(1, state->index(Topic::jobs)) : newest;
  return found(index, state, call, [rows = std::move(rows)](const SnapshotPtr& s, const CallPtr& c) {
    api::AppendElement append = [s, rows](std::string& out, std::size_t i) { json::append(out, stub_of(rows[i])); };
    return api::list(rows.size(), std::move(append), c->params.pretty);
  });
}

api::Found read_policy(SnapshotPtr state, CallPtr call) {
  for (ScalingPolicyRow& row : scaling_policies(*state)) {
    if (row.id != call->capture()) continue;
    const Index index = row.modify_index;
    return found(index, state, call, [row = std::move(row)](const SnapshotPtr&, const CallPtr& c) {
      return api::json(json::write(policy_of(row)), c->params.pretty);
    });
  }
  return missing(std::max<Index>(1, state->index(Topic::jobs)), state, "policy not found");
}

struct Placed {
  std::int64_t placed = 0;
  std::int64_t running = 0;
  std::int64_t healthy = 0;
  std::int64_t unhealthy = 0;
  Index newest = 0;
};

/// Canaries and what has ended do not count.
std::map<std::string, Placed> placed_groups(const Snapshot& state, const JobKey& job) {
  std::map<std::string, Placed> groups;
  state.each_alloc_of_job(job.ns, job.id, [&](const AllocRow& row) {
    Placed& group = groups[state.group_of(row)];
    group.newest = std::max(group.newest, row.modify_index);
    if (row.terminal()) return true;
    const model::Allocation alloc = state.message(row);
    const auto& health = alloc.deployment_status();
    if (health.canary()) return true;
    ++group.placed;
    if (row.client == ClientStatus::running) ++group.running;
    if (health.has_healthy()) ++(health.healthy() ? group.healthy : group.unhealthy);
    return true;
  });
  return groups;
}

Value event_of(const model::ScalingEvent& event) {
  Value out = Value::map();
  out.set("Count", event.has_count() ? Value(event.count()) : Value());
  out.set("CreateIndex", static_cast<std::int64_t>(event.create_index()));
  out.set("Error", event.error());
  out.set("EvalID", event.has_eval_id() ? Value(event.eval_id()) : Value());
  out.set("Message", event.message());
  out.set("Meta", real_json(event.meta()));
  out.set("PreviousCount", event.previous_count());
  out.set("Time", event.time());
  return out;
}

Value events_of(const JobRow& job, const std::string& group) {
  Value out;
  if (!job.scaling) return out;
  const auto events = job.scaling->groups.find(group);
  if (events == job.scaling->groups.end()) return out;
  for (const auto& event : events->second) out.push(event_of(*event));
  return out;
}

Value scale_status(const Snapshot& state, const JobKey& key, const JobRow& row) {
  const JobVersionRow& version = *state.current(row);
  auto placed = placed_groups(state, key);
  Value groups = Value::map();
  for (const auto& group : version.spec->task_groups()) {
    const Placed& now = placed[group.name()];
    Value one = Value::map();
    one.set("Desired", group.count());
    one.set("Events", events_of(row, group.name()));
    one.set("Healthy", now.healthy);
    one.set("Placed", now.placed);
    one.set("Running", now.running);
    one.set("Unhealthy", now.unhealthy);
    groups.set(group.name(), std::move(one));
  }
  Value out = Value::map();
  out.set("JobCreateIndex", static_cast<std::int64_t>(row.create_index));
  out.set("JobID", key.id);
  out.set("JobModifyIndex", static_cast<std::int64_t>(version.modify_index));
  out.set("JobStopped", version.spec->stop());
  out.set("Namespace", key.ns);
  out.set("TaskGroups", std::move(groups));
  return out;
}

std::vector<WaitFor> scale_changes(const api::Call& call) {
  const JobKey job{.ns = call.params.ns, .id = call.capture()};
  return {WaitFor{.topic = Topic::jobs, .id = {}, .job = job}, WaitFor{.topic = Topic::scaling, .id = {}, .job = job},
          WaitFor{.topic = Topic::allocs}};
}

api::Found read_status(SnapshotPtr state, CallPtr call) {
  const JobKey key{.ns = call->params.ns, .id = call->capture()};
  const JobRow* row = state->job(key.ns, key.id);
  if (!row) return missing(std::max<Index>(1, state->index(Topic::jobs)), state, "job not found");
  Index newest = state->current(*row)->modify_index;
  if (row->scaling) newest = std::max(newest, row->scaling->modify_index);
  for (const auto& [group, placed] : placed_groups(*state, key)) newest = std::max(newest, placed.newest);
  return found(newest, state, call, [key](const SnapshotPtr& s, const CallPtr& c) {
    return api::json(json::write(scale_status(*s, key, *s->job(key.ns, key.id))), c->params.pretty);
  });
}

/// The codes of a refused scaling: what is wrong with the request is 400 here.
http::Response scale_error(const Error& error) {
  return error.code == Code::invalid ? api::refuse(400, error.message) : api::refuse(error);
}

Async<http::Response> scale(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const Value* target = member(body.value, "Target");
  const std::string job = target ? text_member(*target, "Job") : "";
  if (!job.empty() && job != call.capture()) co_return api::refuse(400, "job ID in payload did not match URL");
  ScaleJob request;
  const std::string of_body = text_member(body.value, "Namespace");
  request.job = {.ns = namespace_of(call, of_body, nullptr), .id = call.capture()};
  request.group = target ? text_member(*target, "Group") : "";
  request.count = int_member(body.value, "Count");
  request.message = text_member(body.value, "Message");
  request.error = bool_member(body.value, "Error");
  const Value* meta = member(body.value, "Meta");
  if (meta) request.meta = json::write(*meta);
  request.job_modify_index = static_cast<Index>(int_member(body.value, "JobModifyIndex").value_or(0));

  const Result<JobRegistered> done = co_await parts->server.scale_job(std::move(request));
  if (!done) co_return scale_error(done.error());
  model::JobRegisterResponse answer;
  answer.set_eval_id(done->eval_id);
  answer.set_eval_create_index(done->eval_create_index);
  answer.set_job_modify_index(done->job_modify_index);
  answer.set_warnings(done->warnings);
  answer.set_index(done->index);
  answer.set_known_leader(true);
  http::Response response = api::json(answer, call.params.pretty);
  api::set_write_index(response, done->index);
  co_return response;
}

}  // namespace

std::vector<ScalingPolicyRow> scaling_policies(const Snapshot& state) {
  std::vector<ScalingPolicyRow> rows;
  state.each_job(JobKey{}, [&](const JobRow& row) {
    const JobVersionRow& version = *state.current(row);
    for (const auto& group : version.spec->task_groups()) {
      if (group.has_scaling()) rows.push_back(row_of(state.name_of(row), row, version, group));
    }
    return true;
  });
  std::ranges::sort(rows, {}, &ScalingPolicyRow::id);
  return rows;
}

void add_scaling_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/scaling/policies", "list-scaling-policies|list-jobs", list_policies, job_changes));
  routes.push_back(read_route(parts, "/v1/scaling/policy/{id}", "read-scaling-policy|read-job", read_policy, job_changes));
  routes.push_back(read_route(parts, "/v1/job/{id}/scale", "read-job|read-job-scaling", read_status, scale_changes));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/job/{id}/scale", "scale-job|submit-job", scale));
}

}  // namespace drover::server
