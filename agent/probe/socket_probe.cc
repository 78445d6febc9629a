#include "agent/probe/socket_probe.h"

#include "base/rpc/client.h"
#include "sdk/host/health.h"

namespace drover::agent {
Async<Result<HttpProbeAnswer>> SocketProbe::http(HttpProbe probe, Duration limit) {
  http::FetchRequest request;
  request.url = std::move(probe.url);
  request.method = std::move(probe.method);
  request.headers = std::move(probe.headers);
  request.body = std::move(probe.body);
  request.limit = limit;
  request.redirects_max = redirects_max;
  request.keep_max = probe_body_max;
  request.verify_tls = !probe.tls_skip_verify;
  Result<http::FetchAnswer> fetched = co_await fetcher_.fetch(loop_, std::move(request));
  if (!fetched) co_return std::move(fetched).error();
  HttpProbeAnswer answer{static_cast<std::uint32_t>(fetched->status), std::move(fetched->body)};
  co_return answer;
}

Async<Result<void>> SocketProbe::tcp(std::string host, std::uint16_t port, Duration limit) {
  const bool v6 = host.find(':') != std::string::npos;
  http::FetchRequest request;
  request.url = text("http://{}:{}", v6 ? "[" + host + "]" : host, port);
  request.limit = limit;
  request.connect_only = true;
  const Result<http::FetchAnswer> connected = co_await fetcher_.fetch(loop_, std::move(request));
  if (!connected) co_return connected.error();
  co_return Result<void>();
}

Async<Result<void>> SocketProbe::grpc(GrpcProbe probe, Duration limit) {
  if (probe.tls) co_return fail(Code::unsupported, "gRPC checks over TLS are not supported yet");
  rpc::Channel channel(probe.address, rpc::Channel::Options());
  const Result<void> serving = co_await host::check_health(loop_, channel, probe.service, limit);
  if (!serving && serving.error().code == Code::unavailable) co_return fail(Code::unavailable, "{}: {}", probe.address, serving.error().message);
  co_return serving;
}

}  // namespace drover::agent
