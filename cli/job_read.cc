#include <fmt/format.h>

#include <algorithm>

#include "base/json/json.h"
#include "cli/allocs_table.h"
#include "cli/client_shape.h"
#include "cli/command.h"
#include "cli/diff_text.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"

/// Commands that show parts of a job: allocs, inspect, history, deployments, scaling-events.
namespace drover::cli {
namespace {

int job_allocs(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto allocs = c.api.get(job_path(stub, "/allocations"), {{"all", c.flags.is_on("all") ? "true" : "false"}});
    if (!allocs.ok()) return failed("Error retrieving allocations", allocs.error());
    if (auto code = machine_output(c, client_shapes(*allocs, "alloc stub"))) return *code;
    out(allocs_table(c, allocs->items(), AllocColumns::of_job));
    return 0;
  });
}

Result<Value> version_of(Context& context, const Value& stub) {
  if (!context.flags.has("version")) return context.api.get(job_path(stub));
  DROVER_LET(const Value versions, context.api.get(job_path(stub, "/versions")));
  for (const Value& job : list_of(versions, "Versions")) {
    if (text_of(job, "Version") == context.flags.text("version")) return job;
  }
  return fail(Code::not_found, "job \"{}\" has no version {}", text_of(stub, "ID"), context.flags.text("version"));
}

/// The text that the job was registered with.
int show_source(Context& context, const Value& stub, const Value& job) {
  auto submission = context.api.get(job_path(stub, "/submission"), {{"version", text_of(job, "Version")}});
  if (!submission.ok()) return failed("Error retrieving the job's source", submission.error());
  if (context.flags.is_on("with-vars")) {
    for (const auto& [name, value] : map_of(*submission, "VariableFlags")) out(fmt::format("# -var {}={}", name, value.is_text() ? value.text() : json::write(value)));
    if (const std::string variables = text_of(*submission, "Variables"); !variables.empty()) out(variables);
  }
  out(text_of(*submission, "Source"));
  return 0;
}

int job_inspect(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto job = version_of(c, stub);
    if (!job.ok()) return failed("Error inspecting job", job.error());
    if (c.flags.is_on("hcl")) return show_source(c, stub, *job);
    const Value shaped = client_shape(*job, "job");
    if (c.flags.has("t")) return *machine_output(c, shaped);
    Value wrapped = Value::map();
    wrapped.set("Job", shaped);
    out_json(c.flags.is_on("json") ? shaped : wrapped);
    return 0;
  });
}

std::string version_text(const Context& context, const Value& version, const Value* diff) {
  std::vector<std::pair<std::string, std::string>> rows = {{"Version", text_of(version, "Version")}, {"Stable", text_of(version, "Stable")}, {"Submit Date", stamp(integer_of(version, "SubmitTime"))}};
  if (const Value& tag = member_of(version, "VersionTag"); tag.is_map()) {
    rows.emplace_back("Tag Name", text_of(tag, "Name"));
    if (const std::string description = text_of(tag, "Description"); !description.empty()) rows.emplace_back("Tag Description", description);
  }
  if (diff && text_of(*diff, "Type") != "None") rows.emplace_back("Diff", "\n" + job_diff_text(*diff, false, context.paint()));
  std::string text = key_values(rows);
  if (context.flags.is_on("full")) text += "\n" + json::write_pretty(version);
  return text;
}

int job_history(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    Query query = {{"diffs", c.flags.is_on("p") ? "true" : "false"}};
    if (c.flags.has("diff-version")) query.emplace_back("diff_version", c.flags.text("diff-version"));
    if (c.flags.has("diff-tag")) query.emplace_back("diff_tag", c.flags.text("diff-tag"));
    auto answer = c.api.get(job_path(stub, "/versions"), query);
    if (!answer.ok()) return failed("Error retrieving job versions", answer.error());
    const auto& versions = list_of(*answer, "Versions");
    const auto& diffs = list_of(*answer, "Diffs");
    const std::string only = c.flags.text("version");
    std::string text;
    for (std::size_t i = 0; i < versions.size(); ++i) {
      if (!only.empty() && text_of(versions[i], "Version") != only) continue;
      if (!only.empty() && (c.flags.is_on("json") || c.flags.has("t"))) return *machine_output(c, versions[i]);
      text += (text.empty() ? "" : "\n\n") + version_text(c, versions[i], i < diffs.size() ? &diffs[i] : nullptr);
    }
    if (auto code = machine_output(c, Value(versions))) return *code;
    if (text.empty() && !only.empty()) return failed("Error retrieving job versions", fail(Code::not_found, "job \"{}\" has no version {}", text_of(stub, "ID"), only));
    out(text);
    return 0;
  });
}

