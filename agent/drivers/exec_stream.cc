#include "agent/drivers/exec_stream.h"

#include <deque>

#include "agent/drivers/driver_wire.h"

namespace drover::agent {
namespace {

using Request = host::driver_wire::ExecTaskStreamingRequest;
using Response = host::driver_wire::ExecTaskStreamingResponse;

void take(const host::driver_wire::ExecTaskStreamingIOOperation& operation, ExecEvent::From from, std::deque<ExecEvent>& events) {
  if (!operation.data().empty()) events.push_back({from, operation.data(), false, {}});
  if (operation.close()) events.push_back({from, {}, true, {}});
}

class DriverExecSession final : public ExecSession {
 public:
  explicit DriverExecSession(std::unique_ptr<host::DriverClient::ExecStream> stream) : stream_(std::move(stream)) {}

  // In separate frames: some drivers drop the data of a frame that closes.
  Result<void> send(ExecInput input) override {
    if (stream_ == nullptr) return fail(Code::unavailable, "the command has ended");
    if (input.size) {
      Request frame;
      frame.mutable_tty_size()->set_height(input.size->height);
      frame.mutable_tty_size()->set_width(input.size->width);
      DROVER_TRY(stream_->send(std::move(frame)));
    }
    if (!input.data.empty()) {
      Request frame;
      frame.mutable_stdin()->set_data(std::move(input.data));
      DROVER_TRY(stream_->send(std::move(frame)));
    }
    if (input.close) {
      Request frame;
      frame.mutable_stdin()->set_close(true);
      DROVER_TRY(stream_->send(std::move(frame)));
    }
    return {};
  }

  Async<Result<ExecEvent>> receive() override {
    while (events_.empty()) {
      if (stream_ == nullptr) co_return fail(Code::unavailable, "the command has ended");
      const Result<Response> frame = co_await stream_->receive();
      if (!frame) {
        if (frame.error().code != Code::cancelled) stream_ = nullptr;
        co_return frame.error();
      }
      take(frame->stdout(), ExecEvent::From::standard_output, events_);
      take(frame->stderr(), ExecEvent::From::standard_error, events_);
      if (frame->exited()) {
        events_.push_back({ExecEvent::From::exited, {}, false, from_wire(frame->result(), {})});
        stream_ = nullptr;
      }
    }
    ExecEvent event = std::move(events_.front());
    events_.pop_front();
    co_return event;
  }

  // A command that nobody watches any more is killed by its driver.
  void close(std::string) override { stream_ = nullptr; }

 private:
  std::unique_ptr<host::DriverClient::ExecStream> stream_;
  std::deque<ExecEvent> events_;
};

}  // namespace

std::unique_ptr<ExecSession> make_exec_session(std::unique_ptr<host::DriverClient::ExecStream> stream) {
  return std::make_unique<DriverExecSession>(std::move(stream));
}

}  // namespace drover::agent
