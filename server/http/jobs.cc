#include <algorithm>

#include "model/diff/job_diff.h"
#include "model/json/codec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_tag.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/spec.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"
#include "server/http/node_pools.h"

/// What jobs show of themselves.
namespace drover::server {
namespace {

std::vector<WaitFor> job_lists(const api::Call&) {
  return {WaitFor{.topic = Topic::jobs}, WaitFor{.topic = Topic::job_summaries}};
}

JobKey key_of(const api::Call& call) { return {.ns = call.params.ns, .id = call.capture()}; }

template <Topic topic>
std::vector<WaitFor> this_job(const api::Call& call) {
  return {WaitFor{.topic = topic, .job = key_of(call)}};
}

template <Topic topic>
std::vector<WaitFor> whole_table(const api::Call&) {
  return {WaitFor{.topic = topic}};
}

model::JobListStub stub_of(const Snapshot& state, const JobRow& row, bool with_meta) {
  const JobVersionRow& version = *state.current(row);
  const model::Job& spec = *version.spec;
  model::JobListStub stub;
  const JobKey& key = state.name_of(row);
  stub.set_id(key.id);
  stub.set_parent_id(spec.parent_id());
  stub.set_name(spec.name());
  stub.set_namespace_(key.ns);
  *stub.mutable_datacenters() = spec.datacenters();
  stub.set_node_pool(spec.node_pool());
  stub.set_type(spec.type());
  stub.set_priority(spec.priority());
  stub.set_periodic(spec.has_periodic());
  stub.set_parameterized_job(model::is_parameterized(spec));
  stub.set_stop(spec.stop());
  stub.set_status(std::string(to_text(version.status)));
  stub.set_status_description(spec.status_description());
  if (auto summary = state.summary_message(key.ns, key.id)) *stub.mutable_job_summary() = std::move(*summary);
  stub.set_create_index(row.create_index);
  stub.set_modify_index(version.modify_index);
  stub.set_job_modify_index(row.job_modify_index);
  stub.set_submit_time(row.submit_time);
  if (with_meta) *stub.mutable_meta() = spec.meta();
  return stub;
}

std::string token_of(const JobKey& key) { return key.ns + "." + key.id; }

JobKey key_of_token(const std::string& token) {
  const auto dot = token.find('.');
  if (dot == std::string::npos) return {.ns = token, .id = ""};
  return {.ns = token.substr(0, dot), .id = token.substr(dot + 1)};
}

std::vector<const JobRow*> listed_jobs(const Snapshot& state, const api::Call& call) {
  const api::Params& params = call.params;
  std::vector<const JobRow*> rows;
  const JobKey from = params.any_namespace() ? JobKey{} : JobKey{.ns = params.ns, .id = params.prefix};
  state.each_job(from, [&](const JobRow& row) {
    const JobKey& key = state.name_of(row);
    if (!params.any_namespace() && key.ns != params.ns) return false;
    if (key.id.starts_with(params.prefix)) rows.push_back(&row);
    return true;
  });
  if (params.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

/// `pool` is "" for those of every pool.
http::Response job_list(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter, bool with_meta, std::string_view pool) {
  std::vector<const JobRow*> rows = listed_jobs(*state, *call);
  if (!pool.empty()) std::erase_if(rows, [&](const JobRow* row) { return state->current(*row)->spec->node_pool() != pool; });
  return list_page(
      call, filter, std::move(rows), [&](const JobRow* row) { return token_of(state->name_of(*row)); },
      [&](const JobRow* row, const std::string& token) {
        const JobKey& key = state->name_of(*row);
        return call->params.reverse ? key_of_token(token) < key : key < key_of_token(token);
      },
      [&](const JobRow* row) { return to_message(*state->current(*row)); },
      [state, with_meta](std::string& out, const JobRow* row) { model::append_json(out, stub_of(*state, *row, with_meta)); });
}

api::Found find_jobs(const SnapshotPtr& state, const CallPtr& call, Index index, std::string pool) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const Result<bool> meta = api::bool_parameter(call->request, "meta");
  if (!meta) return refused(500, meta.error().message);
  return found(index, state, call, [filter = std::move(*filter), with_meta = *meta, pool = std::move(pool)](const SnapshotPtr& s, const CallPtr& c) {
    return job_list(s, c, filter, with_meta, pool);
  });
}

Index list_index(const Snapshot& state) { return std::max(state.index(Topic::jobs), state.index(Topic::job_summaries)); }

api::Found list_jobs(SnapshotPtr state, CallPtr call) { return find_jobs(state, call, list_index(*state), ""); }

api::Found list_pool(SnapshotPtr state, CallPtr call) {
  if (!call->params.prefix.empty()) return refused(400, "prefix argument not allowed");
  const bool known = has_node_pool(*state, call->capture());
  return find_jobs(state, call, known ? list_index(*state) : 0, call->capture());
}

api::Found read_job(SnapshotPtr state, CallPtr call) {
  const JobVersionRow* version = state->current(call->params.ns, call->capture());
  if (!version) return missing(state->index(Topic::jobs), state, "job not found");
  return message_found(version->modify_index, state, call, [version](const Snapshot&, const api::Call&) { return to_message(*version); });
}

api::Found read_summary(SnapshotPtr state, CallPtr call) {
  const SummaryRow* summary = state->summary(call->params.ns, call->capture());
  if (!summary) return missing(state->index(Topic::job_summaries), state, "job not found");
  return message_found(summary->modify_index, state, call, [](const Snapshot& s, const api::Call& c) {
    return *s.summary_message(c.params.ns, c.capture());
  });
}

/// What to compare versions with; nothing: each with the one before it.
struct DiffBase {
  std::optional<std::uint64_t> version;
  std::string tag;
};

/// The base, or the text of the refusal.
Result<const JobVersionRow*> base_row(const Snapshot& state, const api::Call& call, const DiffBase& base) {
  for (const JobVersionRow* row : state.versions(call.params.ns, call.capture())) {
    if (base.version && row->version == *base.version) return row;
    if (!base.tag.empty() && row->tag && row->tag->name() == base.tag) return row;
  }
  if (!base.tag.empty()) return fail(Code::invalid, "tag \"{}\" not found", base.tag);
  if (base.version) return fail(Code::invalid, "version {} not found", *base.version);
  return nullptr;
}

model::JobVersionsResponse versions_message(const Snapshot& state, const api::Call& call, Index index) {
  model::JobVersionsResponse response;
  for (const JobVersionRow* version : state.versions(call.params.ns, call.capture())) *response.add_versions() = to_message(*version);
  response.set_index(index);
  response.set_known_leader(true);
  return response;
}

void add_diffs(model::JobVersionsResponse& response, const Snapshot& state, const api::Call& call, const JobVersionRow* base) {
  const auto rows = state.versions(call.params.ns, call.capture());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const JobVersionRow* before = base ? base : i + 1 < rows.size() ? rows[i + 1] : nullptr;
    if (before) *response.add_diffs() = model::diff_jobs(before->spec.get(), rows[i]->spec.get());
  }
}

api::Found read_versions(SnapshotPtr state, CallPtr call) {
  const Result<bool> diffs = api::bool_parameter(call->request, "diffs");
  if (!diffs) return refused(500, diffs.error().message);
  const Result<std::uint64_t> against = api::uint_parameter(call->request, "diff_version");
  if (!against) return refused(500, against.error().message);
  const JobVersionRow* version = state->current(call->params.ns, call->capture());
  if (!version) return missing(state->index(Topic::jobs), state, "job versions not found");
  DiffBase wanted{.version = {}, .tag = api::text_parameter(call->request, "diff_tag")};
  if (!api::text_parameter(call->request, "diff_version").empty()) wanted.version = *against;
  const Result<const JobVersionRow*> base = base_row(*state, *call, wanted);
  if (*diffs && !base) return refused(500, base.error().message);
  const Index index = version->modify_index;
  const bool compared = *diffs;
  const JobVersionRow* with = compared ? *base : nullptr;
  return message_found(index, state, call, [index, compared, with](const Snapshot& s, const api::Call& c) {
    model::JobVersionsResponse response = versions_message(s, c, index);
    if (compared) add_diffs(response, s, c, with);
    return response;
  });
}

http::Response allocs_of_job(const SnapshotPtr& state, const CallPtr& call) {
  std::vector<const AllocRow*> rows;
  state->each_alloc_of_job(call->params.ns, call->capture(), [&rows](const AllocRow& row) { return rows.push_back(&row), true; });
  return alloc_list(state, std::move(rows), {}, call->params.pretty);
}

api::Found read_allocations(SnapshotPtr state, CallPtr call) {
  return found(state->index(Topic::allocs), state, call, allocs_of_job);
}

http::Response evals_of_job(const SnapshotPtr& state, const CallPtr& call) {
  std::vector<const model::Evaluation*> rows;
  state->each_eval_of_job(call->params.ns, call->capture(),
                          [&rows](const model::Evaluation& eval) { return rows.push_back(&eval), true; });
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->create_index() > b->create_index(); });
  api::AppendElement append = [state, rows](std::string& out, std::size_t i) { model::append_json(out, *rows[i]); };
  return api::list(rows.size(), std::move(append), call->params.pretty);
}

