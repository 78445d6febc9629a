#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk/shim/protocol.h"
#include "sdk/shim/supervised.h"

// Commands beside a task: a shim in mode exec runs them; one thread a session moves the bytes.
namespace drover::sdk::shim {

namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;
constexpr int stdin_poll_ms = 100;

/// Writing into a pipe that nobody reads must not kill the program.
ssize_t write_quietly(int fd, const char* bytes, std::size_t size) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t put = ::write(fd, bytes, size);
  const int error = errno;
  const timespec at_once{};
  if (put < 0 && error == EPIPE) ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return put;
}

struct Channel {
  Fd ours, theirs;
};

Result<Channel> make_channel(bool we_read) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::unavailable, "make a pipe: {}", std::strerror(errno));
  return Channel{Fd(ends[we_read ? 0 : 1]), Fd(ends[we_read ? 1 : 0])};
}

Result<Channel> open_terminal() {
  Channel terminal;
  terminal.ours = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  std::array<char, 64> name{};
  if (!terminal.ours.is_open() || ::grantpt(terminal.ours.get()) != 0 || ::unlockpt(terminal.ours.get()) != 0 ||
      ::ptsname_r(terminal.ours.get(), name.data(), name.size()) != 0)
    return fail(Code::unavailable, "open a terminal: {}", std::strerror(errno));
  terminal.theirs = Fd(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.theirs.is_open()) return fail(Code::unavailable, "open terminal {}: {}", name.data(), std::strerror(errno));
  return terminal;
}

class ShimSession final : public ExecSession {
 public:
  explicit ShimSession(Handlers handlers) : handlers_(std::move(handlers)), wake_(::eventfd(0, EFD_CLOEXEC)) {}
  ~ShimSession() override {
    kill();
    stopping_ = true;
    ::eventfd_write(wake_.get(), 1);
    if (thread_.joinable()) thread_.join();
  }

  Result<void> start(const std::string& shim_path, const SpecText& spec, const ExecSpec& exec);

  Result<void> write_stdin(std::string_view bytes) override;
  void close_stdin() override;
  Result<void> resize(int rows, int columns) override;
  void kill() override {
    const std::lock_guard lock(lifeline_mutex_);
    lifeline_.close();  // the shim ends all it started, if anything still runs
  }

 private:
  struct Stream {
    Fd fd;
    bool is_stderr = false;
  };
  void run();
  bool read_some(Stream& stream);
  void finish();

  Handlers handlers_;
  Fd wake_;
  std::mutex lifeline_mutex_;
  Fd lifeline_;
  Fd report_;
  std::mutex stdin_mutex_;
  Fd stdin_;
  Fd terminal_;  ///< for resize; its own descriptor
  Stream out_, err_;
  int shim_ = 0;
  std::atomic<bool> ended_ = false, stopping_ = false;
  std::thread thread_;
};

