#include "cli/api.h"

#include <algorithm>

#include "base/json/json.h"

namespace drover::cli {
namespace {

http::ClientOptions options_of(const Endpoint& endpoint) {
  http::ClientOptions options;
  options.address = endpoint.address;
  options.ca_file = endpoint.ca_file;
  options.ca_folder = endpoint.ca_folder;
  options.certificate_file = endpoint.cert_file;
  options.key_file = endpoint.key_file;
  options.verify = !endpoint.tls_skip_verify;
  if (!endpoint.token.empty()) options.headers.set("X-Nomad-Token", endpoint.token);
  return options;
}

Error error_of(int status, std::string_view body) {
  while (body.ends_with('\n')) body.remove_suffix(1);
  const Code code = status == 404   ? Code::not_found
                    : status == 403 ? Code::denied
                    : status == 409 ? Code::conflict
                    : status < 500  ? Code::invalid
                                    : Code::internal;
  return fail(code, "Unexpected response code: {} ({})", status, body);
}

}  // namespace

Api::Api(Endpoint endpoint) : endpoint_(std::move(endpoint)), client_(options_of(endpoint_)) {}

Result<std::string> Api::call(std::string method, std::string_view path, Query query, std::string body) {
  if (!endpoint_.region.empty()) query.emplace_back("region", endpoint_.region);
  const bool has_namespace = std::ranges::any_of(query, [](const auto& q) { return q.first == "namespace"; });
  if (!endpoint_.name_space.empty() && !has_namespace) query.emplace_back("namespace", endpoint_.name_space);
  http::ClientRequest request{.method = std::move(method), .path = std::string(path), .query = std::move(query), .body = std::move(body)};
  DROVER_LET(auto response, client_.send(request));
  if (response.status < 200 || response.status > 299) return error_of(response.status, response.body);
  return std::move(response.body);
}

namespace {

Result<Value> parsed(Result<std::string> body) {
  if (!body.ok()) return std::move(body).error();
  if (body->empty()) return Value();
  return json::parse(*body);
}

}  // namespace

Result<Value> Api::get(std::string_view path, Query query) { return parsed(call("GET", path, std::move(query), "")); }

Result<Value> Api::put(std::string_view path, const Value& body, Query query) {
  return parsed(call("PUT", path, std::move(query), body.is_null() ? std::string() : json::write(body)));
}

Result<Value> Api::put_text(std::string_view path, std::string body, Query query) {
  return parsed(call("PUT", path, std::move(query), std::move(body)));
}

Result<Value> Api::remove(std::string_view path, Query query) { return parsed(call("DELETE", path, std::move(query), "")); }

Result<std::string> Api::get_text(std::string_view path, Query query) { return call("GET", path, std::move(query), ""); }

Result<std::string> Api::send_text(std::string method, std::string_view path, std::string body) {
  return call(std::move(method), path, {}, std::move(body));
}

Result<void> Api::stream(std::string_view path, Query query, std::function<bool(std::string_view)> take) {
  if (!endpoint_.name_space.empty()) query.emplace_back("namespace", endpoint_.name_space);
  http::ClientRequest request{.path = std::string(path), .query = std::move(query)};
  DROVER_LET(auto response, client_.stream(request, take));
  if (response.status < 200 || response.status > 299) return error_of(response.status, response.body);
  return {};
}

std::string encode(std::string_view text) { return http::encode_percent(text); }

}  // namespace drover::cli
