#include "cli/api.h"

#include <algorithm>
#include <cctype>

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

/// Of a request that got no answer: first the line that Nomad's users know, then what it means.
Error no_answer_of(const std::string& address, const http::ClientRequest& request, Error why) {
  const auto scheme = address.find("://");
  std::string reason;
  if (why.message.find("connection refused") != std::string::npos) reason = "dial tcp " + address.substr(scheme + 3) + ": connect: connection refused";
  else if (why.message.find("is not an address") != std::string::npos && scheme != std::string::npos) reason = "unsupported protocol scheme \"" + address.substr(0, scheme) + "\"";
  else return why;
  std::string verb = request.method;
  std::ranges::transform(verb.begin() + 1, verb.end(), verb.begin() + 1, [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  why.message = verb + " \"" + address + request.path + http::format_query(request.query) + "\": " + reason + "\n" + why.message;
  return why;
}

}  // namespace

Api::Api(Endpoint endpoint) : endpoint_(std::move(endpoint)), client_(options_of(endpoint_)) {}

Query Api::with_scope(Query query) const {
  const auto has = [&query](std::string_view name) { return std::ranges::any_of(query, [name](const auto& q) { return q.first == name; }); };
  if (!endpoint_.region.empty() && !has("region")) query.emplace_back("region", endpoint_.region);
  if (!endpoint_.name_space.empty() && !has("namespace")) query.emplace_back("namespace", endpoint_.name_space);
  return query;
}

Result<http::ClientResponse> Api::call(std::string method, std::string_view path, Query query, std::string body) {
  http::ClientRequest request{.method = std::move(method), .path = std::string(path), .query = with_scope(std::move(query)), .body = std::move(body)};
  auto response = client_.send(request);
  if (!response.ok()) return no_answer_of(endpoint_.address, request, std::move(response).error());
  if (response->status < 200 || response->status > 299) return error_of(response->status, response->body);
  return response;
}

namespace {

Result<Value> parsed(Result<http::ClientResponse> response) {
  if (!response.ok()) return std::move(response).error();
  if (response->body.empty()) return Value();
  return json::parse(response->body);
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

Result<std::string> Api::get_text(std::string_view path, Query query) {
  DROVER_LET(auto response, call("GET", path, std::move(query), ""));
  return std::move(response.body);
}

Result<Value> Api::get_page(std::string_view path, Query query, std::string& next_token) {
  DROVER_LET(auto response, call("GET", path, std::move(query), ""));
  const std::string* token = response.headers.find("X-Nomad-NextToken");
  next_token = token ? *token : "";
  return response.body.empty() ? Result<Value>(Value()) : json::parse(response.body);
}

Result<http::ClientResponse> Api::send_raw(http::ClientRequest request, const std::function<bool(std::string_view)>& take) {
  request.query = with_scope(std::move(request.query));
  return client_.stream(request, take);
}

Result<void> Api::stream(std::string_view path, Query query, std::function<bool(std::string_view)> take, std::function<bool()> stop) {
  http::ClientRequest request{.path = std::string(path), .query = with_scope(std::move(query)), .stop = std::move(stop)};
  DROVER_LET(auto response, client_.stream(request, take));
  if (response.status < 200 || response.status > 299) return error_of(response.status, response.body);
  return {};
}

std::string encode(std::string_view text) { return http::encode_percent(text); }

}  // namespace drover::cli
