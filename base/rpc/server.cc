#include "base/rpc/server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <deque>
#include <mutex>

#include "base/rpc/grpc_types.h"
#include "base/rpc/idle_phase.h"

namespace drover::rpc {
namespace {

/// A call seen from the server. Operations start under `mutex_`, so that none starts after Finish; events are told under
/// `telling_`, because a cancellation may come beside a message.
class ServerCall final : public Call, public grpc::ServerGenericBidiReactor {
 public:
  explicit ServerCall(grpc::GenericCallbackServerContext& context) : context_(context) {}

  void accept(const Server::Acceptor& acceptor, std::shared_ptr<ServerCall> self) {
    self_ = self;
    const Incoming incoming{context_.method(), context_.peer()};
    const std::lock_guard telling(telling_);
    events_ = acceptor(std::move(self), incoming);
  }

  void read() override {
    const std::lock_guard lock(mutex_);
    if (!finished_) StartRead(&in_);
  }

  Result<void> send(std::string message) override {
    const std::lock_guard lock(mutex_);
    if (finished_ || closing_) return fail(Code::unavailable, "the call has ended");
    if (queue_.size() >= send_queue_max) return fail(Code::exhausted, "{} messages wait to be sent", send_queue_max);
    queue_.push_back(std::move(message));
    write_next();
    return {};
  }

  std::size_t queued() const override {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }

  void close(Status status) override {
    const std::lock_guard lock(mutex_);
    if (finished_ || closing_) return;
    closing_ = std::move(status);
    write_next();
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    context_.TryCancel();
    finish(Status{StatusCode::cancelled, "cancelled by the server", {}});
  }

 private:
  void OnReadDone(bool ok) override {
    const std::lock_guard telling(telling_);
    if (ok && events_.received) return events_.received(from_buffer(in_));
    if (!ok && events_.no_more) events_.no_more();
  }

  void OnWriteDone(bool ok) override {
    write_done(ok);
    tell_sent();
  }

  void write_done(bool ok) {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (finished_) return;
    if (!ok) return finish(Status{StatusCode::unavailable, "the client is gone", {}});
    write_next();
  }

  void tell_sent() {
    const std::lock_guard telling(telling_);
    if (events_.sent) events_.sent();
  }

  void OnCancel() override {
    {
      const std::lock_guard lock(mutex_);
      if (!finished_) finish(Status{StatusCode::cancelled, "cancelled by the client", {}});
    }
    tell_end(Status{StatusCode::cancelled, "cancelled by the client", {}});
  }

  void OnDone() override {
    const std::shared_ptr<ServerCall> self = std::move(self_);
    tell_end(Status{});
  }

  void tell_end(const Status& status) {
    const std::lock_guard telling(telling_);
    const CallEvents events = std::move(events_);
    events_ = {};
    if (events.ended) events.ended(status);
  }

  void write_next() {
    if (writing_ || finished_) return;
    if (!queue_.empty()) {
      out_ = to_buffer(queue_.front());
      queue_.pop_front();
      writing_ = true;
      StartWrite(&out_);
    } else if (closing_) {
      finish(*closing_);
    }
  }

  void finish(const Status& status) {
    finished_ = true;
    queue_.clear();
    Finish(to_grpc(status));
  }

  grpc::GenericCallbackServerContext& context_;
  std::shared_ptr<ServerCall> self_;  // until OnDone
  grpc::ByteBuffer in_;

  std::mutex telling_;
  CallEvents events_;

  mutable std::mutex mutex_;
  grpc::ByteBuffer out_;
  std::deque<std::string> queue_;
  std::optional<Status> closing_;
  bool writing_ = false;
  bool finished_ = false;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(Server::Acceptor acceptor) : acceptor_(std::move(acceptor)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    auto call = std::make_shared<ServerCall>(*context);
    call->accept(acceptor_, call);
    return call.get();
  }

 private:
  Server::Acceptor acceptor_;
};

std::shared_ptr<grpc::ServerCredentials> credentials_of(const std::optional<Tls>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls->trusted_roots;
  options.pem_key_cert_pairs.push_back({tls->key, tls->certificate});
  return grpc::SslServerCredentials(options);
}

}  // namespace

class Server::Impl {
 public:
  Impl(Options options, Acceptor acceptor) : options_(std::move(options)), service_(std::move(acceptor)) {}

  ~Impl() {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(options_.stop_grace));
    server_->Wait();
  }

  Result<void> listen() {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(message_max);
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, metadata_max);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on one port is a mistake, not a feature
    if (options_.keepalive > Duration::zero()) {
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.keepalive).count();
      builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(ms));
      builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(ms));
      builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, static_cast<int>(ms / 2));
    }
    builder.AddListeningPort(options_.address, credentials_of(options_.tls), &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) return fail(Code::unavailable, "cannot listen on {}: is the address in use?", options_.address);
    return {};
  }

  int port() const { return port_; }

 private:
  Options options_;
  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Options options, Acceptor acceptor) {
  shorten_idle_phase();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(acceptor));
  DROVER_TRY(impl->listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

int Server::port() const { return impl_->port(); }

}  // namespace drover::rpc
