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
};

struct HttpProbeAnswer {
  std::uint32_t status = 0;
  std::string body;  ///< the first bytes, at most probe_body_max
};

constexpr std::size_t probe_body_max = 3 * 1024;

/// How service checks reach what they check: real sockets in production, scripted answers in tests. An error says
/// why there is no answer (`timeout` after `limit`). On the agent's loop only.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual Async<Result<HttpProbeAnswer>> http(HttpProbe probe, Duration limit) = 0;
  virtual Async<Result<void>> tcp(std::string host, std::uint16_t port, Duration limit) = 0;
};

}  // namespace drover::agent
