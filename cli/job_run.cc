#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/json/json.h"
#include "cli/command.h"
#include "cli/diff_text.h"
#include "cli/job_file.h"
#include "cli/monitor.h"
#include "cli/next_launch.h"
#include "cli/output.h"
#include "cli/placement.h"

namespace drover::cli {
namespace {

constexpr std::string_view example_job = R"(# A first job: drover job run example.nomad.hcl
job "example" {
  type = "service"

  group "hello" {
    count = 2

    task "hello" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-c", "while true; do echo hello from $NOMAD_ALLOC_NAME; sleep 5; done"]
      }

      resources {
        cpu    = 50 # MHz
        memory = 32 # MB
      }
    }
  }
}
)";

/// {"Job": …, …} with what the flags add.
Result<std::string> register_body(Context& context, const JobFile& file) {
  std::string body = "{\"Job\":" + file.job_json;
  if (context.flags.has("check-index")) {
    const std::string index = context.flags.text("check-index");
    if (index.empty() || index.find_first_not_of("0123456789") != std::string::npos)
      return fail(Code::invalid, "Error parsing check-index value \"{}\": strconv.ParseUint: parsing \"{}\": invalid syntax", index, index);
    body += ",\"EnforceIndex\":true,\"JobModifyIndex\":" + index;
  }
  if (context.flags.has("eval-priority")) body += ",\"EvalPriority\":" + context.flags.text("eval-priority");
  if (context.flags.is_on("preserve-counts")) body += ",\"PreserveCounts\":true";
  if (context.flags.is_on("preserve-resources")) body += ",\"PreserveResources\":true";
  Value submission = Value::map();
  submission.set("Source", file.source).set("Format", file.format);
  return body + ",\"Submission\":" + json::write(submission) + "}";
}

int job_run(Context& context) {
  auto file = read_job_file(context, context.args()[0]);
  if (!file.ok()) return failed("Error getting job struct", file.error());
  if (context.flags.is_on("output")) {
    auto job = json::parse("{\"Job\":" + file->job_json + "}");
    if (!job.ok()) return failed("Error converting job", job.error());
    out_json(*job);
    return 0;
  }
  auto body = register_body(context, *file);
  if (!body.ok()) {
    err(body.error().message);
    return 1;
  }
  auto answer = context.api.put_text("/v1/jobs", *body);
  if (!answer.ok()) {
    const std::string& message = answer.error().message;
    if (const auto at = message.find("Enforcing job modify index"); at != std::string::npos) {
      err(message.substr(at, message.rfind(')') - at) + "\nJob not updated");
      return 1;
    }
    return failed("Error submitting job", answer.error());
  }
  if (const std::string warnings = text_of(*answer, "Warnings"); !warnings.empty()) err("Job Warnings:\n" + warnings + "\n");
  const std::string eval = text_of(*answer, "EvalID");
  if (eval.empty()) {  // periodic and parameterized jobs have no evaluation of their own
    out("Job registration successful");
    const auto job = json::parse(file->job_json);
    const auto launch = job.ok() ? next_launch(member_of(*job, "Periodic"), context.world.now()) : std::nullopt;
    if (launch) out("Approximate next launch time: " + launch_text(*launch, context.world.now()));
    return 0;
  }
  if (context.flags.is_on("detach")) {
    out("Job registration successful\nEvaluation ID: " + eval);
    return 0;
  }
  return monitor_evaluation(context, eval, Then::follow_allocations);
}

constexpr int plan_error = 255;

void show_dry_run(const Context& context, const Value& plan) {
  const Paint paint = context.paint();
  const auto& failures = map_of(plan, "FailedTGAllocs");
  out(paint.bold("Scheduler dry-run:"));
  if (failures.empty()) {
    out(paint.green("- All tasks successfully allocated."));
  } else {
    out(paint.yellow("- WARNING: Failed to place all allocations."));
    for (const auto& [group, metric] : failures) out(failed_group(group, metric, 2));
  }
  if (const std::int64_t launch = time_of(plan, "NextPeriodicLaunch"); launch > 0) {
    const std::int64_t left = launch - to_ns(context.world.now());
    out(paint.green(fmt::format("- If submitted now, next periodic launch would be at {} (in {})", stamp(launch), duration_text(std::max<std::int64_t>(0, left / 1'000'000'000) * 1'000'000'000))));
  }
}

constexpr std::size_t preemptions_shown_max = 10;

/// Who would have to make room.
void show_preemptions(const Value& plan, const Paint& paint) {
  const auto& leaving = list_of(member_of(plan, "Annotations"), "PreemptedAllocs");
  if (leaving.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"Alloc ID", "Job ID", "Task Group"}};
  for (std::size_t i = 0; i < std::min(leaving.size(), preemptions_shown_max); ++i) {
    rows.push_back({short_id(text_of(leaving[i], "ID")), text_of(leaving[i], "JobID"), text_of(leaving[i], "TaskGroup")});
  }
  out("\n" + paint.yellow("Preemptions:\n") + "\n" + table(rows));
  if (leaving.size() > preemptions_shown_max) out(fmt::format("... and {} more", leaving.size() - preemptions_shown_max));
}

