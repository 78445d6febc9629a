#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer.h"
#include "api/blocking.h"
#include "api/filter.h"
#include "api/paging.h"
#include "api/route.h"
#include "server/http/routes.h"
#include "server/state/snapshot.h"

namespace google::protobuf {
class Message;
}

/// How the handlers of server/http are written: reads are functions of (state, request), writes are coroutines.
namespace drover::server {

using CallPtr = std::shared_ptr<const api::Call>;

/// Finds what a read asks for. Never waits.
using Reader = std::function<api::Found(SnapshotPtr state, CallPtr call)>;
/// What must change for the answer to change.
using WaitsFor = std::vector<WaitFor> (*)(const api::Call& call);
/// Puts in order, asks for and answers a change.
using Writer = Async<http::Response> (*)(HttpParts* parts, api::Call call);

api::Route read_route(HttpParts& parts, std::string_view path, std::string_view capability, Reader reader, WaitsFor waits_for);
/// As read_route, for a path that does not look at the method.
api::Route any_method(api::Route route);
api::Route write_route(HttpParts& parts, std::string_view methods, std::string_view path, std::string_view capability,
                       Writer writer);
/// Write routes as rows of a table.
struct WriteRow {
  std::string_view methods;
  std::string_view path;
  std::string_view capability;
  Writer writer;
};
void add_write_routes(HttpParts& parts, std::vector<api::Route>& routes, std::initializer_list<WriteRow> rows);
/// A route that neither blocks nor looks at index, wait and region.
api::Route local_route(HttpParts& parts, std::string_view methods, std::string_view path, std::string_view capability,
                       Writer writer, api::Looks looks);

/// A read that is refused before the state matters: no index headers.
api::Found refused(int status, std::string text);
/// A read whose object is not there: 404 with the index of its table.
api::Found missing(Index table, const SnapshotPtr& state, std::string_view text);
/// A read that answers a message, made when it is sent.
template <class Make>
api::Found message_found(Index index, const SnapshotPtr& state, const CallPtr& call, Make make) {
  return {.index = index, .seen = state->index(), .build = [state, call, make = std::move(make)] {
            return api::json(make(*state, *call), call->params.pretty);
          }};
}
/// A read that answers what `build(state, call)` gives.
template <class Build>
api::Found found(Index index, const SnapshotPtr& state, const CallPtr& call, Build build) {
  return {.index = index, .seen = state->index(), .build = [state, call, build = std::move(build)] { return build(state, call); }};
}

/// Decodes a body; the answer to a body that cannot be.
std::optional<http::Response> decode(const api::Call& call, google::protobuf::Message& message);

/// The namespace a job is written to: the query's, then the body's own, then the job's, then default.
std::string namespace_of(const api::Call& call, const std::string& of_body, const model::Job* job);

/// The UUID in the path; nil when it is none.
Uuid id_of(const api::Call& call);
/// Why `prefix` cannot begin a UUID, in the words that clients know; "" when it can.
std::string prefix_problem(const std::string& prefix, std::string_view what);
/// The range of ids that a list shows.
IdRange range_of(const std::string& prefix);
constexpr std::string_view not_an_id = "index error: UUID must be 36 characters";

/// Whether a list that asks for `call`'s namespace shows what is in `ns`.
bool shows(const api::Call& call, std::string_view ns);
/// The filter that a list asks for. The error is for a 400.
Result<api::Filter> filter_of(const api::Call& call);

/// One page of a list: what passes of `rows`, which are in the order of the list. `whole(row)` is the message that the
/// filter looks at, `append(out, row)` writes what the list shows; it owns or shares what it reads.
template <class Row, class TokenOf, class IsBefore, class Whole, class Append>
http::Response list_page(const CallPtr& call, const api::Filter& filter, std::vector<Row> rows, const TokenOf& token_of,
                         const IsBefore& is_before, const Whole& whole, Append append) {
  const auto passes = [&filter, &whole](const Row& row) -> Result<bool> {
    if (filter.empty()) return true;
    return filter.passes(whole(row));
  };
  auto page = api::take_page(std::move(rows), call->params, token_of, is_before, passes);
  if (!page) return api::refuse(400, text("failed to read result page: {}", page.error().message));
  const std::size_t count = page->rows.size();
  api::AppendElement each = [shown = std::move(page->rows), append = std::move(append)](std::string& out, std::size_t i) { append(out, shown[i]); };
  http::Response response = api::list(count, std::move(each), call->params.pretty);
  api::set_next_token(response, page->next_token);
  return response;
}

/// How rows with an index and an id are ordered: by index, or by id alone when a prefix is asked for.
std::string index_token(Index create_index, const std::string& id, const api::Params& params);
bool before_index_token(Index create_index, const std::string& id, const std::string& token, const api::Params& params);

// The routes, by resource.
void add_job_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_job_action_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_event_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_job_status_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_scaling_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_search_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_job_write_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_job_file_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_alloc_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_eval_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_deployment_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_node_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_client_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_agent_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_system_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_operator_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_node_pool_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_acl_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_storage_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_service_routes(HttpParts& parts, std::vector<api::Route>& routes);
void add_unsupported_routes(HttpParts& parts, std::vector<api::Route>& routes);

}  // namespace drover::server