api::Found read_evaluations(SnapshotPtr state, CallPtr call) {
  return found(state->index(Topic::evals), state, call, evals_of_job);
}

std::vector<const model::Deployment*> deployments_of(const Snapshot& state, const api::Call& call) {
  std::vector<const model::Deployment*> rows;
  state.each_deployment_of_job(call.params.ns, call.capture(),
                               [&rows](const model::Deployment& deployment) { return rows.push_back(&deployment), true; });
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->create_index() > b->create_index(); });
  return rows;
}

api::Found read_deployments(SnapshotPtr state, CallPtr call) {
  return found(state->index(Topic::deployments), state, call, [](const SnapshotPtr& s, const CallPtr& c) {
    const auto rows = deployments_of(*s, *c);
    api::AppendElement append = [s, rows](std::string& out, std::size_t i) { model::append_json(out, *rows[i]); };
    return api::list(rows.size(), std::move(append), c->params.pretty);
  });
}

api::Found read_deployment(SnapshotPtr state, CallPtr call) {
  return found(state->index(Topic::deployments), state, call, [](const SnapshotPtr& s, const CallPtr& c) {
    const auto rows = deployments_of(*s, *c);
    return rows.empty() ? api::json("null") : api::json(*rows.front(), c->params.pretty);
  });
}

}  // namespace

void add_job_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/jobs", "list-jobs", list_jobs, job_lists));
  routes.push_back(read_route(parts, "/v1/node/pool/{name}/jobs", "list-jobs", list_pool, job_lists));
  routes.push_back(read_route(parts, "/v1/job/{id}", "read-job", read_job, this_job<Topic::jobs>));
  // These two have never looked at the method.
  routes.push_back(any_method(read_route(parts, "/v1/job/{id}/summary", "read-job", read_summary, this_job<Topic::job_summaries>)));
  routes.push_back(any_method(read_route(parts, "/v1/job/{id}/versions", "read-job", read_versions, this_job<Topic::jobs>)));
  routes.push_back(read_route(parts, "/v1/job/{id}/allocations", "read-job", read_allocations, whole_table<Topic::allocs>));
  routes.push_back(read_route(parts, "/v1/job/{id}/evaluations", "read-job", read_evaluations, whole_table<Topic::evals>));
  routes.push_back(read_route(parts, "/v1/job/{id}/deployments", "read-job", read_deployments, whole_table<Topic::deployments>));
  routes.push_back(read_route(parts, "/v1/job/{id}/deployment", "read-job", read_deployment, whole_table<Topic::deployments>));
}

}  // namespace drover::server
