#include "base/hcl/diagnostic.h"
#include "model/canonicalize.h"
#include "model/json/codec.h"
#include "model/jobspec/jobspec.h"
#include "model/proto/answers.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/requests.pb.h"
#include "server/commands/prepare_job.h"
#include "server/http/handlers.h"

/// What only looks at a job that somebody brings: parse and validate.
namespace drover::server {
namespace {

std::string texts_of(const hcl::Diagnostics& diagnostics) {
  std::string out;
  for (const hcl::Diagnostic& diagnostic : diagnostics) {
    if (!out.empty()) out += '\n';
    out += hcl::one_line(diagnostic);
  }
  return out;
}

Async<http::Response> parse_hcl(HttpParts* parts, api::Call call) {
  model::JobsParseRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  if (body.job_hcl().empty()) co_return api::refuse(400, "Job spec is empty");

  model::JobspecOptions options;  // no files: the job is parsed on the server
  options.strict = false;
  options.random = &parts->random;
  if (!body.variables().empty()) options.variable_files.push_back({.name = "input.hcl", .text = body.variables()});
  model::ParsedJob parsed = model::parse_job(body.job_hcl(), "input.hcl", options);
  if (!parsed.job) co_return api::refuse(400, text("Failed to parse job: {}", texts_of(parsed.diagnostics)));
  if (body.canonicalize()) model::canonicalize(*parsed.job);
  co_return api::json(model::to_json(*parsed.job, model::Form::sent), call.params.pretty);
}

Async<http::Response> validate_job(HttpParts* parts, api::Call call) {
  model::JobRegisterRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  if (!body.has_job()) co_return api::refuse(400, "Job must be specified");
  const std::string ns = namespace_of(call, body.namespace_(), &body.job());
  body.mutable_job()->set_namespace_(ns);

  const model::Validation found = complete_and_judge(*body.mutable_job(), parts->server.config(), *parts->server.snapshot());
  model::JobValidateResponse answer;
  answer.set_driver_config_validated(true);
  for (const std::string& error : found.errors) answer.add_validation_errors(error);
  answer.set_error(found.text());
  answer.set_warnings(found.warnings);
  co_return api::json(answer, call.params.pretty);
}

}  // namespace

void add_job_file_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(write_route(parts, "PUT|POST", "/v1/jobs/parse", "parse-job|submit-job", parse_hcl));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/validate/job", "read-job", validate_job));
}

}  // namespace drover::server
