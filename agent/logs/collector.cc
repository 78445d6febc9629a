#include "agent/logs/collector.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/process/launch.h"

namespace drover::agent::logs {

namespace {

constexpr Duration ready_limit = 5s;     // from launching the program until it answers
constexpr Duration ready_pause = 2ms;
constexpr Duration answer_limit = 20s;
constexpr Duration retry_pause_min = 50ms;
constexpr Duration retry_pause_max = 5s;

Result<Fd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Code::invalid, "the socket path {} is longer than {} bytes", path, sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(Code::unavailable, "connect to the log collector at {}: {}", path, std::strerror(errno));
  return socket;
}

}  // namespace

struct Collector::Connection {
  Connection(Loop& loop, Fd socket) : descriptor(loop.executor(), socket.release()) {}
  boost::asio::posix::stream_descriptor descriptor;
};

Collector::Collector(Loop& loop, Settings settings) : loop_(loop), settings_(std::move(settings)), changed_(loop), background_(loop) {}
Collector::~Collector() = default;

Async<Result<void>> Collector::start() {
  background_.spawn(keep_connected());
  const std::uint64_t before = attempts_;
  while (connection_ == nullptr && attempts_ == before) {
    const bool woken = co_await changed_.wait();
    if (!woken) co_return fail(Code::cancelled, "the start of the log collector was cancelled");
  }
  if (connection_ == nullptr) co_return fail(Code::unavailable, "{}", last_failure_);
  co_return Result<void>();
}

Async<void> Collector::keep_connected() {
  Duration pause = retry_pause_min;
  for (;;) {
    const Result<void> connected = co_await connect_or_launch();
    ++attempts_;
    if (connected.ok()) {
      co_await tell_all_again();
      changed_.notify();
      pause = retry_pause_min;
    } else {
      last_failure_ = connected.error().message;
      warn(text("no log collector, output waits in the FIFOs: {}", last_failure_));
      changed_.notify();
      const bool slept = co_await loop_.sleep(pause);
      if (!slept) co_return;
      pause = std::min(pause * 2, retry_pause_max);
    }
    while (connection_ != nullptr) {
      const bool woken = co_await changed_.wait();
      if (!woken) co_return;
    }
  }
}

Async<Result<void>> Collector::connect_or_launch() {
  if (try_connect().ok()) co_return Result<void>();
  DROVER_CO_TRY(launch_program());
  const Duration deadline = loop_.uptime() + ready_limit;
  for (;;) {
    const Result<void> connected = try_connect();
    if (connected.ok()) co_return Result<void>();
    if (loop_.uptime() >= deadline) co_return connected.error();
    const bool slept = co_await loop_.sleep(ready_pause);
    if (!slept) co_return fail(Code::cancelled, "stopped while the log collector started");
  }
}

Result<void> Collector::try_connect() {
  DROVER_LET(Fd socket, connect_to(settings_.socket_path));
  connection_ = std::make_shared<Connection>(loop_, std::move(socket));
  await_answers();
  return {};
}

Result<void> Collector::launch_program() {
  const std::string log_path = settings_.socket_path + ".log";
  const Fd log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  LaunchSpec spec;
  spec.program = settings_.program;
  spec.args = {settings_.socket_path};
  spec.cwd = "/";
  spec.stderr_fd = log.get();
  DROVER_LET(child_, launch(loop_, spec));
  return {};
}

Async<void> Collector::tell_all_again() {
  const auto all = wanted_;
  for (const auto& [key, wanted] : all) {
    if (connection_ == nullptr || wanted_.count(key) == 0) continue;
    Request request{0, Operation::add, key.first, key.second, wanted->limits.files_max, wanted->limits.file_size_max};
    std::vector<int> descriptors{wanted->fifos.folder.get(), wanted->fifos.stdout_read.get(), wanted->fifos.stderr_read.get()};
    const Result<void> added = co_await call(std::move(request), std::move(descriptors));
    if (!added.ok()) warn(text("collect the output of task {} of {}: {}", key.second, key.first, added.error().message));
  }
}

void Collector::await_answers() {
  const auto on_readable = [this, weak = std::weak_ptr(connection_)](const boost::system::error_code& error) {
    const auto connection = weak.lock();
    if (!connection || error || connection != connection_) return;
    take_answers();
  };
  connection_->descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read, on_readable);
}

