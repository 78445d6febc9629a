#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <iterator>

#include "cli/command.h"
#include "cli/local_files.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "model/json/text.h"

/// Commands that change a job: stop, start, eval, scale, revert, promote, dispatch, periodic force.
namespace drover::cli {
namespace {

constexpr std::size_t payload_max = 16 << 10;  ///< as servers take

int follow_or_tell(Context& context, const std::string& eval, std::string_view done = "") {
  if (!context.flags.is_on("detach")) return eval.empty() ? 0 : monitor_evaluation(context, eval, Then::follow_allocations);
  if (!done.empty()) out(done);
  if (!eval.empty()) out("Evaluation ID: " + eval);
  return 0;
}

/// 0, or the exit code of what did not go well.
int stop_one(Context& context, const std::string& name) {
  auto stub = find_job(context, name);
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  const std::string id = text_of(*stub, "ID");
  if (id != name && !confirmed(context, fmt::format("Are you sure you want to stop job \"{}\"?", id))) {
    out("Cancelling job stop");
    return context.world.in_is_terminal ? 0 : 1;
  }
  Query query = {{"purge", context.flags.is_on("purge") ? "true" : "false"}};
  if (context.flags.is_on("global")) query.emplace_back("global", "true");
  if (context.flags.is_on("no-shutdown-delay")) query.emplace_back("no_shutdown_delay", "true");
  if (context.flags.has("eval-priority")) query.emplace_back("eval_priority", context.flags.text("eval-priority"));
  auto answer = context.api.remove(job_path(*stub), query);
  if (!answer.ok()) return failed("Error deregistering job", answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  if (eval.empty()) return 0;  // periodic and parameterized jobs have no evaluation of their own
  if (!context.flags.is_on("detach")) return monitor_evaluation(context, eval);
  out(eval);
  return 0;
}

int job_stop(Context& context) {
  int worst = 0;
  for (const std::string& name : context.args()) worst = std::max(worst, stop_one(context, name));
  return worst;
}

int job_start(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto job = c.api.get(job_path(stub));
    if (!job.ok()) return failed("Error retrieving job", job.error());
    if (!bool_of(*job, "Stop")) {
      err(fmt::format("Job \"{}\" has not been stopped; it is {}", text_of(stub, "ID"), text_of(*job, "Status")));
      return 1;
    }
    job->set("Stop", false);
    Value body = Value::map();
    body.set("Job", *job);
    auto answer = c.api.put("/v1/jobs", body);
    if (!answer.ok()) return failed("Error starting job", answer.error());
    return follow_or_tell(c, text_of(*answer, "EvalID"), "Job start successful");
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
    if (!c.flags.is_on("detach")) return monitor_evaluation(c, eval);
    out(fmt::format("Created eval ID: \"{}\" ", short_id(eval, c.verbose())));
    return 0;
  });
}

/// The group that is meant: the named one, or the only one.
Result<std::string> group_of(const Value& scale, const std::string& named, const std::string& job) {
  auto groups = map_of(scale, "TaskGroups");
  std::ranges::sort(groups, {}, &Value::Member::first);
  if (named.empty() && groups.size() == 1) return groups[0].first;
  std::string names;
  for (const auto& [name, group] : groups) {
    if (name == named) return named;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (!named.empty()) return fail(Code::not_found, "Group {} not found within job", named);
  return fail(Code::invalid, "Group name required: job \"{}\" has the groups {}", job, names);
}

int job_scale(Context& context) {
  const auto& args = context.args();
  const std::string count_text = args.back(), group_named = args.size() == 3 ? args[1] : "";
  std::int64_t count = 0;
  const auto [end, problem] = std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
  if (problem != std::errc() || end != count_text.data() + count_text.size()) {
    err(fmt::format("Failed to convert count string to int: strconv.Atoi: parsing \"{}\": invalid syntax", count_text));
    return 1;
  }
  auto stub = find_job(context, args[0]);
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  auto scale = context.api.get(job_path(*stub, "/scale"));
  if (!scale.ok()) return failed("Error querying scale status", scale.error());
  auto group = group_of(*scale, group_named, text_of(*stub, "ID"));
  if (!group.ok()) {
    err(group.error().message);
    return 1;
  }
  Value target = Value::map(), body = Value::map();
  target.set("Job", text_of(*stub, "ID")).set("Group", *group);
  body.set("Count", count).set("Target", target).set("Message", "submitted using the Drover CLI");
  if (context.flags.has("check-index")) body.set("JobModifyIndex", static_cast<std::int64_t>(std::atoll(context.flags.text("check-index").c_str())));
  auto answer = context.api.put(job_path(*stub, "/scale"), body);
  if (!answer.ok()) return failed("Error submitting scaling request", answer.error());
  if (const std::string warnings = text_of(*answer, "Warnings"); !warnings.empty()) err("Job Warnings:\n" + warnings + "\n");
  return follow_or_tell(context, text_of(*answer, "EvalID"), "Job scale successful");
}

/// A version by number or by the name of its tag.
Result<std::int64_t> version_named(Context& context, const Value& stub, const std::string& named) {
  std::int64_t version = 0;
  const auto [end, problem] = std::from_chars(named.data(), named.data() + named.size(), version);
  if (problem == std::errc() && end == named.data() + named.size() && version >= 0) return version;
  DROVER_LET(const Value versions, context.api.get(job_path(stub, "/versions")));
  for (const Value& job : list_of(versions, "Versions")) {
    if (text_of(member_of(job, "VersionTag"), "Name") == named) return integer_of(job, "Version");
  }
  return fail(Code::not_found, "job \"{}\" has no version with the tag \"{}\"", text_of(stub, "ID"), named);
}

int job_revert(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    auto version = version_named(c, stub, c.args()[1]);
    if (!version.ok()) return failed("Error retrieving job versions", version.error());
    Value body = Value::map();
    body.set("JobID", text_of(stub, "ID")).set("JobVersion", *version);
    auto answer = c.api.put(job_path(stub, "/revert"), body);
    if (!answer.ok()) return failed("Error retrieving job versions", answer.error());
    return follow_or_tell(c, text_of(*answer, "EvalID"));
  });
}

