#include "agent/probe/socket_probe.h"

#include <catch2/catch.hpp>

#include "base/http/test_server.h"
#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "base/rpc/server.h"
#include "sdk/proto/health.pb.h"

namespace drover::agent {
namespace {

using HealthResponse = ::grpc::health::v1::HealthCheckResponse;

/// A gRPC server that only knows the health service, which says `status`.
std::unique_ptr<rpc::Server> health_server(HealthResponse::ServingStatus status) {
  rpc::Server::Options options;
  options.address = "127.0.0.1:0";
  options.stop_grace = Duration::zero();
  return std::move(rpc::Server::start(options,
                                      [status](std::shared_ptr<rpc::Call> call, const rpc::Incoming&) {
                                        rpc::CallEvents events;
                                        events.received = [call, status](const std::string&) {
                                          HealthResponse response;
                                          response.set_status(status);
                                          static_cast<void>(call->send(response.SerializeAsString()));
                                          call->close();
                                        };
                                        call->read();
                                        return events;
                                      }))
      .value();
}

struct Fixture {
  Result<void> grpc(int port) {
    GrpcProbe asked{"127.0.0.1:" + std::to_string(port), "", false, false};
    return run<Result<void>>(loop, probe.grpc(std::move(asked), 2s));
  }
  RealLoop loop;
  SocketProbe probe{loop};
};

}  // namespace

TEST_CASE("an HTTP probe tells status and the beginning of the body", "[agent]") {
  http::TestServer server([](http::Request) -> Async<http::Response> {
    http::Response response;
    response.status = 503;
    response.body = std::string(10'000, 'x');
    co_return response;
  });
  Fixture f;
  HttpProbe asked;
  asked.url = server.url() + "/health";

  const Result<HttpProbeAnswer> answer = run<Result<HttpProbeAnswer>>(f.loop, f.probe.http(std::move(asked), 2s));

  REQUIRE(answer.ok());
  CHECK(answer->status == 503);
  CHECK(answer->body.size() == probe_body_max);
}

TEST_CASE("a TCP probe is content with a connection", "[agent]") {
  Fixture f;
  std::uint16_t port = 0;
  {
    http::TestServer server([](http::Request) -> Async<http::Response> { co_return http::Response(); });
    port = server.server().port();
    CHECK(run<Result<void>>(f.loop, f.probe.tcp("127.0.0.1", port, 2s)).ok());
  }
  CHECK(run<Result<void>>(f.loop, f.probe.tcp("127.0.0.1", port, 2s)).error().code == Code::unavailable);
}

TEST_CASE("a gRPC probe wants SERVING", "[agent]") {
  Fixture f;
  const auto good = health_server(HealthResponse::SERVING);
  CHECK(f.grpc(good->port()).ok());
  const auto bad = health_server(HealthResponse::NOT_SERVING);
  CHECK(f.grpc(bad->port()).error().message.ends_with("answers NOT_SERVING"));
}

}  // namespace drover::agent
