#include "plugins/docker/log_pump.h"

#include <drover/serve.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace drover::docker {
namespace {

using namespace std::chrono_literals;

constexpr Duration delay_min = 100ms;
constexpr Duration delay_max = 5s;
constexpr Duration sink_delay = 200ms;
constexpr std::int64_t disorder_ns_max = 10'000'000'000;
constexpr int ok = 200;
constexpr int not_found = 404;
constexpr int not_readable = 501;  ///< a log driver that cannot be read

}  // namespace

LogPump::LogPump(Engine& engine, Settings settings)
    : engine_(engine), settings_(std::move(settings)), sinks_{{settings_.stdout_path}, {settings_.stderr_path}} {}

LogPump::~LogPump() {
  for (const Sink& sink : sinks_) {
    if (sink.fd >= 0) ::close(sink.fd);
  }
}

void LogPump::begin() {
  engine_.http().post([self = shared_from_this()] {
    if (!self->stopped_ && self->open()) self->open_stream();
  });
}

bool LogPump::open() {
  Result<std::unique_ptr<LogPositionFile>> file = LogPositionFile::open(settings_.position_path);
  if (file) {
    file_ = std::move(*file);
    return true;
  }
  say_once(file.error().message);
  engine_.http().after(delay_max, [self = shared_from_this()] {
    if (!self->stopped_ && !self->file_ && self->open()) self->open_stream();
  });
  return false;
}

void LogPump::finish(std::function<void()> drained) {
  engine_.http().post([self = shared_from_this(), drained = std::move(drained)] {
    self->finishing_ = true;
    self->drained_ = drained;
    // A stream that is open ends by itself now; else the next one is the last.
    if (self->stopped_) drained();
  });
}

void LogPump::stop() {
  engine_.http().post([self = shared_from_this()] {
    self->stopped_ = true;
    if (self->stream_open_) self->engine_.http().cancel(self->stream_);
    self->stream_open_ = false;
    self->waiting_.clear();
  });
}

/// Both streams come on one connection, in the order in which the engine got them. Where one was passed on, the other was,
/// too, up to there: but for the little by which their times may be out of order.
std::int64_t LogPump::since() const {
  const std::int64_t furthest = std::max(file_->read(false).time_ns, file_->read(true).time_ns);
  return std::max<std::int64_t>(furthest - disorder_ns_max, 0);
}

void LogPump::open_stream() {
  if (stopped_) return;
  last_stream_ = finishing_;
  decoder_ = std::make_unique<LogDecoder>(settings_.is_terminal);
  for (const bool is_stderr : {false, true}) resumers_[is_stderr] = std::make_unique<LogResumer>(file_->read(is_stderr));
  refused_ = false;
  Request request;
  request.limit = Duration::zero();
  request.target = engine_.known_path("/containers/" + settings_.container + "/logs?stdout=1&stderr=1&timestamps=1" + (last_stream_ ? "" : "&follow=1"));
  if (since() != 0) request.target += "&since=" + unix_time(since());
  auto status = std::make_shared<int>(0);
  StreamEvents events;
  events.head = [status](int code) { *status = code; };
  events.data = [self = shared_from_this(), status](std::string_view bytes) { return *status != ok || self->take(bytes); };
  events.end = [self = shared_from_this(), status](const Result<void>& ended) { self->stream_ended(ended, *status); };
  stream_open_ = true;
  stream_ = engine_.http().stream(request, std::move(events));
}

bool LogPump::take(std::string_view bytes) {
  if (stopped_) return true;
  if (!waiting_.empty()) {
    refused_ = true;
    return false;
  }
  const Result<void> fed = decoder_->feed(bytes, [this](const LogEntry& entry) { take_entry(entry); });
  if (!fed) say_once(fed.error().message);
  write_waiting();
  return true;
}

void LogPump::take_entry(const LogEntry& entry) {
  const bool is_stderr = entry.is_stderr && !settings_.is_terminal;
  const std::string_view rest = resumers_[is_stderr]->remaining(entry);
  if (!rest.empty()) waiting_.push_back({is_stderr, entry.time_ns, std::string(rest)});
}

void LogPump::write_waiting() {
  while (!waiting_.empty()) {
    if (!write_front()) return;
  }
  if (!stream_open_) return go_on();
  if (refused_) engine_.http().resume(stream_);
  refused_ = false;
}

/// True when the first of those waiting was passed on whole. The position is stored before anything else happens.
bool LogPump::write_front() {
  Waiting& front = waiting_.front();
  Sink& sink = sinks_[front.is_stderr];
  while (front.done < front.bytes.size()) {
    if (sink.fd < 0 && !open_sink(sink)) return false;
    const ssize_t written = ::write(sink.fd, front.bytes.data() + front.done, front.bytes.size() - front.done);
    if (written <= 0) {
      if (errno == EINTR) continue;
      sink_refused(sink, errno);
      return false;
    }
    front.done += static_cast<std::size_t>(written);
    resumers_[front.is_stderr]->passed_on(front.time_ns, static_cast<std::size_t>(written), front.done == front.bytes.size());
    file_->write(front.is_stderr, resumers_[front.is_stderr]->position());
  }
  waiting_.pop_front();
  return true;
}

/// Full: goes on when there is room. Broken: is opened again.
void LogPump::sink_refused(Sink& sink, int why) {
  if (why == EAGAIN) return write_later(sink.fd);
  say_once(text("write to {}: {}", sink.path, std::strerror(why)));
  ::close(sink.fd);
  sink.fd = -1;
  write_later(-1);
}

/// When `fd` takes bytes, or after a while where there is none.
void LogPump::write_later(int fd) {
  if (writing_later_) return;
  writing_later_ = true;
  const auto again = [self = shared_from_this()] {
    self->writing_later_ = false;
    if (!self->stopped_) self->write_waiting();
  };
  if (fd >= 0) return engine_.http().when_writable(fd, again);
  engine_.http().after(sink_delay, again);
}

bool LogPump::open_sink(Sink& sink) {
  const std::string path = sink.path.empty() ? "/dev/null" : sink.path;
  sink.fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (sink.fd >= 0) return true;
  if (errno != ENXIO) say_once(text("open {}: {}", path, std::strerror(errno)));
  write_later(-1);
  return false;
}

void LogPump::stream_ended(const Result<void>& ended, int status) {
  stream_open_ = false;
  if (stopped_) return;
  if (ended && status != ok) {
    say_once(text("the engine gives no log of container {}: status {}", settings_.container.substr(0, 12), status));
  }
  const bool is_hopeless = ended && (status == not_readable || status == not_found);
  complete_ = is_hopeless || (ended && status == ok && last_stream_);
  if (ended && status == ok) delay_ = Duration::zero();
  if (waiting_.empty()) go_on();
}

/// The stream has ended and nothing waits: another one, or the end.
void LogPump::go_on() {
  if (stopped_) return;
  if (complete_) {
    stopped_ = true;
    const auto drained = std::move(drained_);
    if (drained) drained();
    return;
  }
  const bool at_once = finishing_ && delay_ == Duration::zero();
  delay_ = std::clamp<Duration>(delay_ * 2, delay_min, delay_max);
  engine_.http().after(at_once ? Duration::zero() : delay_, [self = shared_from_this()] {
    if (!self->stream_open_) self->open_stream();
  });
}

void LogPump::say_once(const std::string& problem) {
  if (problem == problem_) return;
  problem_ = problem;
  sdk::log(sdk::Level::warn, "log of container " + settings_.container.substr(0, 12) + ": " + problem);
}

}  // namespace drover::docker
