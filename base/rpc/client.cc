#include "base/rpc/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>

#include "base/loop/signal.h"
#include "base/rpc/grpc_types.h"
#include "base/rpc/idle_phase.h"

namespace drover::rpc {
namespace {

/// A connection is given up after that long. gRPC takes it from the shortest pause between two attempts.
constexpr int connect_ms_max = 3000;

using Reactor = grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

void prepare(grpc::ClientContext& context, const CallOptions& options) {
  context.set_wait_for_ready(options.wait_for_ready);
  if (options.deadline > Duration::zero()) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(options.deadline));
  }
}

/// The calls in flight, so that a channel can end them all and wait: they post to loops that live no longer than it does.
/// A call holds the channel through its context and lets go of it before remove(): on a thread of gRPC the last
/// reference to a channel must never fall, because its destructor joins those threads.
class InFlight {
 public:
  using Number = std::uint64_t;  // not its address: another call may live there before this one is removed

  Number add(std::function<void()> cancel) {
    const std::lock_guard lock(mutex_);
    calls_.emplace(++last_, std::move(cancel));
    return last_;
  }

  /// The call is about to be destroyed: it is waited for, but not cancelled any more.
  void is_ending(Number call) {
    const std::lock_guard lock(mutex_);
    calls_[call] = nullptr;
  }

  void remove(Number call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
    if (calls_.empty()) none_left_.notify_all();
  }

  void end_all() {
    std::unique_lock lock(mutex_);
    for (const auto& [call, cancel] : calls_) {
      if (cancel) cancel();
    }
    none_left_.wait(lock, [this] { return calls_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::map<Number, std::function<void()>> calls_;
  Number last_ = 0;
};

/// A stream seen from the client. Operations start under the lock, so that none starts after the hold is gone; gRPC
/// never runs reactions within the call that starts an operation.
class ClientCall final : public Call, public Reactor {
 public:
  ClientCall(CallEvents events, InFlight& in_flight) : events_(std::move(events)), in_flight_(in_flight) {}

  void start(grpc::GenericStub& stub, const std::string& method, const CallOptions& options,
             std::shared_ptr<ClientCall> self) {
    self_ = std::move(self);
    number_ = in_flight_.add([this] { cancel(); });
    prepare(context_, options);
    stub.PrepareBidiStreamingCall(&context_, method, {}, this);
    AddHold();
    StartCall();
  }

  void read() override {
    const std::lock_guard lock(mutex_);
    if (!released_) StartRead(&in_);
  }

  Result<void> send(std::string message) override {
    const std::lock_guard lock(mutex_);
    if (released_ || closing_ || sends_fail_) return fail(Code::unavailable, "the call has ended");
    if (queue_.size() >= send_queue_max) return fail(Code::exhausted, "{} messages wait to be sent", send_queue_max);
    queue_.push_back(std::move(message));
    write_next();
    return {};
  }

  std::size_t queued() const override {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }

  void close(Status) override {
    const std::lock_guard lock(mutex_);
    if (released_ || closing_) return;
    closing_ = true;
    write_next();
  }

  void cancel() override {
    context_.TryCancel();
    const std::lock_guard lock(mutex_);
    queue_.clear();
    release();
  }

 private:
  void OnReadDone(bool ok) override {
    if (ok) return events_.received(from_buffer(in_));
    const std::lock_guard lock(mutex_);
    release();
  }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      // The server has ended the call. What it said last is still to be read; the read that finds nothing more ends the call here.
      if (!ok) sends_fail_ = true;
      write_next();
    }
    if (events_.sent) events_.sent();
  }

  void OnDone(const grpc::Status& status) override {
    std::shared_ptr<ClientCall> self = std::move(self_);
    {
      const std::lock_guard lock(mutex_);
      released_ = true;
    }
    if (events_.ended) events_.ended(from_grpc(status));
    events_ = {};
    InFlight& in_flight = in_flight_;
    const InFlight::Number number = number_;
    in_flight.is_ending(number);
    self.reset();
    in_flight.remove(number);
  }

  void write_next() {
    if (writing_ || released_ || sends_fail_) return;
    if (!queue_.empty()) {
      out_ = to_buffer(queue_.front());
      queue_.pop_front();
      writing_ = true;
      StartWrite(&out_);
    } else if (closing_ && !closed_) {
      closed_ = true;
      StartWritesDone();
    }
  }

  void release() {
    if (released_) return;
    released_ = true;
    RemoveHold();
  }

  grpc::ClientContext context_;
  CallEvents events_;
  InFlight& in_flight_;
  InFlight::Number number_ = 0;
  std::shared_ptr<ClientCall> self_;  // until OnDone
  grpc::ByteBuffer in_;

  mutable std::mutex mutex_;
  grpc::ByteBuffer out_;
  std::deque<std::string> queue_;
  bool writing_ = false;
  bool closing_ = false;
  bool closed_ = false;
  bool sends_fail_ = false;
  bool released_ = false;  // no operation may start any more
};

/// What a unary call needs until its answer is there, also when nobody waits for it any more.
struct Unary {
  explicit Unary(Loop& loop) : done(loop) {}

  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  std::optional<Status> status;  // on the loop
  Signal done;
};

grpc::ChannelArguments arguments_of(const std::string& target, const Channel::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(message_max);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, metadata_max);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A new process behind the same address never shares the broken connection of the one before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, connect_ms_max);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  if (target.starts_with("unix:")) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  if (options.tls && !options.tls->peer_name.empty()) arguments.SetSslTargetNameOverride(options.tls->peer_name);
  if (options.keepalive > Duration::zero()) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options.keepalive).count();
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(ms));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(ms));
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  }
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const std::optional<Tls>& tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = tls->trusted_roots;
  options.pem_cert_chain = tls->certificate;
  options.pem_private_key = tls->key;
  return grpc::SslCredentials(options);
}

}  // namespace

