#include "conformance/launched.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace drover::conformance {
namespace {

/// One stream of the process: a thread reads it until it ends or is given up.
class Reader {
 public:
  void start(int fd) {
    fd_ = fd;
    if (::pipe2(wake_, O_CLOEXEC) != 0) wake_[0] = wake_[1] = -1;
    thread_ = std::thread([this] { read(); });
  }
  ~Reader() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    static_cast<void>(!::write(wake_[1], "x", 1));
    thread_.join();
    ::close(fd_);
    for (const int fd : wake_) ::close(fd);
  }

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

  bool ended_within(Duration limit) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return ended_; });
  }

  std::optional<std::string> first_line(Duration limit) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [this] { return ended_ || text_.find('\n') != std::string::npos; });
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    return text_.substr(0, end);
  }

 private:
  void read() {
    std::array<char, 16384> chunk;
    for (;;) {
      pollfd waits[] = {{fd_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
      if (::poll(waits, 2, -1) < 0 && errno != EINTR) break;
      if (waits[1].revents != 0) return;
      if (waits[0].revents == 0) continue;
      const ssize_t got = ::read(fd_, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      const std::lock_guard lock(mutex_);
      if (text_.size() < Launched::output_kept_max) text_.append(chunk.data(), static_cast<std::size_t>(got));
      changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  int fd_ = -1;
  int wake_[2] = {-1, -1};
  std::thread thread_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& one : texts) out.push_back(one.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

struct Launched::State {
  pid_t pid = -1;
  int pidfd = -1;
  std::optional<Ended> ended;
  Reader out, err;
};

Launched::Launched(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Launched>> Launched::start(const LaunchHow& how) {
  if (::access(how.program.c_str(), X_OK) != 0) return fail(Code::not_found, "{}: {}", how.program, std::strerror(errno));
  std::vector<std::string> args{how.program};
  args.insert(args.end(), how.args.begin(), how.args.end());
  std::vector<std::string> env;
  for (const auto& [name, value] : how.env) env.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers(args), envp = pointers(env);
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return fail(Code::exhausted, "pipe: {}", std::strerror(errno));
  const rlimit descriptors{how.descriptors_max, how.descriptors_max};

  const pid_t pid = ::fork();
  if (pid == 0) {  // only what is safe between fork and exec
    ::setsid();
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // what we ignore is not what it ignores
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    if (how.stdin_closed) ::close(0);
    ::syscall(SYS_close_range, 3, ~0U, 0);
    if (how.descriptors_max != 0) ::setrlimit(RLIMIT_NOFILE, &descriptors);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  auto state = std::make_unique<State>();
  state->pid = pid;
  state->out.start(out[0]);
  state->err.start(err[0]);
  if (pid < 0) return fail(Code::exhausted, "fork: {}", std::strerror(errno));
  state->pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  return std::unique_ptr<Launched>(new Launched(std::move(state)));
}

Launched::~Launched() {
  if (!state_->ended) {
    ::kill(-state_->pid, SIGKILL);  // its session too; a task that must outlive it has a session of its own
    ::kill(state_->pid, SIGKILL);
    static_cast<void>(ends_within(10s));
  }
  ::close(state_->pidfd);
}

int Launched::pid() const { return state_->pid; }

std::optional<std::string> Launched::first_line(Duration limit) const { return state_->out.first_line(limit); }

std::string Launched::standard_output() const { return state_->out.text(); }

std::string Launched::standard_error() const { return state_->err.text(); }

bool Launched::output_ends_within(Duration limit) const {
  return state_->out.ended_within(limit) && state_->err.ended_within(limit);
}

std::optional<Ended> Launched::ends_within(Duration limit) {
  if (state_->ended) return state_->ended;
  pollfd wait{state_->pidfd, POLLIN, 0};
  const auto ms = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
  int ready;
  do ready = ::poll(&wait, 1, ms);
  while (ready < 0 && errno == EINTR);
  int status = 0;
  if (ready <= 0 || ::waitpid(state_->pid, &status, 0) != state_->pid) return std::nullopt;
  state_->ended = WIFSIGNALED(status) ? Ended{128 + WTERMSIG(status), WTERMSIG(status)} : Ended{WEXITSTATUS(status), 0};
  return state_->ended;
}

void Launched::signal(int number) const {
  if (!state_->ended) ::kill(state_->pid, number);
}

void Launched::close_outputs() {
  state_->out.stop();
  state_->err.stop();
}

}  // namespace drover::conformance
