#include <fmt/format.h>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"

/// job tag apply and unset: names for versions of a job, which are then kept.
namespace drover::cli {
namespace {

std::string tag_path(const Value& stub, const std::string& name) { return job_path(stub, "/versions/" + encode(name) + "/tag"); }

int tag_apply(Context& context) {
  if (context.flags.text("name").empty()) return usage_error(context, "A version tag name is required");
  return with_job(context, [](Context& c, const Value& stub) {
    const std::string name = c.flags.text("name");
    std::string version = c.flags.text("version");
    if (version.empty()) {
      auto job = c.api.get(job_path(stub));
      if (!job.ok()) return failed("Error retrieving job", job.error());
      version = text_of(*job, "Version");
    }
    if (version.find_first_not_of("0123456789") != std::string::npos) return usage_error(c, fmt::format("Error parsing -version \"{}\": expected a number", version));
    Value body = Value::map();
    body.set("Version", static_cast<std::int64_t>(std::atoll(version.c_str()))).set("Description", c.flags.text("description"));
    auto answer = c.api.put(tag_path(stub, name), body);
    if (!answer.ok()) return failed("Error tagging job version", answer.error());
    out(fmt::format("Job version {} tagged with name \"{}\"", version, name));
    return 0;
  });
}

int tag_unset(Context& context) {
  if (context.flags.text("name").empty()) return usage_error(context, "A version tag name is required");
  return with_job(context, [](Context& c, const Value& stub) {
    const std::string name = c.flags.text("name");
    auto answer = c.api.remove(tag_path(stub, name));
    if (!answer.ok()) return failed("Error tagging job version", answer.error());
    out(fmt::format("Tag \"{}\" removed from job \"{}\"", name, text_of(stub, "ID")));
    return 0;
  });
}

}  // namespace

void add_job_tag_commands(std::vector<Command>& rows) {
  rows.push_back({"job tag apply", "<job>", "gives a version of a job a name, and keeps it", "drover job tag apply -name golden -version 3 web",
                  {{"name", "<name>", "the name"}, {"version", "<n>", "the version; the newest unless given"}, {"description", "<text>", "what it is for"}}, tag_apply, 1, 1, "jobs"});
  rows.push_back({"job tag unset", "<job>", "takes a version's name away", "drover job tag unset -name golden web", {{"name", "<name>", "the name"}}, tag_unset, 1, 1, "jobs"});
}

}  // namespace drover::cli
