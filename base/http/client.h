#pragma once

#include <drover/result.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/http/types.h"
#include "base/loop/time.h"

namespace drover::http {

/// Where requests of a Client go, and its limits.
struct ClientOptions {
  std::string address = "http://127.0.0.1:4646";  ///< "http://…", "https://…", or "unix:///path/to.sock"
  Headers headers;                                ///< sent with every request, e.g. X-Nomad-Token
  Duration connect_limit = 10s;
  std::size_t body_max = 1u << 30;  ///< of an answer that is not streamed

  // TLS (files in PEM format; "" = the system's).
  std::string ca_file;
  std::string ca_folder;
  std::string certificate_file;
  std::string key_file;
  bool verify = true;
};

/// One request. `limit` bounds the whole exchange; 0 = none (blocking queries, streams).
struct ClientRequest {
  std::string method = "GET";
  std::string path;  ///< encoded, starts with "/"
  Query query;
  Headers headers;
  std::string body;
  Duration limit = 0s;
  std::function<bool()> stop;  ///< asked about once a second; true ends the exchange (Code::cancelled)
};

/// An answer, whatever its status.
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// Called for each piece of a streamed body (status 2xx only; otherwise the body is gathered); false ends the transfer.
using OnData = std::function<bool(std::string_view)>;

/// A blocking HTTP client that keeps its connection. One thread at a time.
///
/// Only failures to exchange are errors, e.g. `unavailable` "cannot reach http://127.0.0.1:4646: connection refused; is
/// the agent running?", `timeout`; an answer of status 500 is a value.
class Client {
 public:
  explicit Client(ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  Result<ClientResponse> send(const ClientRequest& request);
  /// As send, with the body handed on while it arrives. A transfer ended by `on_data` is a success.
  Result<ClientResponse> stream(const ClientRequest& request, const OnData& on_data);

  Result<ClientResponse> get(std::string path, Query query = {});
  Result<ClientResponse> put(std::string path, std::string body, Query query = {});
  Result<ClientResponse> post(std::string path, std::string body, Query query = {});
  Result<ClientResponse> remove(std::string path, Query query = {});

  const ClientOptions& options() const { return options_; }

 private:
  ClientOptions options_;
  void* curl_ = nullptr;  // CURL*, made by the first request
};

}  // namespace drover::http
