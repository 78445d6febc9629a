#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/time.h"

namespace drover::agent {

struct HttpProbe {
  std::string url;
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool tls_skip_verify = false;
  std::string tls_server_name = {};  ///< which the certificate must have; "" = that of the url
};

struct GrpcProbe {
  std::string address;  ///< host:port
  std::string service;  ///< "" = the server as a whole
  bool tls = false;
  bool tls_skip_verify = false;
  std::string tls_server_name = {};  ///< as of HttpProbe
};

struct HttpProbeAnswer {
  std::uint32_t status = 0;
  std::string body;  ///< the first bytes, at most probe_body_max
};

constexpr int redirects_max = 10;
constexpr std::size_t probe_body_max = 3 * 1024;

/// How service checks reach what they check: real sockets in production, scripted answers in tests. HTTP follows at
/// most redirects_max redirects, to http and https only, and reads no more of an answer than it keeps. An error says
/// why there is no answer (`timeout` after `limit`). On the agent's loop only.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual Async<Result<HttpProbeAnswer>> http(HttpProbe probe, Duration limit) = 0;
  virtual Async<Result<void>> tcp(std::string host, std::uint16_t port, Duration limit) = 0;
  /// grpc.health.v1: an error unless it answers SERVING.
  virtual Async<Result<void>> grpc(GrpcProbe probe, Duration limit) = 0;
};

}  // namespace drover::agent
