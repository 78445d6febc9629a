#include "conformance/caller.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace drover::conformance {
namespace {

constexpr std::size_t read_ahead_max = 256;  // then the driver feels that nobody reads

}  // namespace

struct Stream::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> messages;
  std::optional<rpc::Status> status;
  std::weak_ptr<rpc::Call> call;
  bool reading = true;
  Watch watch;
  int number = 0;
  std::string method;

  void tell(Step::Kind kind, const std::string& bytes, const rpc::Status& how) const {
    if (watch) watch(Step{kind, number, method, bytes, how});
  }

  void received(std::string message) {
    tell(Step::Kind::received, message, {});
    std::shared_ptr<rpc::Call> again;
    {
      const std::lock_guard lock(mutex);
      messages.push_back(std::move(message));
      reading = messages.size() < read_ahead_max;
      if (reading) again = call.lock();
      changed.notify_all();
    }
    if (again) again->read();
  }

  void ended(rpc::Status how) {
    tell(Step::Kind::ended, {}, how);
    const std::lock_guard lock(mutex);
    status = std::move(how);
    changed.notify_all();
  }
};

Stream::Stream(rpc::Channel& channel, const std::string& method, Duration deadline, Watch watch) : state_(std::make_shared<State>()) {
  static std::atomic<int> calls = 0;
  state_->watch = std::move(watch);
  state_->number = ++calls;
  state_->method = method;
  rpc::CallEvents events;
  events.received = [state = state_](std::string message) { state->received(std::move(message)); };
  events.ended = [state = state_](rpc::Status how) { state->ended(std::move(how)); };
  call_ = channel.open(method, std::move(events), rpc::CallOptions{deadline, false});
  {
    const std::lock_guard lock(state_->mutex);
    state_->call = call_;
  }
  call_->read();
}

Stream::~Stream() {
  call_->cancel();
  static_cast<void>(ended(std::chrono::seconds(5)));
}

bool Stream::send(std::string message) {
  state_->tell(Step::Kind::sent, message, {});
  return call_->send(std::move(message)).ok();
}

void Stream::close_sending() { call_->close(); }

void Stream::cancel() { call_->cancel(); }

std::optional<std::string> Stream::next(Duration limit) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, limit, [this] { return !state_->messages.empty() || state_->status; });
  if (state_->messages.empty()) return std::nullopt;
  std::string message = std::move(state_->messages.front());
  state_->messages.pop_front();
  const bool read_on = !state_->reading;
  state_->reading = true;
  lock.unlock();
  if (read_on) call_->read();
  return message;
}

std::optional<rpc::Status> Stream::ended(Duration limit) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, limit, [this] { return state_->status.has_value(); });
  return state_->status;
}

rpc::Reply call(rpc::Channel& channel, const std::string& method, const std::string& request, Duration deadline, Watch watch) {
  Stream stream(channel, method, deadline, std::move(watch));
  stream.send(request);
  stream.close_sending();
  const std::optional<rpc::Status> status = stream.ended(deadline + std::chrono::seconds(2));
  rpc::Reply reply;
  reply.status = status.value_or(rpc::Status{rpc::StatusCode::deadline_exceeded, "no answer", {}});
  reply.body = stream.next(Duration::zero()).value_or("");
  return reply;
}

}  // namespace drover::conformance
