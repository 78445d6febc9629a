#include "cli/completion_names.h"

#include "base/json/json.h"
#include "cli/output.h"

namespace drover::cli {
namespace {

constexpr Duration answer_limit = 2s;
constexpr std::string_view names_max = "200";

struct Source {
  std::string_view kind;
  std::string_view path;
  std::string_view member;
};

constexpr Source sources[] = {
    {"jobs", "/v1/jobs", "ID"},        {"allocs", "/v1/allocations", "ID"},         {"allocs", "/v1/jobs", "ID"},         {"nodes", "/v1/nodes", "ID"},
    {"evals", "/v1/evaluations", "ID"}, {"deployments", "/v1/deployments", "ID"}, {"namespaces", "/v1/namespaces", "Name"}, {"pools", "/v1/node/pools", "Name"}, {"services", "/v1/services", "ServiceName"},
};

void add_names(const Value& value, std::string_view member, std::vector<std::string>& names) {
  if (!value.is_list()) return;
  for (const Value& item : value.items()) {
    if (const std::string name = text_of(item, member); !name.empty()) names.push_back(name);
    add_names(member_of(item, "Services"), member, names);  // services come in groups, one a namespace
  }
}

}  // namespace

std::vector<std::string> agent_names(Api& api, std::string_view kind, const std::string& prefix) {
  std::vector<std::string> names;
  for (const Source& source : sources) {
    if (source.kind != kind) continue;
    http::ClientRequest request{.path = std::string(source.path), .limit = answer_limit};
    // A server may want ids by whole bytes; what does not begin as typed is left out later.
    const bool is_id = source.path != "/v1/jobs" && source.path != "/v1/namespaces";
    if (kind != "services") request.query = {{"prefix", is_id ? prefix.substr(0, prefix.size() / 2 * 2) : prefix}, {"per_page", std::string(names_max)}};
    std::string body;
    const auto answer = api.send_raw(request, [&body](std::string_view piece) { return body.append(piece), true; });
    if (!answer.ok() || answer->status != 200) continue;
    const auto value = json::parse(body);
    if (value.ok()) add_names(*value, source.member, names);
  }
  return names;
}

}  // namespace drover::cli
