#include <fmt/format.h>

#include <algorithm>

#include "base/json/json.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"

namespace drover::cli {
namespace {

std::string job_path(const Value& stub, std::string_view rest = "") {
  return "/v1/job/" + encode(text_of(stub, "ID")) + std::string(rest);
}

std::string type_text(const Value& job) {
  std::string type = text_of(job, "Type");
  const Value& periodic = member_of(job, "Periodic");
  if (periodic.is_map() || bool_of(job, "Periodic")) type += "/periodic";
  const Value& parameterized = member_of(job, "ParameterizedJob");
  if (parameterized.is_map() || bool_of(job, "ParameterizedJob")) type += "/parameterized";
  return type;
}

std::string status_text(const Value& job) { return text_of(job, "Status") + (bool_of(job, "Stop") ? " (stopped)" : ""); }

int list_jobs(Context& context) {
  auto jobs = context.api.get("/v1/jobs");
  if (!jobs.ok()) return failed("Error querying jobs", jobs.error());
  if (auto code = machine_output(context, *jobs)) return *code;
  if (jobs->items().empty()) {
    out("No running jobs");
    return 0;
  }
  const bool all = context.api.endpoint().name_space == "*";
  std::vector<std::vector<std::string>> rows = {{"ID", "Type", "Priority", "Status", "Submit Date"}};
  if (all) rows[0].insert(rows[0].begin() + 1, "Namespace");
  for (const Value& job : jobs->items()) {
    std::vector<std::string> row = {text_of(job, "ID"), type_text(job), text_of(job, "Priority"), status_text(job), stamp(integer_of(job, "SubmitTime"))};
    if (all) row.insert(row.begin() + 1, text_of(job, "Namespace"));
    rows.push_back(std::move(row));
  }
  out(table(rows));
  return 0;
}

std::vector<std::vector<std::string>> alloc_rows(const Context& context, const Value::List& allocs) {
  const bool whole = context.verbose();
  std::vector<std::vector<std::string>> rows = {{"ID", "Node ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
  if (whole) rows[0] = {"ID", "Eval ID", "Node ID", "Node Name", "Task Group", "Version", "Desired", "Status", "Created", "Modified"};
  const Instant now = context.world.now();
  for (const Value& alloc : allocs) {
    std::vector<std::string> row = {short_id(text_of(alloc, "ID"), whole)};
    if (whole) row.push_back(text_of(alloc, "EvalID"));
    row.push_back(short_id(text_of(alloc, "NodeID"), whole));
    if (whole) row.push_back(text_of(alloc, "NodeName"));
    for (const auto* key : {"TaskGroup", "JobVersion", "DesiredStatus", "ClientStatus"}) row.push_back(text_of(alloc, key));
    for (const auto* key : {"CreateTime", "ModifyTime"})
      row.push_back(whole ? stamp(integer_of(alloc, key)) : ago(integer_of(alloc, key), now));
    rows.push_back(std::move(row));
  }
  return rows;
}

void show_allocs(const Context& context, Value::List allocs) {
  std::ranges::stable_sort(allocs, [](const Value& a, const Value& b) { return integer_of(a, "CreateTime") > integer_of(b, "CreateTime"); });
  out(allocs.empty() ? "No allocations placed" : table(alloc_rows(context, allocs)));
}

void show_evals(const Context& context, const Value::List& evals) {
  std::vector<std::vector<std::string>> rows = {{"ID", "Priority", "Triggered By", "Status", "Placement Failures"}};
  for (const Value& eval : evals) {
    const bool blocked = text_of(eval, "Status") == "blocked";
    rows.push_back({short_id(text_of(eval, "ID"), context.verbose()), text_of(eval, "Priority"), text_of(eval, "TriggeredBy"), text_of(eval, "Status"),
                    blocked ? "N/A - In Progress" : map_of(eval, "FailedTGAllocs").empty() ? "false" : "true"});
  }
  out("\nEvaluations\n" + table(rows));
}

void show_summary(const Value& summary) {
  std::vector<std::vector<std::string>> rows = {{"Task Group", "Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}};
  for (const auto& [group, counts] : map_of(summary, "Summary")) {
    std::vector<std::string> row = {group};
    for (const auto* key : {"Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}) row.push_back(text_of(counts, key));
    rows.push_back(std::move(row));
  }
  out("\nSummary\n" + table(rows));
}

int show_job(Context& context, const Value& stub) {
  auto job = context.api.get(job_path(stub));
  if (!job.ok()) return failed("Error querying job", job.error());
  std::vector<std::string> datacenters;
  for (const Value& dc : list_of(*job, "Datacenters")) datacenters.push_back(dc.text());
  auto yes_no = [](bool value) { return std::string(value ? "true" : "false"); };
  out(key_values({{"ID", text_of(*job, "ID")},
                  {"Name", text_of(*job, "Name")},
                  {"Submit Date", stamp(integer_of(*job, "SubmitTime"))},
                  {"Type", text_of(*job, "Type")},
                  {"Priority", text_of(*job, "Priority")},
                  {"Datacenters", fmt::format("{}", fmt::join(datacenters, ","))},
                  {"Namespace", text_of(*job, "Namespace")},
                  {"Node Pool", text_of(*job, "NodePool")},
                  {"Status", status_text(*job)},
                  {"Periodic", yes_no(member_of(*job, "Periodic").is_map())},
                  {"Parameterized", yes_no(member_of(*job, "ParameterizedJob").is_map())}}));
  if (context.flags.is_on("short")) return 0;

  auto summary = context.api.get(job_path(stub, "/summary"));
  if (!summary.ok()) return failed("Error querying job summary", summary.error());
  show_summary(*summary);
  auto allocs = context.api.get(job_path(stub, "/allocations"), {{"all", context.flags.is_on("all-allocs") ? "true" : "false"}});
  if (!allocs.ok()) return failed("Error querying job allocations", allocs.error());
  auto evals = context.api.get(job_path(stub, "/evaluations"));
  if (!evals.ok()) return failed("Error querying job evaluations", evals.error());
  if (context.verbose() || context.flags.is_on("evals")) show_evals(context, evals->items());
  out("\nAllocations");
  show_allocs(context, allocs->items());
  auto why = explain_job(context, text_of(stub, "ID"));
  if (why.ok() && !why->empty()) out("\n" + *why);
  return 0;
}

Result<Value> job_as_json(Context& context, const Value& stub) {
  Value whole = Value::map();
  DROVER_LET(Value allocs, context.api.get(job_path(stub, "/allocations")));
  DROVER_LET(Value evals, context.api.get(job_path(stub, "/evaluations")));
  DROVER_LET(Value summary, context.api.get(job_path(stub, "/summary")));
  DROVER_LET(Value deployment, context.api.get(job_path(stub, "/deployment")));
  whole.set("Summary", summary).set("Allocations", allocs).set("Evaluations", evals).set("LatestDeployment", deployment);
  return whole;
}

int job_status(Context& context) {
  if (context.args().empty()) return list_jobs(context);
  auto stub = find_job(context, context.args()[0]);
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  if (context.flags.is_on("json") || context.flags.has("t")) {
    auto whole = job_as_json(context, *stub);
    if (!whole.ok()) return failed("Error querying job", whole.error());
    return *machine_output(context, *whole);
  }
  return show_job(context, *stub);
}

/// Runs `act` on the job that the first argument names.
int with_job(Context& context, int (*act)(Context&, const Value& stub)) {
  auto stub = find_job(context, context.args()[0]);
  if (stub.ok()) return act(context, *stub);
  err(stub.error().message);
  return 1;
}

int job_allocs(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto allocs = c.api.get(job_path(stub, "/allocations"));
    if (!allocs.ok()) return failed("Error retrieving allocations", allocs.error());
    if (auto code = machine_output(c, *allocs)) return *code;
    show_allocs(c, allocs->items());
    return 0;
  });
}

int job_inspect(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    Result<Value> job = Value();
    if (c.flags.has("version")) {
      auto versions = c.api.get(job_path(stub, "/versions"));
      if (!versions.ok()) return failed("Error retrieving job versions", versions.error());
      for (const Value& version : list_of(*versions, "Versions")) {
        if (text_of(version, "Version") == c.flags.text("version")) job = version;
      }
      if (job->is_null()) return failed("Error inspecting job", fail(Code::not_found, "no version {}", c.flags.text("version")));
    } else {
      job = c.api.get(job_path(stub));
    }
    if (!job.ok()) return failed("Error inspecting job", job.error());
    if (c.flags.has("t")) return *machine_output(c, *job);
    Value wrapped = Value::map();
    wrapped.set("Job", *job);
    out_json(c.flags.is_on("json") ? *job : wrapped);
    return 0;
  });
}

int job_history(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto versions = c.api.get(job_path(stub, "/versions"));
    if (!versions.ok()) return failed("Error retrieving job versions", versions.error());
    if (auto code = machine_output(c, member_of(*versions, "Versions"))) return *code;
    std::string text;
    for (const Value& version : list_of(*versions, "Versions")) {
      if (c.flags.has("version") && text_of(version, "Version") != c.flags.text("version")) continue;
      text += (text.empty() ? "" : "\n\n") + key_values({{"Version", text_of(version, "Version")},
                                                          {"Stable", text_of(version, "Stable")},
                                                          {"Submit Date", stamp(integer_of(version, "SubmitTime"))}});
    }
    out(text);
    return 0;
  });
}

int job_stop(Context& context) {
  int worst = 0;
  for (const std::string& name : context.args()) {
    auto stub = find_job(context, name);
    if (!stub.ok()) {
      err(stub.error().message);
      worst = std::max(worst, 1);
      continue;
    }
    Query query = {{"purge", context.flags.is_on("purge") ? "true" : "false"}};
    if (context.flags.is_on("no-shutdown-delay")) query.emplace_back("no_shutdown_delay", "true");
    if (context.flags.has("eval-priority")) query.emplace_back("eval_priority", context.flags.text("eval-priority"));
    auto answer = context.api.remove(job_path(*stub), query);
    if (!answer.ok()) {
      worst = std::max(worst, failed("Error deregistering job", answer.error()));
      continue;
    }
    const std::string eval = text_of(*answer, "EvalID");
    if (eval.empty()) continue;
    if (context.flags.is_on("detach")) out(eval);
    else worst = std::max(worst, monitor_evaluation(context, eval, false));
  }
  return worst;
}

int job_start(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto job = c.api.get(job_path(stub));
    if (!job.ok()) return failed("Error retrieving job", job.error());
    if (!bool_of(*job, "Stop")) {
      err(fmt::format("Job \"{}\" is already running, has not been stopped", text_of(stub, "ID")));
      return 1;
    }
    job->set("Stop", false);
    Value body = Value::map();
    body.set("Job", *job);
    auto answer = c.api.put("/v1/jobs", body);
    if (!answer.ok()) return failed("Error submitting job", answer.error());
    const std::string eval = text_of(*answer, "EvalID");
    if (c.flags.is_on("detach")) {
      out("Job restarted\nEvaluation ID: " + eval);
      return 0;
    }
    return monitor_evaluation(c, eval, true);
  });
}

