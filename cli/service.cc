#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/pages.h"

namespace drover::cli {
namespace {

std::string tags_of(const Value& service) {
  std::vector<std::string> tags;
  for (const Value& tag : list_of(service, "Tags")) tags.push_back(tag.is_text() ? tag.text() : "");
  return fmt::format("[{}]", fmt::join(tags, ","));
}

int service_list(Context& context) {
  auto list = context.api.get("/v1/services");
  if (!list.ok()) return failed("Error listing service registrations", list.error());
  if (auto code = machine_output(context, *list)) return *code;
  const bool all = context.api.endpoint().name_space == "*";
  std::vector<std::vector<std::string>> rows;
  for (const Value& space : list->items()) {
    for (const Value& service : list_of(space, "Services")) {
      rows.push_back({text_of(service, "ServiceName"), tags_of(service)});
      if (all) rows.back().insert(rows.back().begin() + 1, text_of(space, "Namespace"));
    }
  }
  if (rows.empty()) {
    out("No service registrations found");
    return 0;
  }
  std::ranges::sort(rows);
  rows.insert(rows.begin(), all ? std::vector<std::string>{"Service Name", "Namespace", "Tags"} : std::vector<std::string>{"Service Name", "Tags"});
  out(table(rows));
  return 0;
}

std::string address_of(const Value& service) {
  const std::string host = text_of(service, "Address"), port = text_of(service, "Port");
  return host.find(':') == std::string::npos ? host + ":" + port : "[" + host + "]:" + port;
}

std::string whole_text(const Value& service) {
  return key_values({{"ID", text_of(service, "ID")},
                     {"Service Name", text_of(service, "ServiceName")},
                     {"Namespace", text_of(service, "Namespace")},
                     {"Job ID", text_of(service, "JobID")},
                     {"Alloc ID", text_of(service, "AllocID")},
                     {"Node ID", text_of(service, "NodeID")},
                     {"Datacenter", text_of(service, "Datacenter")},
                     {"Address", address_of(service)},
                     {"Tags", tags_of(service)}});
}

int service_info(Context& context) {
  const std::string& name = context.args()[0];
  std::string next_token;
  auto list = context.api.get_page("/v1/service/" + encode(name), page_query(context), next_token);
  if (!list.ok()) return failed("Error listing service registrations", list.error());
  if (auto code = machine_output(context, *list)) return *code;
  if (!list->is_list() || list->items().empty()) {
    err(fmt::format("No service with the name \"{}\" is registered; drover service list shows those that are", name));
    return 1;
  }
  auto instances = list->items();
  std::ranges::stable_sort(instances, {}, [](const Value& service) { return text_of(service, "JobID") + "\n" + text_of(service, "ID"); });
  if (context.verbose()) {
    std::string text;
    for (const Value& service : instances) text += (text.empty() ? "" : "\n\n") + whole_text(service);
    out(text);
  } else {
    std::vector<std::vector<std::string>> rows = {{"Job ID", "Address", "Tags", "Node ID", "Alloc ID"}};
    for (const Value& service : instances) rows.push_back({text_of(service, "JobID"), address_of(service), tags_of(service), short_id(text_of(service, "NodeID")), short_id(text_of(service, "AllocID"))});
    out(table(rows));
  }
  tell_next_page(context, next_token);
  return 0;
}

int service_delete(Context& context) {
  auto answer = context.api.remove("/v1/service/" + encode(context.args()[0]) + "/" + encode(context.args()[1]));
  if (!answer.ok()) return failed("Error deleting service registration", answer.error());
  out("Successfully deleted service registration");
  return 0;
}

}  // namespace

void add_service_commands(std::vector<Command>& rows) {
  const Flag json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"};
  rows.push_back({"service list", "", "lists the services that are registered", "drover service list", {json, format}, service_list, 0, 0});
  std::vector<Flag> info_flags = {{"verbose", "", "everything of each instance"}, json, format};
  add_page_flags(info_flags);
  rows.push_back({"service info", "<service>", "shows where the instances of a service are", "drover service info api", info_flags, service_info, 1, 1, "services"});
  rows.push_back({"service delete", "<service> <id>", "removes a registration that was left behind", "drover service delete api _nomad-task-…", {}, service_delete, 2, 2, "services"});
}

}  // namespace drover::cli