int job_deployments(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    if (c.flags.is_on("latest")) {
      auto latest = c.api.get(job_path(stub, "/deployment"));
      if (!latest.ok()) return failed("Error retrieving deployments", latest.error());
      if (auto code = machine_output(c, client_shape(*latest, "deployment"))) return *code;
      out(latest->is_map() ? deployment_text(c, *latest) : "No deployment found");
      return 0;
    }
    auto list = c.api.get(job_path(stub, "/deployments"), {{"all", c.flags.is_on("all") ? "true" : "false"}});
    if (!list.ok()) return failed("Error retrieving deployments", list.error());
    if (auto code = machine_output(c, client_shapes(*list, "deployment"))) return *code;
    out(deployments_table(c, list->items()));
    return 0;
  });
}

int job_scaling_events(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto scale = c.api.get(job_path(stub, "/scale"));
    if (!scale.ok()) return failed("Error listing scaling events", scale.error());
    struct Row {
      std::string group;
      Value event;
    };
    std::vector<Row> events;
    for (const auto& [group, status] : map_of(*scale, "TaskGroups")) {
      for (const Value& event : list_of(status, "Events")) events.push_back({group, event});
    }
    if (events.empty()) {
      out("No events found");
      return 0;
    }
    std::ranges::stable_sort(events, [](const Row& a, const Row& b) { return integer_of(a.event, "Time") > integer_of(b.event, "Time"); });
    const bool more = c.verbose();
    std::vector<std::vector<std::string>> rows = {{"Task Group", "Count", "PrevCount", "Date"}};
    if (more) rows[0] = {"Task Group", "Count", "PrevCount", "Error", "Message", "Eval ID", "Date"};
    for (const auto& [group, event] : events) {
      std::vector<std::string> row = {group, text_of(event, "Count"), text_of(event, "PreviousCount")};
      if (more) row.insert(row.end(), {text_of(event, "Error"), text_of(event, "Message"), text_of(event, "EvalID")});
      row.push_back(stamp(integer_of(event, "Time")));
      rows.push_back(std::move(row));
    }
    out(table(rows));
    return 0;
  });
}

std::vector<Flag> with_json(std::vector<Flag> flags) {
  flags.push_back({"json", "", "print the API object"});
  flags.push_back({"t", "<template>", "format with a Go template"});
  return flags;
}

}  // namespace

void add_job_read_commands(std::vector<Command>& rows) {
  const Flag whole_ids = {"verbose", "", "whole ids"};
  rows.push_back({"job allocs", "<job>", "lists the allocations of a job", "drover job allocs web",
                  with_json({{"all", "", "of earlier jobs of this name as well"}, whole_ids}), job_allocs, 1, 1, "jobs"});
  const std::vector<Flag> inspect_flags = with_json({{"version", "<n>", "an earlier version"}, {"hcl", "", "the text it was registered with"}, {"with-vars", "", "with -hcl: its variables, too"}});
  rows.push_back({"job inspect", "<job>", "prints a job as JSON, ready for job run -json", "drover job inspect web > web.json", inspect_flags, job_inspect, 1, 1, "jobs"});
  rows.push_back({"inspect", "<job>", "prints a job as JSON", "", inspect_flags, job_inspect, 1, 1, "jobs", true});
  rows.push_back({"job history", "<job>", "lists the versions of a job", "drover job history -p web",
                  with_json({{"p", "", "what changed in each"}, {"full", "", "the whole job of each"}, {"version", "<n>", "only this one"}, {"diff-version", "<n>", "with -p: against this version"}, {"diff-tag", "<name>", "with -p: against the version with this tag"}}),
                  job_history, 1, 1, "jobs"});
  rows.push_back({"job deployments", "<job>", "lists the deployments of a job", "drover job deployments -latest web",
                  with_json({{"latest", "", "only the latest, in full"}, {"all", "", "of earlier jobs of this name as well"}, whole_ids}), job_deployments, 1, 1, "jobs"});
  rows.push_back({"job scaling-events", "<job>", "lists when counts were changed", "drover job scaling-events web", {{"verbose", "", "more columns"}}, job_scaling_events, 1, 1, "jobs"});
}

}  // namespace drover::cli
