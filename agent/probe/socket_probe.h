#pragma once

#include "agent/probe.h"
#include "base/http/fetcher.h"
#include "base/loop/loop.h"

namespace drover::agent {

/// Real sockets.
class SocketProbe final : public Probe {
 public:
  explicit SocketProbe(Loop& loop) : loop_(loop) {}

  Async<Result<HttpProbeAnswer>> http(HttpProbe probe, Duration limit) override;
  Async<Result<void>> tcp(std::string host, std::uint16_t port, Duration limit) override;
  Async<Result<void>> grpc(GrpcProbe probe, Duration limit) override;

 private:
  Async<Result<void>> grpc_over_tls(GrpcProbe probe, Duration limit);

  Loop& loop_;
  http::Fetcher fetcher_;
};

}  // namespace drover::agent