int job_eval(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    Value options = Value::map();
    options.set("ForceReschedule", c.flags.is_on("force-reschedule"));
    Value body = Value::map();
    body.set("JobID", text_of(stub, "ID")).set("EvalOptions", options);
    auto answer = c.api.put(job_path(stub, "/evaluate"), body);
    if (!answer.ok()) return failed("Error evaluating job", answer.error());
    const std::string eval = text_of(*answer, "EvalID");
    if (c.flags.is_on("detach")) {
      out("Created eval ID: \"" + short_id(eval, c.verbose()) + "\" ");
      return 0;
    }
    return monitor_evaluation(c, eval, false);
  });
}

int job_why(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto why = explain_job(c, text_of(stub, "ID"));
    if (!why.ok()) return failed("Error explaining job", why.error());
    out(why->empty() ? fmt::format("job \"{}\": everything it asks for is running or has ended well", text_of(stub, "ID")) : *why);
    return 0;
  });
}

const std::vector<Flag> json_flags = {{"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};

std::vector<Flag> with_json(std::vector<Flag> flags) {
  flags.insert(flags.end(), json_flags.begin(), json_flags.end());
  return flags;
}

}  // namespace

void add_job_commands(std::vector<Command>& rows) {
  const std::vector<Flag> status_flags = with_json({{"short", "", "only the head"}, {"evals", "", "evaluations as well"},
                                                    {"all-allocs", "", "allocations of earlier jobs of this name as well"},
                                                    {"verbose", "", "whole ids"}});
  rows.push_back({"job status", "[job]", "shows jobs, or one job", "drover job status web", status_flags, job_status, 0, 1, "jobs"});
  rows.push_back({"status", "[job]", "shows jobs, or one job", "drover status", status_flags, job_status, 0, 1, "jobs"});
  rows.push_back({"ps", "[job]", "shows jobs, or one job", "drover ps web", status_flags, job_status, 0, 1, "jobs", true});
  rows.push_back({"job allocs", "<job>", "lists the allocations of a job", "drover job allocs web",
                  with_json({{"all", "", "of earlier jobs of this name as well"}, {"verbose", "", "whole ids"}}), job_allocs, 1, 1, "jobs"});
  const std::vector<Flag> inspect_flags = with_json({{"version", "<n>", "an earlier version"}});
  rows.push_back({"job inspect", "<job>", "prints a job as JSON, ready for job run -json", "drover job inspect web > web.json", inspect_flags, job_inspect, 1, 1, "jobs"});
  rows.push_back({"inspect", "<job>", "prints a job as JSON", "", inspect_flags, job_inspect, 1, 1, "jobs", true});
  rows.push_back({"job history", "<job>", "lists the versions of a job", "drover job history web", with_json({{"version", "<n>", "only this one"}}), job_history, 1, 1, "jobs"});
  const std::vector<Flag> stop_flags = {{"detach", "", "do not follow"}, {"purge", "", "forget the job as well"}, {"yes", "", "do not ask"},
                                        {"no-shutdown-delay", "", "skip the tasks' shutdown delay"}, {"eval-priority", "<n>", "priority of the evaluation"},
                                        {"global", "", "in all regions (there is one)"}, {"verbose", "", "whole ids"}};
  rows.push_back({"job stop", "<job>…", "stops jobs", "drover job stop web", stop_flags, job_stop, 1, SIZE_MAX, "jobs"});
  rows.push_back({"stop", "<job>…", "stops jobs", "", stop_flags, job_stop, 1, SIZE_MAX, "jobs", true});
  rows.push_back({"job start", "<job>", "starts a stopped job again", "drover job start web", {{"detach", "", "do not follow"}, {"verbose", "", "whole ids"}}, job_start, 1, 1, "jobs"});
  rows.push_back({"job eval", "<job>", "looks at a job again", "drover job eval web",
                  {{"force-reschedule", "", "replace failed allocations now"}, {"detach", "", "do not follow"}, {"verbose", "", "whole ids"}}, job_eval, 1, 1, "jobs"});
  rows.push_back({"job why", "<job>", "says why a job is not running, and what to do", "drover job why web", {}, job_why, 1, 1, "jobs"});
  rows.push_back({"why", "<job>", "says why a job is not running, and what to do", "", {}, job_why, 1, 1, "jobs", true});
}

}  // namespace drover::cli
