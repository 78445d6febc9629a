#pragma once

#include <drover/result.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/http/client.h"
#include "base/value/value.h"

namespace drover::cli {

using Query = http::Query;

/// Where the agent is and how to talk to it; from flags and NOMAD_*/DROVER_* variables.
struct Endpoint {
  std::string address = "http://127.0.0.1:4646";
  std::string region;
  std::string name_space;
  std::string token;
  std::string ca_file, ca_folder, cert_file, key_file, tls_server_name;
  bool tls_skip_verify = false;
};

/// The HTTP API as the commands use it: JSON in, JSON out. Blocking; one thread.
class Api {
 public:
  explicit Api(Endpoint endpoint);

  /// An answer other than 2xx is an error "Unexpected response code: 404 (job not found)"; 404 is Code::not_found.
  Result<Value> get(std::string_view path, Query query = {});
  Result<Value> put(std::string_view path, const Value& body, Query query = {});
  Result<Value> put_text(std::string_view path, std::string body, Query query = {});
  Result<Value> remove(std::string_view path, Query query = {});
  /// The body as it is.
  Result<std::string> get_text(std::string_view path, Query query = {});
  /// One page of a list, and the token of the next one ("" on the last).
  Result<Value> get_page(std::string_view path, Query query, std::string& next_token);
  /// Any request as it is, whatever its status; the body is handed on while it arrives. For `operator api`.
  Result<http::ClientResponse> send_raw(http::ClientRequest request, const std::function<bool(std::string_view)>& take);
  /// What opens a websocket there: the scope of this client added to the query.
  Query scoped(Query query) const { return with_scope(std::move(query)); }
  const http::ClientOptions& options() const { return client_.options(); }
  /// Calls `take` with each piece of the body as it comes, until the end, until it returns false, or until `stop` (asked
  /// about once a second) returns true.
  Result<void> stream(std::string_view path, Query query, std::function<bool(std::string_view)> take, std::function<bool()> stop = nullptr);

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  Result<http::ClientResponse> call(std::string method, std::string_view path, Query query, std::string body);
  Query with_scope(Query query) const;

  Endpoint endpoint_;
  http::Client client_;
};

/// A path element, percent-encoded.
std::string encode(std::string_view text);

}  // namespace drover::cli
