#include "api/doors.h"

#include <arpa/inet.h>

#include <drover/result.h>

#include <algorithm>

namespace drover::api {
namespace {

bool is_address(std::string_view host) {
  unsigned char bytes[16];
  const std::string text(host.substr(0, host.find('%')));  // a zone is of no interest
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_own(std::string_view host, const Doors& doors) {
  const std::string name = lower(host);
  if (name.empty() || name == "localhost" || is_address(name)) return true;
  return std::any_of(doors.own_names.begin(), doors.own_names.end(), [&name](const std::string& own) { return lower(own) == name; });
}

bool only_reads(const http::Request& request) {
  if (request.headers.find("Upgrade")) return false;  // a WebSocket is opened with GET
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

/// A page of ours: its origin names the host that the request was sent to.
bool same_origin(std::string_view origin, std::string_view host) {
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;  // "null" and nonsense
  return lower(origin.substr(scheme + 3)) == lower(host);
}

}  // namespace

std::string_view host_without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(':') != colon) return host;
  return host.substr(0, colon);
}

std::optional<std::string> turned_away(const http::Request& request, const Doors& doors) {
  const std::string_view host = request.headers.get("Host");
  if (request.peer != "unix" && !is_own(host_without_port(host), doors)) {
    return text("the Host '{}' is neither an address, localhost, nor a name that this agent advertises", host);
  }
  if (only_reads(request)) return std::nullopt;

  const std::string* origin = request.headers.find("Origin");
  if (origin && !same_origin(*origin, host)) return text("a page of '{}' may not change anything here", *origin);
  const std::string_view site = request.headers.get("Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin" && site != "none") {
    return text("a request of another page (Sec-Fetch-Site: {}) may not change anything here", site);
  }
  return std::nullopt;
}

}  // namespace drover::api