int job_promote(Context& context) {
  return with_job(context, [](Context& c, const Value& stub) {
    const std::string job = text_of(stub, "ID");
    auto deployment = c.api.get(job_path(stub, "/deployment"));
    if (!deployment.ok()) return failed("Error retrieving deployment for job \"" + job + "\"", deployment.error());
    if (!deployment->is_map()) {
      err(fmt::format("Job \"{}\" has no deployment to promote", job));
      return 1;
    }
    const std::string id = text_of(*deployment, "ID");
    Value groups = Value::list(), body = Value::map();
    for (const std::string& group : c.flags.all("group")) groups.push(Value(group));
    body.set("DeploymentID", id).set("All", !c.flags.has("group")).set("Groups", groups);
    auto answer = c.api.put("/v1/deployment/promote/" + id, body);
    if (!answer.ok()) return failed(fmt::format("Error promoting deployment \"{}\" for job \"{}\"", id, job), answer.error());
    return follow_or_tell(c, text_of(*answer, "EvalID"));
  });
}

bool is_parameterized(const Value& job) { return bool_of(job, "ParameterizedJob"); }
bool is_periodic(const Value& job) { return bool_of(job, "Periodic"); }

/// The payload of a dispatch: a file, or standard input for "-".
Result<std::string> payload_of(const std::vector<std::string>& args) {
  if (args.size() < 2) return std::string();
  std::string payload;
  if (args[1] == "-") {
    payload.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    DROVER_LET(payload, read_file(args[1]));
  }
  if (payload.size() > payload_max) return fail(Code::exhausted, "the payload has {} bytes, more than {}; put large input into a file the task fetches", payload.size(), payload_max);
  return payload;
}

