#include "server/http/node_pools.h"

#include <algorithm>
#include <set>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/node_pool.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// Node pools: the two built-in ones, and those that nodes are configured to be in. Pools are not made by hand yet.
namespace drover::server {
namespace {

constexpr Index built_in_index = 1;
constexpr std::int64_t identity_ttl_ns = 86'400'000'000'000;
constexpr std::size_t name_max = 128;

bool is_built_in(std::string_view name) { return name == "all" || name == "default"; }

model::NodePool pool_of(const std::string& name) {
  model::NodePool out;
  out.set_name(name);
  if (name == "all") out.set_description("Node pool with all nodes in the cluster.");
  if (name == "default") out.set_description("Default node pool.");
  out.set_node_identity_ttl(identity_ttl_ns);
  out.set_create_index(built_in_index);
  out.set_modify_index(built_in_index);
  return out;
}

std::set<std::string> pool_names(const Snapshot& state) {
  std::set<std::string> names = {"all", "default"};
  state.each_node(Uuid{}, [&names](const model::Node& node) {
    if (!node.node_pool().empty()) names.insert(node.node_pool());
    return true;
  });
  return names;
}

std::vector<WaitFor> all_nodes(const api::Call&) { return {WaitFor{.topic = Topic::nodes}}; }

http::Response pool_page(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter) {
  std::vector<std::string> names;
  for (const std::string& name : pool_names(*state)) {
    if (name.starts_with(call->params.prefix)) names.push_back(name);
  }
  if (call->params.reverse) std::reverse(names.begin(), names.end());
  return list_page(
      call, filter, std::move(names), [](const std::string& name) { return name; },
      [reverse = call->params.reverse](const std::string& name, const std::string& token) { return reverse ? token < name : name < token; },
      [](const std::string& name) { return pool_of(name); },
      [](std::string& out, const std::string& name) { model::append_json(out, pool_of(name)); });
}

api::Found list_pools(SnapshotPtr state, CallPtr call) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  return found(built_in_index, state, call,
               [filter = std::move(*filter)](const SnapshotPtr& s, const CallPtr& c) { return pool_page(s, c, filter); });
}

api::Found read_pool(SnapshotPtr state, CallPtr call) {
  if (!has_node_pool(*state, call->capture())) return missing(built_in_index, state, "node pool not found");
  return message_found(built_in_index, state, call, [](const Snapshot&, const api::Call& c) { return pool_of(c.capture()); });
}

bool is_name(const std::string& name) {
  constexpr auto fits = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= name_max && std::all_of(name.begin(), name.end(), fits);
}

Async<http::Response> write_pool(HttpParts*, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const std::string name = text_member(body.value, "Name");
  if (!call.captures.empty() && call.capture() != name) co_return api::refuse(400, "Node pool name does not match request path");
  if (!is_name(name)) {
    co_return api::refuse(400, text("invalid node pool \"{}\": 1 error occurred:\n\t* invalid name \"{}\", must match regex ^[a-zA-Z0-9-_]{1,128}$\n\n",
                                    name, name));
  }
  if (is_built_in(name)) co_return api::refuse(400, text("modifying node pool \"{}\" is not allowed", name));
  co_return api::refuse(501, "making node pools is not supported yet: name one in the configuration of a node");
}

bool has_live_jobs(const Snapshot& state, const std::string& pool) {
  bool found = false;
  state.each_job(JobKey{}, [&](const JobRow& job) {
    const JobVersionRow* current = state.current(job);
    found = current && current->status != JobStatus::dead && current->spec->node_pool() == pool;
    return !found;
  });
  return found;
}

bool has_nodes(const Snapshot& state, const std::string& pool) {
  bool found = false;
  state.each_node(Uuid{}, [&](const model::Node& node) {
    found = node.node_pool() == pool;
    return !found;
  });
  return found;
}

Async<http::Response> delete_pool(HttpParts* parts, api::Call call) {
  const std::string& name = call.capture();
  const SnapshotPtr state = parts->server.snapshot();
  if (!has_node_pool(*state, name)) co_return api::refuse(500, text("node pool {} not found", name));
  if (name == "all") co_return api::refuse(500, "deleting node pool \"all\" is not allowed");
  std::vector<std::string> reasons;
  if (has_live_jobs(*state, name)) reasons.push_back(text("node pool \"{}\" has non-terminal jobs in regions: [{}]", name, parts->info.region));
  if (has_nodes(*state, name)) reasons.push_back(text("node pool \"{}\" has nodes in regions: [{}]", name, parts->info.region));
  if (reasons.empty()) co_return api::refuse(500, text("deleting node pool \"{}\" is not allowed", name));
  std::string all = reasons.size() == 1 ? "1 error occurred:\n" : text("{} errors occurred:\n", reasons.size());
  for (const std::string& reason : reasons) all += "\t* " + reason + "\n";
  co_return api::refuse(500, all + "\n");
}

}  // namespace

bool has_node_pool(const Snapshot& state, std::string_view name) {
  return is_built_in(name) || has_nodes(state, std::string(name));
}

void add_node_pool_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/node/pools", "", list_pools, all_nodes));
  routes.push_back(read_route(parts, "/v1/node/pool/{name}", "", read_pool, all_nodes));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/pools", "node_pool:write", write_pool));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/pool/{name}", "node_pool:write", write_pool));
  routes.push_back(write_route(parts, "DELETE", "/v1/node/pool/{name}", "node_pool:delete", delete_pool));
}

}  // namespace drover::server
