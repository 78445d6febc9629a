#include <catch2/catch.hpp>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include "agent/probe/socket_probe.h"
#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "base/rpc/self_signed.h"

namespace drover::agent {
namespace {

/// A gRPC server with a certificate that nobody knows, which asks clients for none; it serves "up" and not "down".
struct TlsServer {
  TlsServer() {
    const rpc::SelfSigned self = rpc::make_self_signed("localhost").value();
    grpc::SslServerCredentialsOptions credentials(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    credentials.pem_key_cert_pairs.push_back({self.key, self.certificate});
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(credentials), &port);
    builder.RegisterCallbackGenericService(&others);  // one that answers by itself: else the server wants a queue to be polled
    server = builder.BuildAndStart();
    REQUIRE(server);
    server->GetHealthCheckService()->SetServingStatus("up", true);
    server->GetHealthCheckService()->SetServingStatus("down", false);
  }
  int port = 0;
  grpc::CallbackGenericService others;
  std::unique_ptr<grpc::Server> server;
};

}  // namespace

TEST_CASE("a gRPC probe over TLS wants SERVING, and a certificate unless it is told not to look", "[agent]") {
  TlsServer server;
  RealLoop loop;
  SocketProbe probe(loop);
  const auto ask = [&](const std::string& service, bool skip_verify) {
    GrpcProbe asked{"127.0.0.1:" + std::to_string(server.port), service, true, skip_verify};
    return run<Result<void>>(loop, probe.grpc(std::move(asked), 20s));
  };

  CHECK(ask("", true).ok());
  CHECK(ask("up", true).ok());
  CHECK(ask("down", true).error().message.ends_with("answers NOT_SERVING"));
  CHECK(ask("nobody", true).error().message.ends_with("knows no health of this service"));
  CHECK(ask("up", false).error().message.find("certificate") != std::string::npos);

  GrpcProbe named{"127.0.0.1:" + std::to_string(server.port), "up", true, true, "localhost"};
  CHECK(run<Result<void>>(loop, probe.grpc(named, 20s)).ok());
  named.tls_skip_verify = false;
  CHECK(run<Result<void>>(loop, probe.grpc(named, 20s)).error().message.find("https://localhost:") != std::string::npos);
  server.server->Shutdown();
  CHECK(ask("up", true).error().code == Code::unavailable);
}

}  // namespace drover::agent