void show_check_index(const Value& plan, const std::string& flags, const std::string& path) {
  const std::int64_t index = integer_of(plan, "JobModifyIndex");
  out(fmt::format("\nJob Modify Index: {}\nTo submit the job with version verification run:\n\ndrover job run -check-index {} {}{}\n\n"
                  "When running the job with the check-index flag, the job will only be run if the\njob modify index given matches the "
                  "server-side version. If the index has\nchanged, another user has modified the job and the plan's results are\n"
                  "potentially invalid.",
                  index, index, flags, path));
}

/// The flags that a run of the planned job needs, too.
std::string flags_to_repeat(const Flags& flags) {
  std::string text;
  for (const auto* name : {"var", "var-file"}) {
    for (const std::string& value : flags.all(name)) text += fmt::format("-{}={} ", name, value);
  }
  return text + (flags.is_on("json") ? "-json " : "");
}

/// "Task Group: \"web\" (2 create)" for each group: what is shown of a plan that came without a difference.
std::string updates_text(const Value& plan, const std::string& job) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {{"Place", "create"}, {"DestructiveUpdate", "create/destroy update"}, {"Stop", "destroy"}, {"Ignore", "ignore"}, {"InPlaceUpdate", "in-place update"}, {"Migrate", "migrate"}, {"Canary", "canary"}};
  std::string text = fmt::format("Job: \"{}\"\n", job);
  for (const auto& [group, updates] : map_of(member_of(plan, "Annotations"), "DesiredTGUpdates")) {
    std::string counts;
    for (const auto& [key, name] : names) {
      if (const auto count = integer_of(updates, key); count > 0) counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, name);
    }
    text += fmt::format("Task Group: \"{}\" ({})\n", group, counts);
  }
  return text;
}

/// 1 when a run would place or stop something, else 0.
int plan_code(const Value& plan) {
  if (text_of(member_of(plan, "Diff"), "Type") == "None") return 0;
  for (const auto& [group, updates] : map_of(member_of(plan, "Annotations"), "DesiredTGUpdates")) {
    for (const auto* key : {"Stop", "Place", "Migrate", "DestructiveUpdate", "Canary"}) {
      if (integer_of(updates, key) > 0) return 1;
    }
  }
  return 0;
}

int job_plan(Context& context) {
  context.refuses_early = false;  // the server's words for what it refuses
  auto file = read_job_file(context, context.args()[0]);
  if (!file.ok()) return failed("Error getting job struct", file.error()), plan_error;
  auto job = json::parse(file->job_json);
  if (!job.ok()) return failed("Error reading job", job.error()), plan_error;
  const bool with_diff = context.flags.is_on("diff", true);
  auto plan = context.api.put_text("/v1/job/" + encode(text_of(*job, "ID")) + "/plan", "{\"Job\":" + file->job_json + ",\"Diff\":true}");
  if (!plan.ok()) return failed("Error during plan", plan.error()), plan_error;
  if (context.flags.has("t")) {
    if (machine_output(context, *plan) != 0) return plan_error;
    return plan_code(*plan);
  }
  if (context.flags.is_on("json-output")) {
    out_json(*plan);
    return plan_code(*plan);
  }
  const Value& diff = member_of(*plan, "Diff");
  if (with_diff) out(diff.is_map() ? job_diff_text(diff, context.verbose(), context.paint()) + "\n" : updates_text(*plan, text_of(*job, "ID")));
  show_dry_run(context, *plan);
  if (const std::string warnings = text_of(*plan, "Warnings"); !warnings.empty()) out("\n" + context.paint().yellow("Job Warnings:\n" + warnings));
  show_preemptions(*plan, context.paint());
  show_check_index(*plan, flags_to_repeat(context.flags), context.args()[0]);
  return plan_code(*plan);
}

