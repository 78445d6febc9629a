#include "server/sessions/grpc_sessions.h"

#include "base/rpc/duplex.h"
#include "base/rpc/server.h"
#include "model/proto/session.pb.h"

namespace drover::server {
namespace {

constexpr std::string_view session_method = "/drover.model.Agents/Session";
constexpr std::string_view tunnel_method = "/drover.model.Agents/Tunnel";
constexpr std::string_view call_method = "/drover.model.Agents/Call";

}  // namespace

/// What calls that arrive on gRPC's threads need; outlives them all.
struct GrpcSessions::Shared {
  Shared(Loop& its_loop, Handlers its_handlers) : loop(its_loop), handlers(std::move(its_handlers)), scope(its_loop) {}

  rpc::CallEvents accept(std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming, const std::shared_ptr<Shared>& self) {
    using rpc::HalfClose;
    if (incoming.method == session_method) {
      return rpc::serve_duplex(loop, std::move(call), HalfClose::ends_the_stream, [self](std::unique_ptr<rpc::ByteDuplex> bytes) {
        self->handlers.session(std::make_unique<rpc::MessageDuplex<model::ToAgent, model::FromAgent>>(std::move(bytes)));
      });
    }
    if (incoming.method == tunnel_method) {
      return rpc::serve_duplex(loop, std::move(call), HalfClose::ends_the_stream, [self](std::unique_ptr<rpc::ByteDuplex> bytes) {
        self->handlers.tunnel(std::make_unique<rpc::MessageDuplex<model::TunnelFrame, model::TunnelFrame>>(std::move(bytes)));
      });
    }
    if (incoming.method == call_method) {
      return rpc::serve_duplex(loop, std::move(call), HalfClose::means_nothing, [self](std::unique_ptr<rpc::ByteDuplex> bytes) {
        self->scope.spawn(answer(self.get(), std::move(bytes)));
      });
    }
    call->close({rpc::StatusCode::unimplemented, "unknown method " + incoming.method, {}});
    return {};
  }

  static Async<void> answer(Shared* self, std::unique_ptr<rpc::ByteDuplex> bytes) {
    rpc::MessageDuplex<model::CallResponse, model::CallRequest> link(std::move(bytes));
    const Result<model::CallRequest> request = co_await link.receive();
    if (!request.ok()) co_return;
    model::CallResponse response = self->handlers.call(*request);
    const Result<void> sent = link.send(std::move(response));
    if (sent.ok()) link.close("");
  }

  Loop& loop;
  Handlers handlers;
  Scope scope;  // last
};

Result<std::unique_ptr<GrpcSessions>> GrpcSessions::start(Loop& loop, Options options, Handlers handlers) {
  auto sessions = std::unique_ptr<GrpcSessions>(new GrpcSessions(std::make_shared<Shared>(loop, std::move(handlers))));
  rpc::Server::Options listen{.address = options.address, .tls = {}};
  if (options.tls) listen.tls = *options.tls;
  auto started = rpc::Server::start(std::move(listen), [shared = sessions->shared_](std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming) {
    return shared->accept(std::move(call), incoming, shared);
  });
  if (!started.ok()) return started.error().within("listen for agents on " + options.address);
  sessions->server_ = std::move(*started);
  return sessions;
}

GrpcSessions::GrpcSessions(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

GrpcSessions::~GrpcSessions() = default;

Async<void> GrpcSessions::stop() { return shared_->scope.stop(); }

}  // namespace drover::server
