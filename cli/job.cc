#include <fmt/format.h>

#include <algorithm>

#include "cli/allocs_table.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/next_launch.h"
#include "cli/output.h"
#include "cli/why.h"

/// job status: the list of jobs, and everything about one.
namespace drover::cli {
namespace {

bool is_periodic(const Value& job) { return member_of(job, "Periodic").is_map() || bool_of(job, "Periodic"); }
bool is_parameterized(const Value& job) { return member_of(job, "ParameterizedJob").is_map() || bool_of(job, "ParameterizedJob"); }

std::string type_text(const Value& job) {
  return text_of(job, "Type") + (is_periodic(job) ? "/periodic" : "") + (is_parameterized(job) ? "/parameterized" : "");
}

std::string status_text(const Value& job) { return text_of(job, "Status") + (bool_of(job, "Stop") ? " (stopped)" : ""); }

Result<Value> job_as_json(Context& context, const Value& stub) {
  Value whole = Value::map();
  DROVER_LET(Value summary, context.api.get(job_path(stub, "/summary")));
  DROVER_LET(Value allocs, context.api.get(job_path(stub, "/allocations")));
  DROVER_LET(Value deployment, context.api.get(job_path(stub, "/deployment")));
  DROVER_LET(Value evals, context.api.get(job_path(stub, "/evaluations")));
  whole.set("Summary", summary).set("Allocations", allocs).set("LatestDeployment", deployment).set("Evaluations", evals);
  return whole;
}

int jobs_as_json(Context& context, const Value::List& stubs) {
  Value all = Value::list();
  for (const Value& stub : stubs) {
    auto whole = job_as_json(context, stub);
    if (!whole.ok()) return failed("Error querying job", whole.error());
    all.push(std::move(*whole));
  }
  return *machine_output(context, all);
}

bool wants_machine_output(const Context& context) { return context.flags.is_on("json") || context.flags.has("t"); }

int list_jobs(Context& context) {
  auto jobs = context.api.get("/v1/jobs");
  if (!jobs.ok()) return failed("Error querying jobs", jobs.error());
  if (wants_machine_output(context)) return jobs_as_json(context, jobs->items());
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

void show_head(const Value& job, Instant now) {
  std::string datacenters;
  for (const Value& dc : list_of(job, "Datacenters")) datacenters += (datacenters.empty() ? "" : ",") + (dc.is_text() ? dc.text() : "");
  auto yes_no = [](bool value) { return std::string(value ? "true" : "false"); };
  std::vector<std::pair<std::string, std::string>> rows = {{"ID", text_of(job, "ID")},
                                                           {"Name", text_of(job, "Name")},
                                                           {"Submit Date", stamp(integer_of(job, "SubmitTime"))},
                                                           {"Type", text_of(job, "Type")},
                                                           {"Priority", text_of(job, "Priority")},
                                                           {"Datacenters", datacenters},
                                                           {"Namespace", text_of(job, "Namespace")},
                                                           {"Node Pool", text_of(job, "NodePool")},
                                                           {"Status", status_text(job)},
                                                           {"Periodic", yes_no(is_periodic(job))},
                                                           {"Parameterized", yes_no(is_parameterized(job))}};
  if (is_periodic(job) && !is_parameterized(job)) {
    const auto launch = next_launch(member_of(job, "Periodic"), now);
    rows.emplace_back("Next Periodic Launch", bool_of(job, "Stop") ? "none (job stopped)" : launch ? launch_text(*launch, now) : "none");
  }
  if (const std::string token = text_of(job, "DispatchIdempotencyToken"); !token.empty()) rows.emplace_back("Idempotency Token", token);
  if (const Value& tag = member_of(job, "VersionTag"); tag.is_map()) rows.emplace_back("Version Tag", text_of(tag, "Name"));
  out(key_values(rows));
}

void show_summary(const Value& summary) {
  std::vector<std::vector<std::string>> rows = {{"Task Group", "Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}};
  auto groups = map_of(summary, "Summary");
  std::ranges::sort(groups, {}, &Value::Member::first);
  for (const auto& [group, counts] : groups) {
    std::vector<std::string> row = {group};
    for (const auto* key : {"Queued", "Starting", "Running", "Failed", "Complete", "Lost", "Unknown"}) row.push_back(text_of(counts, key));
    rows.push_back(std::move(row));
  }
  out("\nSummary\n" + table(rows));
}

void show_evals(const Context& context, const Value::List& evals) {
  std::vector<std::vector<std::string>> rows = {{"ID", "Priority", "Triggered By", "Status", "Placement Failures"}};
  for (const Value& eval : evals)
    rows.push_back({short_id(text_of(eval, "ID"), context.verbose()), text_of(eval, "Priority"), text_of(eval, "TriggeredBy"), text_of(eval, "Status"), failures_text(eval)});
  out("\nEvaluations\n" + (evals.empty() ? "No evaluations found" : table(rows)));
}

std::string words_of(const Value& list) {
  std::string text;
  if (!list.is_list()) return text;
  for (const Value& word : list.items()) text += (text.empty() ? "" : ", ") + (word.is_text() ? word.text() : "");
  return text;
}

/// What was started by a periodic or parameterized job.
int show_children(Context& context, const Value& job, const Value& summary) {
  const bool dispatched = is_parameterized(job);
  if (dispatched) {
    const Value& rules = member_of(job, "ParameterizedJob");
    out("\nParameterized Job\n" + key_values({{"Payload", text_of(rules, "Payload")}, {"Required Metadata", words_of(member_of(rules, "MetaRequired"))}, {"Optional Metadata", words_of(member_of(rules, "MetaOptional"))}}));
  }
  const Value& counts = member_of(summary, "Children");
  auto count = [&counts](const char* key) { return std::to_string(integer_of(counts, key)); };
  out(std::string(dispatched ? "\nParameterized Job Summary\n" : "\nChildren Job Summary\n") +
      table({{"Pending", "Running", "Dead"}, {count("Pending"), count("Running"), count("Dead")}}));
  auto children = context.api.get("/v1/jobs", {{"prefix", text_of(job, "ID") + (dispatched ? "/dispatch-" : "/periodic-")}});
  if (!children.ok()) return failed("Error querying child jobs", children.error());
  if (children->items().empty()) {
    out(dispatched ? "\nNo dispatched instances of parameterized job found" : "\nNo instances of periodic job found");
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "Status"}};
  for (const Value& child : children->items()) rows.push_back({text_of(child, "ID"), status_text(child)});
  out(std::string(dispatched ? "\nDispatched Jobs\n" : "\nPreviously Launched Jobs\n") + table(rows));
  return 0;
}

int show_job(Context& context, const Value& stub) {
  auto job = context.api.get(job_path(stub));
  if (!job.ok()) return failed("Error querying job", job.error());
  show_head(*job, context.world.now());
  if (context.flags.is_on("short")) return 0;
  auto summary = context.api.get(job_path(stub, "/summary"));
  if (!summary.ok()) return failed("Error querying job summary", summary.error());
  if (is_periodic(*job) || is_parameterized(*job)) return show_children(context, *job, *summary);

  auto allocs = context.api.get(job_path(stub, "/allocations"), {{"all", context.flags.is_on("all-allocs") ? "true" : "false"}});
  if (!allocs.ok()) return failed("Error querying job allocations", allocs.error());
  auto evals = context.api.get(job_path(stub, "/evaluations"));
  if (!evals.ok()) return failed("Error querying job evaluations", evals.error());
  auto deployment = context.api.get(job_path(stub, "/deployment"));
  if (!deployment.ok()) return failed("Error querying job deployment", deployment.error());
  show_summary(*summary);
  if (context.verbose() || context.flags.is_on("evals")) show_evals(context, evals->items());
  if (deployment->is_map()) {
    std::string text = deployment_text(context, *deployment);  // that of the job need not be named again
    for (const auto* key : {"Job ID", "Job Version"}) {
      const auto at = text.find(key);
      if (at != std::string::npos) text.erase(at, text.find('\n', at) + 1 - at);
    }
    out("\nLatest Deployment\n" + text);
  }
  Value::List newest_first = allocs->items();
  std::ranges::stable_sort(newest_first, [](const Value& a, const Value& b) { return integer_of(a, "CreateTime") > integer_of(b, "CreateTime"); });
  out("\nAllocations\n" + allocs_table(context, newest_first, AllocColumns::of_job));
  auto why = explain_job(context, text_of(stub, "ID"), false);
  if (why.ok() && !why->empty()) out("\n" + *why);
  return 0;
}

int status_of(Context& context, const Value& stub) {
  return wants_machine_output(context) ? jobs_as_json(context, {stub}) : show_job(context, stub);
}

int job_status(Context& context) {
  if (context.args().empty()) return list_jobs(context);
  auto stub = find_job(context, context.args()[0]);
  if (stub.ok()) return status_of(context, *stub);
  err(stub.error().message);
  return 1;
}

/// Of any id: a job's, or the start of that of an allocation, evaluation, node or deployment.
int any_status(Context& context) {
  if (context.args().empty()) return list_jobs(context);
  const std::string& id = context.args()[0];
  auto stub = find_job(context, id);
  if (stub.ok()) return status_of(context, *stub);
  if (stub.error().code != Code::not_found) {
    err(stub.error().message);
    return 1;
  }
  constexpr std::pair<std::string_view, std::string_view> kinds[] = {
      {"/v1/allocations", "alloc status"}, {"/v1/evaluations", "eval status"}, {"/v1/nodes", "node status"}, {"/v1/deployments", "deployment status"}};
  for (const auto& [path, words] : kinds) {
    auto found = find_id(context, id, std::string(path), "object");
    if (!found.ok()) continue;
    for (const Command& command : all_commands()) {
      if (command.words == words) return command.run(context);
    }
  }
  err(fmt::format("Unable to resolve ID: \"{}\"", id));
  return 1;
}

int job_why(Context& context) {
  auto stub = find_job(context, context.args()[0]);
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  auto why = explain_job(context, text_of(*stub, "ID"));
  if (!why.ok()) return failed("Error explaining job", why.error());
  out(why->empty() ? fmt::format("job {}: everything it asks for is running or has ended well", text_of(*stub, "ID")) : *why);
  return 0;
}

}  // namespace

void add_job_commands(std::vector<Command>& rows) {
  const std::vector<Flag> status_flags = {{"short", "", "only the head"},
                                          {"evals", "", "evaluations as well"},
                                          {"all-allocs", "", "allocations of earlier jobs of this name as well"},
                                          {"verbose", "", "whole ids, and more columns"},
                                          {"json", "", "print the API objects"},
                                          {"t", "<template>", "format with a Go template"}};
  rows.push_back({"job status", "[job]", "shows jobs, or one job", "drover job status web", status_flags, job_status, 0, 1, "jobs"});
  rows.push_back({"status", "[id]", "shows jobs, or what the id of a job, allocation, evaluation, node or deployment names", "drover status", status_flags, any_status, 0, 1, "jobs"});
  rows.push_back({"ps", "[job]", "short for job status", "drover ps web", status_flags, job_status, 0, 1, "jobs"});
  rows.push_back({"job why", "<job>", "says why a job is not running, and what to do", "drover job why web", {}, job_why, 1, 1, "jobs"});
  rows.push_back({"why", "<job>", "short for job why", "drover why web", {}, job_why, 1, 1, "jobs"});
}

}  // namespace drover::cli
