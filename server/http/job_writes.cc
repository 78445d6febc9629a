#include "model/diff/job_diff.h"
#include "model/json/codec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/diff.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/requests.pb.h"
#include "server/http/handlers.h"

/// What changes jobs.
namespace drover::server {
namespace {

constexpr std::int64_t eval_priority_max = 100;
constexpr std::string_view bad_eval_priority = "Eval priority must be between 1 and 100 inclusively";

/// "global" and nothing mean the region of whoever is asked.
bool elsewhere(const HttpParts& parts, const api::Call& call, const std::string& of_body, const model::Job& job) {
  const std::string& region = !call.params.region.empty() ? call.params.region : !of_body.empty() ? of_body : job.region();
  return !region.empty() && region != "global" && region != parts.info.region;
}

http::Response written(const google::protobuf::Message& answer, Index index, bool pretty) {
  http::Response response = api::json(answer, pretty);
  api::set_write_index(response, index);
  return response;
}

http::Response registered_answer(const JobRegistered& done, bool pretty) {
  model::JobRegisterResponse answer;
  answer.set_eval_id(done.eval_id);
  answer.set_eval_create_index(done.eval_create_index);
  answer.set_job_modify_index(done.job_modify_index);
  answer.set_warnings(done.warnings);
  answer.set_index(done.index);
  return written(answer, done.index, pretty);
}

/// What is wrong with the request around the job; the job itself is the server's to judge.
std::optional<http::Response> check_register(const HttpParts& parts, const api::Call& call, const model::JobRegisterRequest& body) {
  if (!body.has_job()) return api::refuse(400, "Job must be specified");
  if (!body.job().has_id()) return api::refuse(400, "Job ID hasn't been provided");
  if (!call.captures.empty() && call.capture() != body.job().id()) return api::refuse(400, "Job ID does not match name");
  if (body.eval_priority() < 0 || body.eval_priority() > eval_priority_max) return api::refuse(400, std::string(bad_eval_priority));
  if (elsewhere(parts, call, body.region(), body.job())) return api::refuse(500, "No path to region");
  return std::nullopt;
}

Async<http::Response> register_job(HttpParts* parts, api::Call call) {
  model::JobRegisterRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  if (auto refusal = check_register(*parts, call, body)) co_return std::move(*refusal);

  RegisterJob request;
  request.enforce_index = body.enforce_index();
  request.job_modify_index = body.job_modify_index();
  request.preserve_counts = body.preserve_counts();
  request.preserve_resources = body.preserve_resources();
  request.eval_priority = body.eval_priority();
  if (body.has_submission()) request.submission = std::make_shared<const model::JobSubmission>(body.submission());
  const std::string ns = namespace_of(call, body.namespace_(), &body.job());
  body.mutable_job()->set_namespace_(ns);
  body.mutable_job()->set_region(parts->info.region);
  request.job = std::make_shared<const model::Job>(std::move(*body.mutable_job()));

  const Result<JobRegistered> done = co_await parts->server.register_job(std::move(request));
  if (!done) co_return api::refuse(done.error());
  co_return registered_answer(*done, call.params.pretty);
}

Async<http::Response> deregister_job(HttpParts* parts, api::Call call) {
  const Result<bool> purge = api::bool_parameter(call.request, "purge");
  if (!purge) co_return api::refuse(500, purge.error().message);
  const Result<bool> global = api::bool_parameter(call.request, "global");
  if (!global) co_return api::refuse(500, global.error().message);
  const Result<std::int64_t> priority = api::int_parameter(call.request, "eval_priority");
  if (!priority) co_return api::refuse(500, priority.error().message);
  const bool priority_given = !api::text_parameter(call.request, "eval_priority").empty();
  if (priority_given && (*priority < 1 || *priority > eval_priority_max)) co_return api::refuse(400, std::string(bad_eval_priority));
  const Result<bool> no_delay = api::bool_parameter(call.request, "no_shutdown_delay");
  if (!no_delay) co_return api::refuse(500, no_delay.error().message);

  DeregisterJob request;
  request.job = {.ns = call.params.ns, .id = call.capture()};
  request.purge = *purge;
  request.no_shutdown_delay = *no_delay;
  request.eval_priority = *priority;
  const Result<JobDeregistered> done = co_await parts->server.deregister_job(std::move(request));
  if (!done) co_return api::refuse(done.error());

  model::JobDeregisterResponse answer;
  answer.set_eval_id(done->eval_id);
  // Where there is no evaluation, this index has always been the job's.
  answer.set_eval_create_index(done->eval_id.empty() ? done->job_modify_index : done->eval_create_index);
  answer.set_job_modify_index(done->job_modify_index);
  answer.set_index(done->index);
  co_return written(answer, done->index, call.params.pretty);
}

Async<http::Response> evaluate_job(HttpParts* parts, api::Call call) {
  model::JobEvaluateRequest body;
  if (!call.request.body.empty()) {
    if (auto refusal = decode(call, body)) co_return std::move(*refusal);
    if (body.job_id().empty()) co_return api::refuse(400, "Job ID must be specified");
    if (body.job_id() != call.capture()) co_return api::refuse(400, "JobID not same as job name");
  }
  EvaluateJob request;
  request.job = {.ns = namespace_of(call, body.namespace_(), nullptr), .id = call.capture()};
  request.force_reschedule = body.eval_options().force_reschedule();
  const Result<JobRegistered> done = co_await parts->server.evaluate_job(std::move(request));
  if (!done) {
    // Here a job that does not exist has always been an internal error.
    co_return done.error().code == Code::not_found ? api::refuse(500, done.error().message) : api::refuse(done.error());
  }
  co_return registered_answer(*done, call.params.pretty);
}

Async<http::Response> plan_job(HttpParts* parts, api::Call call) {
  model::JobPlanRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  if (!body.has_job()) co_return api::refuse(400, "Job must be specified");
  if (!body.job().has_id()) co_return api::refuse(400, "Job must have a valid ID");
  if (body.job().id() != call.capture()) co_return api::refuse(400, "Job ID does not match");
  if (elsewhere(*parts, call, body.region(), body.job())) co_return api::refuse(500, "No path to region");
  const std::string ns = namespace_of(call, body.namespace_(), &body.job());
  body.mutable_job()->set_namespace_(ns);
  body.mutable_job()->set_region(parts->info.region);

  PlanJob request;
  request.diff = body.diff();
  request.job = std::make_shared<const model::Job>(std::move(*body.mutable_job()));
  const Result<JobPlanned> planned = co_await parts->server.plan_job(std::move(request));
  if (!planned) co_return api::refuse(planned.error());
  if (!body.diff()) co_return written(*planned->response, planned->response->index(), call.params.pretty);
  model::JobPlanResponse answer = *planned->response;
  *answer.mutable_diff() = model::diff_jobs(planned->old_job.get(), planned->new_job.get());
  model::annotate(*answer.mutable_diff(), answer.annotations());
  co_return written(answer, answer.index(), call.params.pretty);
}

}  // namespace

void add_job_write_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  add_write_routes(parts, routes,
                   {{"PUT|POST", "/v1/jobs", "submit-job|register-job", register_job},
                    {"PUT|POST", "/v1/job/{id}", "submit-job|register-job", register_job},
                    {"DELETE", "/v1/job/{id}", "submit-job|deregister-job|purge-job", deregister_job},
                    {"PUT|POST", "/v1/job/{id}/evaluate", "submit-job|evaluate-job", evaluate_job},
                    {"PUT|POST", "/v1/job/{id}/plan", "submit-job|plan-job", plan_job}});
  for (api::Route& route : routes) {
    if (route.path == "/v1/jobs" && route.methods == "PUT|POST") route.looks = api::Looks::common;  // the region is judged after the body
  }
}

}  // namespace drover::server
