#include <fmt/format.h>

#include "cli/command.h"
#include "cli/spec_file.h"

/// Commands that take a file of an area whose servers are not built: the file's mistakes are told, then the call is refused.
namespace drover::cli {
namespace {

constexpr std::string_view var_usage = "drover var put @secret.nv.hcl";

/// The mistakes of the file, or that what it describes cannot be kept.
int refuse_file(model::SpecKind kind, const std::string& path, bool is_json, std::string_view what) {
  auto object = read_spec_file(kind, path, is_json);
  if (!object.ok()) {
    err(object.error().message);
    return 1;
  }
  err(fmt::format("{} is read without a mistake, but {} are not supported yet: nothing was changed", path == "-" ? "the file" : path, what));
  return 1;
}

int apply_quota(Context& context) { return refuse_file(model::SpecKind::quota, context.args()[0], context.flags.is_on("json"), "quotas"); }
int make_volume(Context& context) { return refuse_file(model::SpecKind::volume, context.args()[0], context.flags.is_on("json"), "volumes"); }
int apply_policy(Context& context) { return refuse_file(model::SpecKind::acl_policy, context.args()[1], false, "access control lists"); }

int put_variable(Context& context) {
  for (const std::string& argument : context.args()) {
    if (argument == "-") return refuse_file(model::SpecKind::variable, argument, context.flags.text("in") == "json", "variables");
    if (argument.starts_with("@")) return refuse_file(model::SpecKind::variable, argument.substr(1), argument.ends_with(".json"), "variables");
  }
  err("drover var put: variables are not supported yet");
  return 1;
}

Command hidden(Command row) {
  row.is_hidden = true;
  return row;
}

}  // namespace

void add_spec_commands(std::vector<Command>& rows) {
  const std::vector<Flag> json = {{"json", "", "the file is the API's JSON"}};
  const std::vector<Flag> volume = {{"json", "", "the file is the API's JSON"}, {"detach", "", "not supported yet"}, {"verbose", "", "whole ids"},
                                    {"policy-override", "", "not supported yet"}, {"id", "<id>", "not supported yet"}};
  rows.push_back(hidden({"quota apply", "<file>", "checks the file of a quota; quotas are not supported yet", "drover quota apply team.hcl", json, apply_quota, 1, 1, "files"}));
  rows.push_back(hidden({"volume create", "<file>", "checks the file of a volume; volumes are not supported yet", "drover volume create data.volume.hcl", volume, make_volume, 1, 1, "files"}));
  rows.push_back(hidden({"volume register", "<file>", "checks the file of a volume; volumes are not supported yet", "drover volume register data.volume.hcl", volume, make_volume, 1, 1, "files"}));
  rows.push_back(hidden({"acl policy apply", "<name> <file>", "checks the file of a policy; access control lists are not supported yet", "drover acl policy apply dev dev.policy.hcl",
                         {{"description", "<text>", "what it is for"}, {"job", "<id>", "not supported yet"}, {"group", "<name>", "not supported yet"}, {"task", "<name>", "not supported yet"}}, apply_policy, 2, 2, "files"}));
  rows.push_back(hidden({"var put", "[<path>] [@file|-] [<key>=<value>…]", "checks the file of a variable; variables are not supported yet", var_usage,
                         {{"in", "<format>", "hcl or json, of standard input"}, {"out", "<format>", "not supported yet"}, {"template", "<template>", "not supported yet"},
                          {"check-index", "<index>", "not supported yet"}, {"force", "", "not supported yet"}, {"verbose", "", "not supported yet"}}, put_variable, 0, SIZE_MAX, "files"}));
}

}  // namespace drover::cli
