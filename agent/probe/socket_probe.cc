#include "agent/probe/socket_probe.h"

#include "base/rpc/client.h"
#include "sdk/host/health.h"

namespace drover::agent {
namespace {

constexpr std::size_t frame_head = 5;  ///< compressed or not, and four bytes of size
constexpr int http_ok = 200;

/// A message of gRPC on HTTP/2.
std::string framed(const std::string& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
  return out + message;
}

Result<void> judge_health(const http::FetchAnswer& answer) {
  if (answer.status != http_ok) return fail(Code::unavailable, "it answers HTTP status {}: no gRPC server", answer.status);
  if (answer.body.size() < frame_head) return fail(Code::unavailable, "it knows no health of this service");
  return host::judge_health_response(std::string_view(answer.body).substr(frame_head));
}

}  // namespace

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
  request.tls_server_name = std::move(probe.tls_server_name);
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
  if (probe.tls) {
    const Result<void> served = co_await grpc_over_tls(std::move(probe), limit);
    co_return served;
  }
  rpc::Channel channel(probe.address, rpc::Channel::Options());
  const Result<void> serving = co_await host::check_health(loop_, channel, probe.service, limit);
  if (!serving && serving.error().code == Code::unavailable) co_return fail(Code::unavailable, "{}: {}", probe.address, serving.error().message);
  co_return serving;
}

/// One message each way, as an exchange of HTTP/2: what verifies certificates, or does not, is the same as for https.
Async<Result<void>> SocketProbe::grpc_over_tls(GrpcProbe probe, Duration limit) {
  http::FetchRequest request;
  request.url = "https://" + probe.address + "/grpc.health.v1.Health/Check";
  request.method = "POST";
  request.headers = {{"Content-Type", "application/grpc"}, {"TE", "trailers"}};
  request.body = framed(host::health_request(probe.service));
  request.limit = limit;
  request.redirects_max = 0;
  request.keep_max = probe_body_max;
  request.verify_tls = !probe.tls_skip_verify;
  request.tls_server_name = std::move(probe.tls_server_name);
  const Result<http::FetchAnswer> answer = co_await fetcher_.fetch(loop_, std::move(request));
  if (!answer) co_return answer.error();
  const Result<void> serving = judge_health(*answer);
  if (!serving) co_return fail(serving.error().code, "{}: {}", probe.address, serving.error().message);
  co_return serving;
}

}  // namespace drover::agent