int job_validate(Context& context) {
  auto file = read_job_file(context, context.args()[0]);
  if (!file.ok()) return failed("Error getting job struct", file.error());
  auto problems = offline_problems(*file);
  if (!problems.ok()) return failed("Error validating job", problems.error());
  if (!problems->empty()) {
    err("Job validation errors:\n" + *problems);
    return 1;
  }
  // A server knows more (limits, namespaces), but a file can be checked where there is none.
  auto answer = context.api.put_text("/v1/validate/job", "{\"Job\":" + file->job_json + "}");
  const bool asked = answer.ok() || answer.error().code != Code::unavailable;
  if (asked && !answer.ok()) return failed("Error validating job", answer.error());
  if (asked && !text_of(*answer, "Error").empty()) {
    err("Job validation errors:\n" + text_of(*answer, "Error"));
    return 1;
  }
  if (asked && !text_of(*answer, "Warnings").empty()) out("Job Warnings:\n" + text_of(*answer, "Warnings") + "\n");
  if (!asked) err("Checked without a server: " + answer.error().message);
  out("Job validation successful");
  return 0;
}

int job_init(Context& context) {
  for (const auto& [flag, what] : {std::pair{"template", "variables, which hold templates of jobs, are"}, {"list-templates", "variables, which hold templates of jobs, are"}, {"connect", "the service mesh is"}}) {
    if (context.flags.has(flag)) return err(fmt::format("-{}: {} not supported yet", flag, what)), 1;
  }
  const std::string path = context.args().empty() ? "example.nomad.hcl" : context.args()[0];
  if (std::ifstream(path).good()) {
    err(fmt::format("Job '{}' already exists", path));
    return 1;
  }
  std::ofstream file(path);
  file << example_job;
  file.flush();
  if (!file.good()) {
    err(fmt::format("Failed to write '{}'", path));
    return 1;
  }
  out(fmt::format("Example job file written to {}", path));
  return 0;
}

std::vector<Flag> with_file_flags(std::vector<Flag> flags) {
  flags.insert(flags.end(), job_file_flags.begin(), job_file_flags.end());
  return flags;
}

}  // namespace

void add_job_run_commands(std::vector<Command>& rows) {
  const auto run_flags = with_file_flags({{"detach", "", "do not follow"}, {"check-index", "<n>", "only if the job's modify index is n (0: only a new job)"},
                                          {"output", "", "print the job as JSON, send nothing"}, {"eval-priority", "<n>", "priority of the evaluation"},
                                          {"preserve-counts", "", "keep the counts that the running job has"}, {"preserve-resources", "", "keep the resources that its tasks have"}, {"verbose", "", "whole ids"}});
  rows.push_back({"job run", "<path>", "registers a job and follows it until it runs", "drover job run hello.nomad.hcl", run_flags, job_run, 1, 1, "files"});
  rows.push_back({"run", "<path>", "registers a job and follows it", "", run_flags, job_run, 1, 1, "files", true});
  const auto plan_flags = with_file_flags({{"diff", "", "show the difference"}, {"json-output", "", "print the API object"}, {"t", "<template>", "format with a Go template"}, {"verbose", "", "whole ids"}});
  rows.push_back({"job plan", "<path>", "shows what a run would do (exit 1: something would change)", "drover job plan hello.nomad.hcl", plan_flags, job_plan, 1, 1, "files"});
  rows.push_back({"plan", "<path>", "shows what a run would do", "", plan_flags, job_plan, 1, 1, "files", true});
  rows.push_back({"job validate", "<path>", "checks a job file", "drover job validate hello.nomad.hcl", with_file_flags({}), job_validate, 1, 1, "files"});
  rows.push_back({"validate", "<path>", "checks a job file", "", with_file_flags({}), job_validate, 1, 1, "files", true});
  const std::vector<Flag> init_flags = {{"short", "", "the short form (the only one)"}, {"connect", "", "not supported yet"}, {"template", "<name>", "not supported yet"}, {"list-templates", "", "not supported yet"}};
  rows.push_back({"job init", "[file]", "writes an example job file", "drover job init", init_flags, job_init, 0, 1, "files"});
  rows.push_back({"init", "[file]", "writes an example job file", "", init_flags, job_init, 0, 1, "files", true});
}

}  // namespace drover::cli
