#include "agent/session/grpc_link.h"

#include "base/rpc/client.h"
#include "base/rpc/duplex.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

constexpr Duration call_max = 10s;

/// A stream that keeps its connection while it lives.
template <class Out, class In>
class Held final : public Duplex<Out, In> {
 public:
  Held(std::shared_ptr<rpc::Channel> channel, std::unique_ptr<rpc::ByteDuplex> bytes)
      : channel_(std::move(channel)), messages_(std::move(bytes)) {}

  Result<void> send(Out message) override { return messages_.send(std::move(message)); }
  Async<Result<In>> receive() override { return messages_.receive(); }
  void close(std::string reason) override { messages_.close(std::move(reason)); }

 private:
  std::shared_ptr<rpc::Channel> channel_;  // first: the stream ends before its connection
  rpc::MessageDuplex<Out, In> messages_;
};

template <class Out, class In>
std::unique_ptr<Duplex<Out, In>> open(Loop& loop, std::shared_ptr<rpc::Channel> channel, const std::string& method) {
  auto bytes = rpc::duplex_of(
      loop, [&channel, &method](rpc::CallEvents events) { return channel->open(method, std::move(events)); });
  return std::make_unique<Held<Out, In>>(std::move(channel), std::move(bytes));
}

}  // namespace

GrpcLink::GrpcLink(Loop& loop, std::vector<std::string> servers, std::shared_ptr<const rpc::Tls> tls)
    : loop_(loop), servers_(std::move(servers)), tls_(std::move(tls)) {
  DROVER_ASSERT(!servers_.empty());
}

GrpcLink::~GrpcLink() = default;

Async<Result<std::unique_ptr<Session>>> GrpcLink::dial() {
  rpc::Channel::Options options;
  if (tls_) options.tls = *tls_;
  channel_ = std::make_shared<rpc::Channel>(servers_[next_++ % servers_.size()], options);
  co_return open<model::FromAgent, model::ToAgent>(loop_, channel_, "/drover.model.Agents/Session");
}

Async<Result<std::unique_ptr<Tunnel>>> GrpcLink::open_tunnel() {
  if (!channel_) co_return fail(Code::unavailable, "open a tunnel: there is no session with a server");
  co_return open<model::TunnelFrame, model::TunnelFrame>(loop_, channel_, "/drover.model.Agents/Tunnel");
}

Async<Result<model::CallResponse>> GrpcLink::call(model::CallRequest request) {
  const std::shared_ptr<rpc::Channel> channel = channel_;
  if (!channel) co_return fail(Code::unavailable, "call '{}': there is no session with a server", request.method());
  rpc::CallOptions options{.deadline = call_max};
  std::string method = "/drover.model.Agents/Call";
  auto reply = co_await rpc::call<model::CallResponse>(*channel, loop_, std::move(method), std::move(request), options);
  if (!reply.first.ok()) co_return rpc::error_of(reply.first);
  co_return std::move(reply.second);
}

void GrpcLink::use_servers(std::vector<std::string> addresses) {
  if (addresses.empty()) return;
  servers_ = std::move(addresses);
  next_ = 0;
}

}  // namespace drover::agent