void Collector::take_answers() {
  for (;;) {
    auto packet = receive_packet(connection_->descriptor.native_handle());
    if (!packet.ok()) return disconnect();
    if (packet->bytes.empty()) return await_answers();
    const auto answer = parse_answer(packet->bytes);
    if (!answer.ok()) return disconnect();
    const auto found = calls_.find(answer->number);
    if (found == calls_.end()) continue;  // its caller has given up
    found->second->answer = *answer;
    calls_.erase(found);
    changed_.notify();
  }
}

void Collector::disconnect() {
  connection_.reset();
  for (const auto& [number, call] : calls_) call->lost = true;
  calls_.clear();
  changed_.notify();
}

/// One request and its answer; `unavailable` when the connection was lost meanwhile.
Async<Result<void>> Collector::call(Request request, std::vector<int> descriptors) {
  if (connection_ == nullptr) co_return fail(Code::unavailable, "the log collector is away");
  request.number = next_number_++;
  const std::uint64_t number = request.number;
  const auto sent = send_packet(connection_->descriptor.native_handle(), encode(request), descriptors);
  if (!sent.ok()) {
    disconnect();
    co_return fail(Code::unavailable, "{}", sent.error().message);
  }
  const auto pending = std::make_shared<Call>();
  calls_.emplace(number, pending);
  const Duration deadline = loop_.uptime() + answer_limit;
  while (!pending->answer && !pending->lost) {
    const bool waited = co_await changed_.wait_for(answer_limit);
    const bool late = loop_.uptime() >= deadline;
    if (pending->answer || pending->lost) break;
    if (waited && !late) continue;
    calls_.erase(number);
    co_return waited ? fail(Code::timeout, "the log collector does not answer") : fail(Code::cancelled, "a request to the log collector was cancelled");
  }
  if (pending->lost) co_return fail(Code::unavailable, "the log collector has gone");
  if (!pending->answer->error.empty()) co_return fail(Code::internal, "{}", pending->answer->error);
  co_return Result<void>();
}

/// As call(), but survives the collector: asks its successor.
Async<Result<void>> Collector::call_until_answered(Operation operation, Key key) {
  const Duration deadline = loop_.uptime() + answer_limit;
  for (;;) {
    const auto found = wanted_.find(key);
    if (found == wanted_.end()) co_return Result<void>();
    const std::shared_ptr<const Wanted> wanted = found->second;
    Request request{0, operation, key.first, key.second, wanted->limits.files_max, wanted->limits.file_size_max};
    std::vector<int> descriptors;
    if (operation == Operation::add) descriptors = {wanted->fifos.folder.get(), wanted->fifos.stdout_read.get(), wanted->fifos.stderr_read.get()};
    const Result<void> answered = co_await call(std::move(request), std::move(descriptors));
    if (answered.ok() || answered.error().code != Code::unavailable) co_return answered;
    if (loop_.uptime() >= deadline) co_return answered;
    const bool waited = co_await changed_.wait_for(deadline - loop_.uptime());
    if (!waited) co_return fail(Code::cancelled, "a request to the log collector was cancelled");
  }
}

Async<Result<Collector::Paths>> Collector::add(std::string alloc_id, std::string task, std::string log_folder, Limits limits) {
  DROVER_CO_LET(Fifos fifos, open_fifos(log_folder, task));
  const Paths paths{fifos.stdout_path, fifos.stderr_path};
  const Key key(alloc_id, task);
  const auto wanted = std::make_shared<Wanted>();
  wanted->fifos = std::move(fifos);
  wanted->limits = limits;
  wanted_[key] = wanted;
  const Result<void> added = co_await call_until_answered(Operation::add, key);
  if (!added.ok()) co_return added.error().within(text("collect the output of task {}", task));
  co_return paths;
}

Async<Result<void>> Collector::remove(std::string alloc_id, std::string task) {
  const Key key(alloc_id, task);
  if (wanted_.count(key) == 0) co_return Result<void>();
  const Result<void> removed = co_await call_until_answered(Operation::remove, key);
  wanted_.erase(key);
  co_return removed;
}

Async<void> Collector::stop() {
  co_await background_.stop();
  disconnect();
  wanted_.clear();
}

Async<void> Collector::end() {
  co_await background_.stop();  // or it would start the next one
  Request request;
  request.operation = Operation::end;
  std::vector<int> none;
  const Result<void> ended = co_await call(std::move(request), std::move(none));
  if (!ended.ok()) warn(text("end the log collector: {}", ended.error().message));
  disconnect();
  wanted_.clear();
}

void Collector::warn(const std::string& what) const {
  if (settings_.warn) settings_.warn(what);
}

}  // namespace drover::agent::logs
