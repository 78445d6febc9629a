#include "cli/job_file.h"

#include <filesystem>
#include <iostream>
#include <iterator>

#include "base/json/json.h"
#include "base/loop/random.h"
#include "cli/local_files.h"
#include "cli/output.h"
#include "model/canonicalize.h"
#include "model/jobspec/jobspec.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "model/validate.h"

namespace drover::cli {

const std::vector<Flag> job_file_flags = {{"json", "", "the file is the API's JSON"},
                                          {"hcl2-strict", "", "refuse values for variables that are not declared (the default)"},
                                          {"var", "<name=value>", "set a variable; repeatable"},
                                          {"var-file", "<path>", "set variables from a file; repeatable"},
                                          {"policy-override", "", "accepted: there are no policies to override"},
                                          {"consul-namespace", "<name>", "not supported yet"},
                                          {"vault-namespace", "<name>", "not supported yet"}};

namespace {

std::string absolute_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).string();
}

Result<std::string> text_of_file(const std::string& path) {
  if (path != "-") {
    auto text = read_file(path);
    if (text.ok()) return text;
    if (text.error().code == Code::not_found)
      return fail(Code::not_found, "Error getting jobfile from \"{}\": source path error: stat {}: no such file or directory", path, absolute_path(path));
    return fail(text.error().code, "Error getting jobfile from \"{}\": {}", path, text.error().message);
  }
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  if (text.size() > file_bytes_max) return fail(Code::exhausted, "standard input: larger than {} bytes", file_bytes_max);
  return text;
}

/// The job object of API JSON: bare, or as {"Job": …}.
Result<JobFile> from_json(std::string text) {
  auto value = json::parse(text);
  if (!value.ok()) return value.error().within("Error parsing job file");
  const Value* job = value->find("Job");
  if (!job) job = value->find("job");
  if (!job) job = &*value;
  if (!job->is_map()) return fail(Code::invalid, "Error parsing job file: expected a job object, found {}", to_text(job->kind()));
  return JobFile{.job_json = json::write(*job), .source = std::move(text), .format = "json"};
}

std::string all_messages(const hcl::Diagnostics& diagnostics) {
  std::string text;
  for (const hcl::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == hcl::Severity::error) text += "\n" + hcl::render(diagnostic);
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<JobFile> read_job_file(Context& context, const std::string& path) {
  for (const auto* flag : {"consul-namespace", "vault-namespace"}) {
    if (context.flags.has(flag)) return fail(Code::unsupported, "-{} is not supported yet", flag);
  }
  DROVER_LET(std::string text, text_of_file(path));
  if (context.flags.is_on("json")) return from_json(std::move(text));

  RealRandom random;
  LocalFiles files(context.world.env("HOME").value_or(""));
  model::JobspecOptions options{.random = &random, .files = &files};
  options.strict = context.flags.is_on("hcl2-strict", true);
  options.variables = context.flags.all("var");
  for (const auto* prefix : {"NOMAD_VAR_", "DROVER_VAR_"}) {
    for (auto& variable : context.world.env_with(prefix)) options.environment.push_back(std::move(variable));
  }
  for (const std::string& file : context.flags.all("var-file")) {
    DROVER_LET(std::string variables, read_file(file));
    options.variable_files.push_back({file, std::move(variables)});
  }
  const std::string name = path == "-" ? "<stdin>" : path;
  model::ParsedJob parsed = model::parse_job(text, name, options);
  if (!parsed.job || hcl::has_errors(parsed.diagnostics)) return fail(Code::invalid, "Error parsing job file from {}:{}", name, all_messages(parsed.diagnostics));
  const bool sends = !context.flags.is_on("output") && context.refuses_early;
  if (sends && hcl::has_errors(parsed.refusals)) return fail(Code::invalid, "Error parsing job file from {}:{}", name, all_messages(parsed.refusals));
  return JobFile{.job_json = model::to_json(*parsed.job, model::Form::sent), .source = std::move(text), .format = "hcl2"};
}

Result<std::string> offline_problems(const JobFile& file) {
  model::Job job;
  DROVER_TRY(model::from_json(file.job_json, job));
  model::canonicalize(job);
  model::complete_for_store(job);
  return model::validate(job).text();
}

}  // namespace drover::cli
