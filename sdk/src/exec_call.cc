#include "sdk/src/exec_call.h"

#include <algorithm>
#include <thread>

#include "sdk/src/driver_server.h"

namespace drover::sdk {

namespace drivers = hashicorp::nomad::plugins::drivers::proto;

ExecCall::ExecCall(std::shared_ptr<rpc::Call> call, Workers& pool, Start start)
    : call_(std::move(call)), pool_(pool), start_(std::move(start)) {}

void ExecCall::received(const std::string& bytes) {
  drivers::ExecTaskStreamingRequest frame;
  if (!frame.ParseFromString(bytes)) {
    return call_->close(rpc::Status{rpc::StatusCode::unknown, "the frame cannot be parsed", {}});
  }
  if (begun_) return on_pool([self = shared_from_this(), frame] { self->feed(frame); });
  begun_ = true;
  if (!frame.has_setup()) {
    return call_->close(rpc::Status{rpc::StatusCode::unknown, "first message should always be setup", {}});
  }
  if (frame.setup().command().empty()) {
    return call_->close(rpc::Status{rpc::StatusCode::unknown, "the command is empty", {}});
  }
  on_pool([self = shared_from_this(), setup = frame.setup()] { self->begin(setup); });
}

void ExecCall::begin(const Setup& setup) {
  terminal_ = setup.tty();
  ExecSession::Handlers handlers;
  handlers.output = [self = shared_from_this()](bool is_stderr, std::string_view bytes) { self->output(is_stderr, bytes); };
  handlers.exited = [self = shared_from_this()](int code, int signal) { self->exited(code, signal); };
  Result<std::unique_ptr<ExecSession>> session = start_(setup, std::move(handlers));
  if (!session) return call_->close(status_of_driver(session.error(), false));

  std::shared_ptr<ExecSession> begun = std::move(*session);
  {
    const std::lock_guard lock(mutex_);
    if (!over_) session_ = begun;  // else it has ended, or its caller gone, before we got here
  }
  call_->read();
}

void ExecCall::feed(const drivers::ExecTaskStreamingRequest& frame) {
  std::shared_ptr<ExecSession> session;
  {
    const std::lock_guard lock(mutex_);
    session = session_;
  }
  if (session) {
    if (frame.has_tty_size()) static_cast<void>(session->resize(frame.tty_size().height(), frame.tty_size().width()));
    // A command that reads no more is no error of the call.
    if (!frame.stdin().data().empty()) static_cast<void>(session->write_stdin(frame.stdin().data()));
    if (frame.stdin().close()) session->close_stdin();
  }
  call_->read();
}

void ExecCall::output(bool is_stderr, std::string_view bytes) {
  do {
    drivers::ExecTaskStreamingResponse frame;
    auto& operation = is_stderr ? *frame.mutable_stderr() : *frame.mutable_stdout();
    if (bytes.empty()) {
      bool& closed = is_stderr ? err_closed_ : out_closed_;
      if (closed) return;
      closed = true;
      operation.set_close(true);
    } else {
      operation.set_data(std::string(bytes.substr(0, frame_bytes_max)));
    }
    send(frame);
    bytes.remove_prefix(std::min(bytes.size(), frame_bytes_max));
  } while (!bytes.empty());
}

void ExecCall::exited(int code, int signal) {
  if (!out_closed_) output(false, {});
  if (!terminal_ && !err_closed_) output(true, {});
  drivers::ExecTaskStreamingResponse frame;
  frame.set_exited(true);
  frame.mutable_result()->set_exit_code(code);
  frame.mutable_result()->set_signal(signal);
  send(frame);
  call_->close();
  drop_session();
}

/// Waits while the caller reads slowly.
void ExecCall::send(const drivers::ExecTaskStreamingResponse& frame) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return over_ || call_->queued() < frames_waiting_max; });
  if (!over_) static_cast<void>(call_->send(frame.SerializeAsString()));
}

void ExecCall::sent() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void ExecCall::ended() { drop_session(); }

/// The session's destructor kills the command and waits for its handlers. So it never runs under the lock, which a handler
/// may want, and not here: this may be the session's own thread, or one of gRPC.
void ExecCall::drop_session() {
  std::shared_ptr<ExecSession> session;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
    session = std::move(session_);
  }
  if (!session) return;
  session->kill();
  // The job empties the box; whoever drops the box last finds it empty.
  const auto box = std::make_shared<std::shared_ptr<ExecSession>>(std::move(session));
  const std::function<void()> let_go = [box] { box->reset(); };
  if (!pool_.submit(let_go)) std::thread(let_go).detach();
}

void ExecCall::on_pool(std::function<void()> job) {
  const Result<void> taken = pool_.submit(std::move(job));
  if (!taken) call_->close(rpc::Status{rpc::StatusCode::resource_exhausted, taken.error().message, {}});
}

}  // namespace drover::sdk
