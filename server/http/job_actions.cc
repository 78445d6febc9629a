#include "base/json/json.h"
#include "model/json/text.h"
#include "model/json/codec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// What is done to a job that is registered: going back to a version, naming and judging versions, launching children;
/// and the source it was made from.
namespace drover::server {
namespace {

JobKey key_of(const api::Call& call, const Value& body) {
  return {.ns = namespace_of(call, text_member(body, "Namespace"), nullptr), .id = call.capture()};
}

/// Bodies that name their job must name the one of the path.
std::optional<http::Response> check_job_id(const api::Call& call, const Value& body) {
  const std::string id = text_member(body, "JobID");
  if (id.empty()) return api::refuse(400, "JobID must be specified");
  if (id != call.capture()) return api::refuse(400, "Job ID does not match");
  return std::nullopt;
}

http::Response written(const Value& answer, Index index, bool pretty) {
  http::Response response = api::json(json::write(answer), pretty);
  api::set_write_index(response, index);
  return response;
}

Async<http::Response> revert(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  if (auto refusal = check_job_id(call, body.value)) co_return std::move(*refusal);
  RevertJob request;
  request.job = key_of(call, body.value);
  request.version = static_cast<std::uint64_t>(int_member(body.value, "JobVersion").value_or(0));
  if (const auto prior = int_member(body.value, "EnforcePriorVersion")) request.enforce_prior_version = static_cast<std::uint64_t>(*prior);
  const Result<JobRegistered> done = co_await parts->server.revert_job(std::move(request));
  if (!done) co_return api::refuse(done.error());
  model::JobRegisterResponse answer;
  answer.set_eval_id(done->eval_id);
  answer.set_eval_create_index(done->eval_create_index);
  answer.set_job_modify_index(done->job_modify_index);
  answer.set_warnings(done->warnings);
  answer.set_index(done->index);
  http::Response response = api::json(answer, call.params.pretty);
  api::set_index(response, done->index, false);  // this one has all headers of a read
  co_return response;
}

Async<http::Response> set_stability(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  if (auto refusal = check_job_id(call, body.value)) co_return std::move(*refusal);
  SetStability request;
  request.job = key_of(call, body.value);
  request.version = static_cast<std::uint64_t>(int_member(body.value, "JobVersion").value_or(0));
  request.stable = bool_member(body.value, "Stable");
  const Result<StabilitySet> done = co_await parts->server.set_stability(std::move(request));
  if (!done) co_return api::refuse(done.error());
  Value answer = Value::map();
  answer.set("Index", static_cast<std::int64_t>(done->index));
  co_return written(answer, done->index, call.params.pretty);
}

Async<http::Response> tag(HttpParts* parts, api::Call call) {
  TagVersion request;
  request.name = call.capture(1);
  request.remove = call.request.method == "DELETE";
  Body body;
  if (!request.remove) body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  request.job = key_of(call, body.value);
  request.description = text_member(body.value, "Description");
  const auto version = int_member(body.value, "Version");
  if (!bool_member(body.value, "Latest")) request.version = static_cast<std::uint64_t>(version.value_or(0));
  const Result<VersionTagged> done = co_await parts->server.tag_version(std::move(request));
  if (!done) co_return api::refuse(done.error());
  Value answer = Value::map();
  answer.set("Description", done->description);
  answer.set("Index", static_cast<std::int64_t>(done->index));
  answer.set("KnownLeader", false);
  answer.set("LastContact", 0);
  answer.set("Name", done->name);
  answer.set("NextToken", "");
  answer.set("TaggedTime", done->tagged_time);
  co_return api::json(json::write(answer), call.params.pretty);  // this one has never had an index header
}

Async<http::Response> dispatched(HttpParts* parts, DispatchJob request, bool pretty) {
  const Result<JobDispatched> done = co_await parts->server.dispatch_job(std::move(request));
  if (!done) co_return api::refuse(done.error());
  Value answer = Value::map();
  answer.set("DispatchedJobID", done->job_id);
  answer.set("EvalCreateIndex", static_cast<std::int64_t>(done->eval_create_index));
  answer.set("EvalID", done->eval_id);
  answer.set("Index", static_cast<std::int64_t>(done->index));
  answer.set("JobCreateIndex", static_cast<std::int64_t>(done->job_create_index));
  co_return written(answer, done->index, pretty);
}

/// How many characters of base64 there are before the first that is none.
std::size_t base64_prefix(const std::string& text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t end = text.find_first_not_of(alphabet);
  return end == std::string::npos ? text.size() : end;
}

Async<http::Response> dispatch(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const std::string id = text_member(body.value, "JobID");
  if (!id.empty() && id != call.capture()) co_return api::refuse(400, "Job ID does not match");
  DispatchJob request;
  request.job = key_of(call, body.value);
  const std::string payload = text_member(body.value, "Payload");
  auto bytes = model::parse_base64(payload);
  if (!bytes) co_return api::refuse(400, text("illegal base64 data at input byte {}", base64_prefix(payload)));
  request.payload = std::move(*bytes);
  const Value* meta = member(body.value, "Meta");
  if (meta && meta->is_map()) {
    for (const auto& [name, value] : meta->members()) request.meta.emplace(name, value.is_text() ? value.text() : json::write(value));
  }
  request.id_prefix = text_member(body.value, "IdPrefixTemplate");
  request.priority = int_member(body.value, "Priority").value_or(0);
  request.idempotency_token = api::text_parameter(call.request, "idempotency_token");
  co_return co_await dispatched(parts, std::move(request), call.params.pretty);
}

/// The whole body is the payload.
Async<http::Response> dispatch_payload(HttpParts* parts, api::Call call) {
  DispatchJob request;
  request.job = {.ns = call.params.ns, .id = call.capture()};
  request.payload = std::move(call.request.body);
  request.idempotency_token = api::text_parameter(call.request, "idempotency_token");
  co_return co_await dispatched(parts, std::move(request), call.params.pretty);
}

Async<http::Response> force_periodic(HttpParts* parts, api::Call call) {
  ForcePeriodic request;
  request.job = {.ns = call.params.ns, .id = call.capture()};
  const Result<PeriodicForced> done = co_await parts->server.force_periodic(std::move(request));
  if (!done) co_return api::refuse(done.error());
  Value answer = Value::map();
  answer.set("EvalCreateIndex", static_cast<std::int64_t>(done->eval_create_index));
  answer.set("EvalID", done->eval_id);
  answer.set("Index", static_cast<std::int64_t>(done->index));
  co_return written(answer, done->index, call.params.pretty);
}

std::vector<WaitFor> this_job(const api::Call& call) {
  return {WaitFor{.topic = Topic::jobs, .id = {}, .job = {.ns = call.params.ns, .id = call.capture()}}};
}

Value submission_of(const JobKey& key, const JobVersionRow& row) {
  const model::JobSubmission& source = *row.submission;
  const std::map<std::string, std::string> sorted(source.variable_flags().begin(), source.variable_flags().end());
  Value flags;
  for (const auto& [name, value] : sorted) flags.set(name, value);
  Value out = Value::map();
  out.set("Format", source.format());
  out.set("JobID", key.id);
  out.set("JobModifyIndex", static_cast<std::int64_t>(row.spec->job_modify_index()));
  out.set("Namespace", key.ns);
  out.set("Source", source.source());
  out.set("VariableFlags", std::move(flags));
  out.set("Variables", source.variables());
  out.set("Version", static_cast<std::int64_t>(row.version));
  return out;
}

api::Found read_submission(SnapshotPtr state, CallPtr call) {
  const Result<std::uint64_t> version = api::uint_parameter(call->request, "version");
  const JobVersionRow* row = state->job_version(call->params.ns, call->capture(), *version);
  if (!row || !row->submission) return missing(0, state, "job source not found");
  return found(row->spec->job_modify_index(), state, call, [row](const SnapshotPtr&, const CallPtr& c) {
    return api::json(json::write(submission_of({.ns = c->params.ns, .id = c->capture()}, *row)), c->params.pretty);
  });
}

/// The version is looked at before anything else of the request, its method and common parameters too.
Async<http::Response> submission(api::RouteHandler read, std::string region, api::Call call) {
  const Result<std::uint64_t> version = api::uint_parameter(call.request, "version");
  if (!version || api::text_parameter(call.request, "version").empty()) {
    co_return api::refuse(400, "Unable to parse job submission version parameter");
  }
  if (call.request.method != "GET") co_return api::refuse(405, "Invalid method");
  Result<api::Params> params = api::parse_params(call.request);
  if (!params) co_return api::refuse(400, params.error().message);
  if (!params->region.empty() && params->region != region) co_return api::refuse(500, "No path to region");
  call.params = std::move(*params);
  co_return co_await read(std::move(call));
}

Value actions_of(const model::Job& spec) {
  Value out = Value::list();
  for (const auto& group : spec.task_groups()) {
    for (const auto& task : group.tasks()) {
      for (const auto& action : task.actions()) {
        Value args;
        for (const std::string& arg : action.args()) args.push(arg);
        Value one = Value::map();
        one.set("Args", std::move(args));
        one.set("Command", action.command());
        one.set("Name", action.name());
        one.set("TaskGroupName", group.name());
        one.set("TaskName", task.name());
        out.push(std::move(one));
      }
    }
  }
  return out;
}

api::Found read_actions(SnapshotPtr state, CallPtr call) {
  const JobVersionRow* version = state->current(call->params.ns, call->capture());
  if (!version) return refused(500, text("Unknown job \"{}\"", call->capture()));
  return found(0, state, call, [version](const SnapshotPtr&, const CallPtr& c) {
    return api::json(json::write(actions_of(*version->spec)), c->params.pretty);
  });
}

}  // namespace

void add_job_action_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  add_write_routes(parts, routes,
                   {{"PUT|POST", "/v1/job/{id}/revert", "submit-job|revert-job", revert},
                    {"PUT|POST", "/v1/job/{id}/stable", "submit-job|stable-job", set_stability},
                    {"PUT|POST|DELETE", "/v1/job/{id}/versions/{tag}/tag", "submit-job|tag-job-version", tag},
                    {"PUT|POST", "/v1/job/{id}/dispatch", "dispatch-job", dispatch},
                    {"PUT|POST", "/v1/job/{id}/dispatch/payload", "dispatch-job", dispatch_payload},
                    {"PUT|POST", "/v1/job/{id}/periodic/force", "dispatch-job|submit-job|force-periodic-job", force_periodic}});
  api::Route source = read_route(parts, "/v1/job/{id}/submission", "read-job", read_submission, this_job);
  source.methods = "*";
  source.looks = api::Looks::nothing;
  source.handler = [read = std::move(source.handler), region = parts.info.region](api::Call call) { return submission(read, region, std::move(call)); };
  routes.push_back(std::move(source));
  routes.push_back(read_route(parts, "/v1/job/{id}/actions", "read-job", read_actions, this_job));
}

}  // namespace drover::server