int job_dispatch(Context& context) {
  Value meta = Value::map();
  for (const std::string& pair : context.flags.all("meta")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) {
      err("Error parsing meta value: " + pair);
      return 1;
    }
    meta.set(pair.substr(0, equals), pair.substr(equals + 1));
  }
  auto payload = payload_of(context.args());
  if (!payload.ok()) return failed("Error reading input data", payload.error());
  auto stub = find_job(context, context.args()[0], "parameterized", [](const Value& job) { return is_parameterized(job) && text_of(job, "ParentID").empty(); });
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  std::string encoded;
  model::append_base64(encoded, *payload);
  Value body = Value::map();
  body.set("JobID", text_of(*stub, "ID")).set("Payload", encoded).set("Meta", meta);
  if (context.flags.has("id-prefix-template")) body.set("IdPrefixTemplate", context.flags.text("id-prefix-template"));
  if (context.flags.has("priority")) body.set("Priority", std::atoi(context.flags.text("priority").c_str()));
  Query query;
  if (context.flags.has("idempotency-token")) query.emplace_back("idempotency_token", context.flags.text("idempotency-token"));
  auto answer = context.api.put(job_path(*stub, "/dispatch"), body, query);
  if (!answer.ok()) return failed("Failed to dispatch job", answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  std::vector<std::pair<std::string, std::string>> rows = {{"Dispatched Job ID", text_of(*answer, "DispatchedJobID")}};
  if (!eval.empty()) rows.emplace_back("Evaluation ID", short_id(eval, context.verbose()));
  out(key_values(rows));
  if (eval.empty() || context.flags.is_on("detach")) return 0;
  out("");
  return monitor_evaluation(context, eval, context.flags.is_on("wait") ? Then::follow_allocations : Then::end);
}

int job_periodic_force(Context& context) {
  auto stub = find_job(context, context.args()[0], "periodic", [](const Value& job) { return is_periodic(job) && text_of(job, "ParentID").empty(); });
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  auto answer = context.api.put(job_path(*stub, "/periodic/force"), Value());
  if (!answer.ok()) return failed("Error forcing periodic job \"" + text_of(*stub, "ID") + "\"", answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  if (!context.flags.is_on("detach")) return eval.empty() ? 0 : monitor_evaluation(context, eval);
  out("Force periodic successful\nEvaluation ID: " + eval);
  return 0;
}

const Flag detach = {"detach", "", "do not follow"};
const Flag whole_ids = {"verbose", "", "whole ids"};

}  // namespace

void add_job_change_commands(std::vector<Command>& rows) {
  const std::vector<Flag> stop_flags = {detach, {"purge", "", "forget the job as well"}, {"yes", "", "do not ask"},
                                        {"no-shutdown-delay", "", "skip the tasks' shutdown delay"}, {"eval-priority", "<n>", "priority of the evaluation"},
                                        {"global", "", "in all regions (there is one)"}, whole_ids};
  rows.push_back({"job stop", "<job>", "stops jobs", "drover job stop web", stop_flags, job_stop, 1, SIZE_MAX, "jobs"});
  rows.push_back({"stop", "<job>", "stops jobs", "", stop_flags, job_stop, 1, SIZE_MAX, "jobs", true});
  rows.push_back({"job start", "<job>", "starts a stopped job again", "drover job start web", {detach, whole_ids}, job_start, 1, 1, "jobs"});
  rows.push_back({"start", "<job>", "starts a stopped job again", "", {detach, whole_ids}, job_start, 1, 1, "jobs", true});
  rows.push_back({"job eval", "<job>", "looks at a job again", "drover job eval web",
                  {{"force-reschedule", "", "replace failed allocations now"}, detach, whole_ids}, job_eval, 1, 1, "jobs"});
  rows.push_back({"job scale", "<job> [group] <count>", "changes how many allocations a group has", "drover job scale web 3",
                  {{"check-index", "<n>", "only if the job's modify index is n"}, detach, whole_ids}, job_scale, 2, 3, "jobs"});
  rows.push_back({"job revert", "<job> <version|tag>", "makes an earlier version the newest", "drover job revert web 3",
                  {detach, whole_ids}, job_revert, 2, 2, "jobs"});
  rows.push_back({"job promote", "<job>", "promotes the canaries of the job's latest deployment", "drover job promote web",
                  {{"group", "<name>", "only this group; repeatable"}, detach, whole_ids}, job_promote, 1, 1, "jobs"});
  rows.push_back({"job dispatch", "<parameterized job> [file|-]", "runs a parameterized job once, with a payload from a file or standard input", "drover job dispatch -meta name=a encode in.txt",
                  {{"meta", "<key=value>", "metadata of this run; repeatable"}, {"wait", "", "follow until its tasks have ended"}, {"idempotency-token", "<text>", "the same text starts it only once"},
                   {"id-prefix-template", "<text>", "put this into the id"}, {"priority", "<n>", "priority of this run"}, detach, whole_ids},
                  job_dispatch, 1, 2, "jobs"});
  rows.push_back({"job periodic force", "<periodic job>", "starts a periodic job now", "drover job periodic force backup", {detach, whole_ids}, job_periodic_force, 1, 1, "jobs"});
}

}  // namespace drover::cli
