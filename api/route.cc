#include "api/route.h"

#include <algorithm>

#include "api/answer.h"

namespace drover::api {
namespace {

std::size_t literal_length(std::string_view pattern) {
  std::size_t length = 0;
  bool in_hole = false;
  for (const char c : pattern) {
    if (c == '{') in_hole = true;
    if (!in_hole) ++length;
    if (c == '}') in_hole = false;
  }
  return length;
}

bool allows(std::string_view methods, std::string_view method) {
  if (methods == "*") return true;
  while (!methods.empty()) {
    const std::string_view one = methods.substr(0, methods.find('|'));
    if (one == method) return true;
    methods.remove_prefix(std::min(methods.size(), one.size() + 1));
  }
  return false;
}

std::string token_of(const http::Request& request) {
  if (const std::string* token = request.headers.find("X-Nomad-Token")) return *token;
  constexpr std::string_view bearer = "bearer ";
  const std::string_view value = request.headers.get("Authorization");
  if (value.size() <= bearer.size()) return "";
  const bool same = std::equal(bearer.begin(), bearer.end(), value.begin(), [](char a, char b) { return a == (b | 0x20); });
  return same ? std::string(value.substr(bearer.size())) : "";
}

/// Where a target with empty path elements ("/v1//jobs?x") leads to; "" for one without.
std::string without_empty_elements(std::string_view target) {
  const auto question = target.find('?');
  const std::string_view path = target.substr(0, question);
  if (path.find("//") == std::string_view::npos) return "";
  std::string out;
  for (const char c : path) {
    if (c != '/' || !out.ends_with('/')) out.push_back(c);
  }
  if (question != std::string_view::npos) out += target.substr(question);
  return out;
}

http::Response redirect(std::string to) {
  http::Response response = refuse(307, text("<a href=\"{}\">Temporary Redirect</a>.\n\n", to));
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set("Location", std::move(to));
  return response;
}

/// What pages of other origins may ask elsewhere, and caches must tell apart.
bool depends_on_origin(std::string_view path) {
  constexpr std::string_view parts[] = {"/v1/client/fs/", "/v1/client/stats", "/v1/client/allocation/", "/v1/client/metadata",
                                        "/v1/client/identity", "/v1/vars", "/v1/var/"};
  return std::any_of(std::begin(parts), std::end(parts), [path](std::string_view part) { return path.starts_with(part); });
}

/// Frames arrive as they are made, never compressed: a file's from the answer on, whatever it says, a log's once it flows.
/// This is the first status whose answers are compressed all the same; 0 for all of them.
int compressed_from(const http::Request& request) {
  if (request.path.starts_with("/v1/client/fs/stream/")) return 1000;
  const std::string* plain = request.parameter("plain");
  const bool framed = request.path.starts_with("/v1/client/fs/logs/") && !(plain && *plain == "true");
  return framed && request.parameter("task") && request.parameter("type") ? 400 : 0;
}

bool is_read(std::string_view method) { return method == "GET" || method == "HEAD"; }

}  // namespace

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> captures;
  for (;;) {
    const auto hole = pattern.find('{');
    const std::string_view literal = pattern.substr(0, hole);
    if (!path.starts_with(literal)) return std::nullopt;
    path.remove_prefix(literal.size());
    if (hole == std::string_view::npos) {
      if (!path.empty()) return std::nullopt;
      return captures;
    }
    pattern.remove_prefix(pattern.find('}') + 1);
    const std::string_view next = pattern.substr(0, pattern.find('{'));
    // The last hole reaches as far as the ending allows; an earlier one up to the last place where the rest can begin.
    const bool last = next.size() == pattern.size();
    const auto end = next.empty() ? path.size() : path.rfind(next, last ? path.size() - std::min(path.size(), next.size()) : path.size());
    if (end == std::string_view::npos) return std::nullopt;
    captures.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
}

Api::Api(std::vector<Route> routes, Authorizer& authorizer, Options options)
    : routes_(std::move(routes)), authorizer_(authorizer), options_(std::move(options)) {
  std::stable_sort(routes_.begin(), routes_.end(), [](const Route& a, const Route& b) {
    return literal_length(a.path) > literal_length(b.path);
  });
}

const Route* Api::find(const http::Request& request, std::vector<std::string>& captures, bool& path_known) const {
  std::string_view meant;
  for (const Route& route : routes_) {
    if (path_known && route.path != meant) {
      if (literal_length(route.path) < literal_length(meant)) break;
      continue;
    }
    auto matched = match(route.path, request.path);
    if (!matched) continue;
    path_known = true;
    meant = route.path;
    if (!allows(route.methods, request.method)) continue;
    captures = std::move(*matched);
    return &route;
  }
  return nullptr;
}

Async<http::Response> Api::handle(http::Request request) {
  const bool of_origin = depends_on_origin(request.path);
  const int compressed = compressed_from(request);
  http::Response response = co_await dispatch(std::move(request));
  if (of_origin && !response.headers.find("Vary")) {
    const bool framed = response.status < compressed && response.status != 404;
    response.headers.set("Vary", framed ? "Origin" : "Accept-Encoding, Origin");
  }
  for (const auto& [name, value] : options_.headers) response.headers.set(name, value);
  co_return response;
}

Async<http::Response> Api::dispatch(http::Request request) {
  if (auto why = turned_away(request, options_.doors)) co_return refuse(403, std::move(*why));

  std::string clean = request.target.starts_with('/') ? without_empty_elements(request.target) : "";
  if (!clean.empty()) co_return redirect(std::move(clean));

  Call call;
  bool path_known = false;
  const Route* route = find(request, call.captures, path_known);
  if (!route) co_return path_known ? refuse(405, "Invalid method") : refuse(404, "");

  call.params = parse_lenient(request);
  if (route->looks != Looks::nothing && is_read(request.method)) {
    auto params = parse_params(request);
    if (!params) co_return refuse(400, params.error().message);
    call.params = std::move(*params);
  }
  const std::string& region = call.params.region;
  if (route->looks == Looks::regional && !region.empty() && region != options_.region) {
    co_return refuse(500, "No path to region");
  }

  call.token = token_of(request);
  if (!route->capability.empty()) {
    const Result<void> allowed = authorizer_.allow(call.token, route->capability, call.params.ns);
    if (!allowed) co_return refuse(allowed.error());
  }
  call.request = std::move(request);
  co_return co_await route->handler(std::move(call));
}

}  // namespace drover::api
