#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/doors.h"
#include "api/params.h"
#include "base/http/types.h"

namespace drover::api {

/// A request that has passed the doors, with what its route says about it.
struct Call {
  http::Request request;
  Params params;
  std::vector<std::string> captures;  ///< what stood in the holes of the path
  std::string token;                  ///< X-Nomad-Token, else the bearer; "" for none

  const std::string& capture(std::size_t i = 0) const { return captures.at(i); }
};

using RouteHandler = std::function<Async<http::Response>(Call)>;

/// Which common parameters a route looks at before its handler runs.
enum class Looks : std::uint8_t {
  regional,  ///< all, and the region must be ours
  common,    ///< all; the region does not matter
  nothing,   ///< none: agent-local routes, which ignore bad ones
};

/// One row of the route table.
///
/// A hole `{name}` in the path takes at least nothing and may hold slashes: job ids do. Of several rows that fit, the
/// one with most literal text is meant.
struct Route {
  std::string_view methods;     ///< "GET", "PUT|POST", "*"
  std::string_view path;        ///< "/v1/job/{id}/summary"
  std::string_view capability;  ///< any of "submit-job|plan-job" in the namespace, or "node:write", …; "" for none
  bool blocking = false;        ///< takes index and wait
  Looks looks = Looks::regional;
  RouteHandler handler;
};

/// Whether a token may do something. Called for every route that names a capability.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// `denied` with the text for the client.
  virtual Result<void> allow(std::string_view token, std::string_view capability, std::string_view ns) = 0;
};

/// Everything is allowed: ACLs are off.
class AllowAll final : public Authorizer {
 public:
  Result<void> allow(std::string_view, std::string_view, std::string_view) override { return {}; }
};

/// The captures when `path` fits `pattern`.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path);

/// /v1 as a function from request to response: doors, route, method, parameters, region, token, handler.
class Api {
 public:
  struct Options {
    std::string region = "global";
    Doors doors;
    std::vector<http::Headers::Field> headers;  ///< added to every answer (http_api_response_headers)
  };

  Api(std::vector<Route> routes, Authorizer& authorizer, Options options);

  Async<http::Response> handle(http::Request request);

  const std::vector<Route>& routes() const { return routes_; }

 private:
  const Route* find(const http::Request& request, std::vector<std::string>& captures, bool& path_known) const;
  Async<http::Response> dispatch(http::Request request);

  std::vector<Route> routes_;  // most literal text first
  Authorizer& authorizer_;
  Options options_;
};

}  // namespace drover::api