class Channel::Impl {
 public:
  Impl(const std::string& target, const Options& options)
      : stub(grpc::CreateCustomChannel(target, credentials_of(options.tls), arguments_of(target, options))) {
    shorten_idle_phase();
  }

  ~Impl() { in_flight.end_all(); }

  grpc::GenericStub stub;
  InFlight in_flight;
};

Channel::Channel(const std::string& target, const Options& options)
    : impl_(std::make_unique<Impl>(target, options)) {}

Channel::~Channel() = default;

Async<Reply> Channel::call(Loop& loop, std::string method, std::string request, CallOptions options) {
  auto unary = std::make_shared<Unary>(loop);
  prepare(unary->context, options);
  unary->request = to_buffer(request);
  const InFlight::Number number = impl_->in_flight.add([unary] { unary->context.TryCancel(); });

  auto held = std::make_shared<std::shared_ptr<Unary>>(unary);
  std::function<void(grpc::Status)> finish = [&loop, held, number, in_flight = &impl_->in_flight](const grpc::Status& status) {
    std::shared_ptr<Unary> ended = std::move(*held);
    std::function<void()> tell = [ended = std::move(ended), status = from_grpc(status)] {
      ended->status = status;
      ended->done.notify();
    };
    loop.post(std::move(tell));
    in_flight->remove(number);
  };
  impl_->stub.UnaryCall(&unary->context, method, {}, &unary->request, &unary->response, std::move(finish));

  while (!unary->status) {
    const bool woken = co_await unary->done.wait();
    if (!woken) {
      unary->context.TryCancel();
      co_return Reply{Status{StatusCode::cancelled, "the caller gave up", {}}, {}};
    }
  }
  Reply reply;
  reply.status = std::move(*unary->status);
  if (unary->response.Valid()) reply.body = from_buffer(unary->response);
  co_return reply;
}

std::shared_ptr<Call> Channel::open(const std::string& method, CallEvents events, CallOptions options) {
  auto call = std::make_shared<ClientCall>(std::move(events), impl_->in_flight);
  call->start(impl_->stub, method, options, call);
  return call;
}

}  // namespace drover::rpc
