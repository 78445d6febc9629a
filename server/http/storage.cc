#include <algorithm>

#include "server/http/handlers.h"

/// Variables, volumes and storage plugins, as long as none can be made: the lists are empty, and nothing is found.
namespace drover::server {
namespace {

std::vector<WaitFor> nothing(const api::Call&) { return {}; }

http::Response empty_list(const api::Call& call) { return api::json("[]", call.params.pretty); }

Async<http::Response> list_without_index(HttpParts*, api::Call call) { co_return empty_list(call); }

/// Of tables that no command has ever touched, but that the cluster has had since it began.
Index since_it_began(const Snapshot& state) { return std::max<Index>(1, state.index(Topic::nodes)); }

api::Found list_variables(SnapshotPtr state, CallPtr call) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  return found(since_it_began(*state), state, call, [](const SnapshotPtr&, const CallPtr& c) { return empty_list(*c); });
}

api::Found read_variable(SnapshotPtr state, CallPtr) { return missing(since_it_began(*state), state, "variable not found"); }

/// Each kind of volume keeps its own table; that of host volumes has been there from the start.
Index volume_index(const Snapshot& state, std::string_view kind) { return kind == "host" ? since_it_began(state) : 0; }

/// Without a type nothing of the request is looked at.
Async<http::Response> list_volumes(HttpParts* parts, api::Call call) {
  const std::string kind = api::text_parameter(call.request, "type");
  if (kind.empty()) co_return empty_list(call);
  const Result<api::Params> params = api::parse_params(call.request);
  if (!params) co_return api::refuse(400, params.error().message);
  const Result<api::Filter> filter = filter_of(call);
  if (!filter) co_return api::refuse(400, filter.error().message);
  http::Response response = empty_list(call);
  const SnapshotPtr state = parts->server.snapshot();
  api::set_index(response, volume_index(*state, kind));
  co_return response;
}

api::Found read_csi_volume(SnapshotPtr state, CallPtr) { return missing(0, state, "volume not found"); }
/// What is done to volumes is not there to be read.
Async<http::Response> not_read(HttpParts*, api::Call) { co_return api::refuse(405, "Invalid method"); }
api::Found read_host_volume(SnapshotPtr state, CallPtr) { return missing(volume_index(*state, "host"), state, "volume not found"); }
api::Found read_plugin(SnapshotPtr state, CallPtr) { return missing(0, state, "plugin not found"); }

}  // namespace

void add_storage_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  routes.push_back(read_route(parts, "/v1/vars", "", list_variables, nothing));
  routes.push_back(read_route(parts, "/v1/var/{path}", "", read_variable, nothing));
  routes.push_back(local_route(parts, "GET|HEAD", "/v1/volumes", "", list_volumes, Looks::nothing));
  routes.push_back(read_route(parts, "/v1/volume/csi/{id}", "", read_csi_volume, nothing));
  for (const std::string_view path : {"/v1/volume/csi/{id}/create", "/v1/volume/csi/{id}/delete", "/v1/volume/csi/{id}/detach"}) {
    routes.push_back(local_route(parts, "GET", path, "", not_read, Looks::nothing));
  }
  routes.push_back(read_route(parts, "/v1/volume/host/{id}", "", read_host_volume, nothing));
  routes.push_back(local_route(parts, "GET", "/v1/plugins", "", list_without_index, Looks::nothing));
  routes.push_back(read_route(parts, "/v1/plugin/csi/{id}", "", read_plugin, nothing));
}

}  // namespace drover::server