Result<Fd> spec_in_memory(const std::string& bytes) {
  Fd fd(::memfd_create("drover-exec", MFD_CLOEXEC));
  if (!fd.is_open() || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return fail(Code::unavailable, "tell the supervisor what to run: {}", std::strerror(errno));
  return fd;
}

Result<void> ShimSession::start(const std::string& shim_path, const SpecText& spec, const ExecSpec& exec) {
  DROVER_LET(const Fd spec_here, spec_in_memory(spec.bytes()));
  DROVER_LET(Channel lifeline, make_channel(false));
  Channel in, out, err;
  ShimStdio stdio;
  if (exec.terminal) {
    DROVER_LET(out, open_terminal());
    terminal_ = Fd(::fcntl(out.ours.get(), F_DUPFD_CLOEXEC, 0));
    in.ours = Fd(::fcntl(out.ours.get(), F_DUPFD_CLOEXEC, 0));
    stdio = {out.theirs.get(), out.theirs.get(), out.theirs.get(), lifeline.theirs.get()};
  } else {
    DROVER_LET(in, make_channel(false));
    DROVER_LET(out, make_channel(true));
    DROVER_LET(err, make_channel(true));
    ::fcntl(in.ours.get(), F_SETFL, O_NONBLOCK);
    stdio = {in.theirs.get(), out.theirs.get(), err.theirs.get(), lifeline.theirs.get()};
  }
  DROVER_LET(SpawnedShim shim, spawn_shim(shim_path, "exec", spec_here.get(), stdio));
  for (Channel* channel : {&in, &out, &err, &lifeline}) channel->theirs.close();
  const auto started = read_start_report(shim.report, text("'{}'", exec.argv.front()));
  if (!started.ok()) {
    ::kill(shim.pid, SIGKILL);
    ::waitpid(shim.pid, nullptr, 0);
    return started.error();
  }
  shim_ = shim.pid;
  report_ = std::move(shim.report);
  lifeline_ = std::move(lifeline.ours);
  stdin_ = std::move(in.ours);
  out_ = {std::move(out.ours), false};
  err_ = {std::move(err.ours), true};
  thread_ = std::thread([this] { run(); });
  return {};
}

/// Until both streams have ended. A stream's end comes at the latest when the shim has killed what still writes.
void ShimSession::run() {
  while (!stopping_ && (out_.fd.is_open() || err_.fd.is_open())) {
    pollfd waits[] = {{out_.fd.get(), POLLIN, 0}, {err_.fd.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(waits, 3, -1) < 0) continue;
    if (waits[0].revents != 0 && !read_some(out_)) out_.fd.close();
    if (waits[1].revents != 0 && !read_some(err_)) err_.fd.close();
  }
  finish();
}

/// False at the end of the stream (a terminal's end is EIO).
bool ShimSession::read_some(Stream& stream) {
  std::array<char, chunk_bytes> chunk;
  const ssize_t got = ::read(stream.fd.get(), chunk.data(), chunk.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  const std::string_view bytes(chunk.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (handlers_.output && !stopping_) handlers_.output(stream.is_stderr, bytes);
  return got > 0;
}

void ShimSession::finish() {
  EndReport end{-1, 0};
  ssize_t got;
  do got = ::read(report_.get(), &end, sizeof end);
  while (got < 0 && errno == EINTR);
  ::waitpid(shim_, nullptr, 0);
  ended_ = true;
  if (got != sizeof end) end = {128 + SIGKILL, SIGKILL};
  if (handlers_.exited && !stopping_) handlers_.exited(end.code, end.signal);
}

Result<void> ShimSession::write_stdin(std::string_view bytes) {
  const std::lock_guard lock(stdin_mutex_);
  while (!bytes.empty()) {
    if (!stdin_.is_open() || ended_) return fail(Code::unavailable, "the command reads no more input");
    const ssize_t put = write_quietly(stdin_.get(), bytes.data(), bytes.size());
    if (put > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
      continue;
    }
    if (put < 0 && errno != EAGAIN && errno != EINTR) return fail(Code::unavailable, "the command reads no more input");
    pollfd wait{stdin_.get(), POLLOUT, 0};
    ::poll(&wait, 1, stdin_poll_ms);
  }
  return {};
}

void ShimSession::close_stdin() {
  const std::lock_guard lock(stdin_mutex_);
  if (!terminal_.is_open()) return stdin_.close();
  constexpr char end_of_input = 4;  // a terminal has no end: what a person would type
  if (stdin_.is_open()) write_quietly(stdin_.get(), &end_of_input, 1);
}

Result<void> ShimSession::resize(int rows, int columns) {
  if (!terminal_.is_open()) return fail(Code::invalid, "the command has no terminal");
  winsize size{};
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  if (::ioctl(terminal_.get(), TIOCSWINSZ, &size) != 0) return fail(Code::internal, "resize the terminal: {}", std::strerror(errno));
  return {};
}

}  // namespace

Result<std::unique_ptr<ExecSession>> start_exec(const std::string& shim_path, const SpecText& spec, const ExecSpec& exec, ExecSession::Handlers handlers) {
  auto session = std::make_unique<ShimSession>(std::move(handlers));
  DROVER_TRY(session->start(shim_path, spec, exec));
  return std::unique_ptr<ExecSession>(std::move(session));
}

}  // namespace drover::sdk::shim
