#include "base/process/launch.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/process/v2/posix/default_launcher.hpp>
#include <boost/process/v2/process.hpp>

#include "base/loop/signal.h"

namespace drover {

namespace {

namespace process = boost::process::v2;
using boost::system::error_code;

constexpr int above_targets = 64;  // copies of descriptors must not lie where the child's are put
constexpr int descriptor_max = above_targets - 1;

/// Prepares in the parent and acts between fork and exec, where nothing may allocate.
class ChildSetup {
 public:
  explicit ChildSetup(const LaunchSpec& spec) : spec_(spec) {
    for (const std::string& variable : spec.env) env_.push_back(variable.c_str());
    env_.push_back(nullptr);
  }

  Result<void> prepare() {
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int stdio[] = {spec_.stdin_fd, spec_.stdout_fd, spec_.stderr_fd};
    for (int target = 0; target < 3; ++target) DROVER_TRY(lift(stdio[target] >= 0 ? stdio[target] : null.get(), target));
    for (const auto& [ours, target] : spec_.descriptors) {
      if (target < 3 || target > descriptor_max) return fail(Code::invalid, "launch {}: no descriptor {} can be given", spec_.program, target);
      DROVER_TRY(lift(ours, target));
    }
    return {};
  }

  // What Boost.Process calls, by these names.
  error_code on_setup(process::posix::default_launcher& launcher, const process::filesystem::path&, const char* const*) {
    launcher.env = env_.data();
    for (const Placed& placed : placed_) launcher.fd_whitelist.push_back(placed.target);
    return {};
  }
  error_code on_exec_setup(process::posix::default_launcher&, const process::filesystem::path&, const char* const*) {
    if (spec_.own_session) ::setsid();
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const Placed& placed : placed_)
      if (::dup2(placed.copy.get(), placed.target) < 0) return {errno, boost::system::system_category()};
    if (!spec_.cwd.empty() && ::chdir(spec_.cwd.c_str()) != 0) return {errno, boost::system::system_category()};
    return {};
  }
  // Boost would run our static destructors in the child.
  void on_exec_error(process::posix::default_launcher&, const process::filesystem::path&, const char* const*, const error_code&) { ::_exit(127); }

 private:
  struct Placed {
    Fd copy;
    int target;
  };
  Result<void> lift(int fd, int target) {
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, above_targets));
    if (!copy.is_open()) return fail(Code::unavailable, "launch {}: descriptor {}: {}", spec_.program, fd, std::strerror(errno));
    placed_.push_back({std::move(copy), target});
    return {};
  }

  const LaunchSpec& spec_;
  std::vector<const char*> env_;
  std::vector<Placed> placed_;
};

/// What waited for must survive its owner: a callback may be on its way.
struct Watch {
  Watch(Loop& loop, const ProcessId& its_id, Fd pidfd, bool child) : id(its_id), is_child(child), descriptor(loop.executor(), pidfd.release()), ended(loop) {}

  ProcessId id;
  bool is_child;
  boost::asio::posix::stream_descriptor descriptor;
  Signal ended;
  std::optional<ExitStatus> status;
  std::function<void(ExitStatus)> handler;
};

ExitStatus reap(const Watch& watch, int pidfd) {
  ExitStatus status;
  siginfo_t info{};
  if (!watch.is_child || ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    status.known = false;
    return status;
  }
  if (info.si_code == CLD_EXITED) status.code = info.si_status;
  else status.signal = info.si_status;
  return status;
}

bool is_readable(int fd) {
  pollfd look{fd, POLLIN, 0};
  return ::poll(&look, 1, 0) > 0;
}

void await_end(const std::shared_ptr<Watch>& watch) {
  watch->descriptor.async_wait(boost::asio::posix::descriptor_base::wait_read, [weak = std::weak_ptr(watch)](const error_code& error) {
    const auto alive = weak.lock();
    if (!alive || error) return;
    // Asio may wake us for what happened to a descriptor that had this number before: a process is not dead for that.
    if (!is_readable(alive->descriptor.native_handle())) return await_end(alive);
    alive->status = reap(*alive, alive->descriptor.native_handle());
    alive->ended.notify();
    if (const auto handler = std::move(alive->handler)) handler(*alive->status);
  });
}

class PidfdProcess final : public WatchedProcess {
 public:
  explicit PidfdProcess(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) { await_end(watch_); }

  const ProcessId& id() const override { return watch_->id; }
  bool has_ended() const override { return watch_->status.has_value(); }

  Async<Result<ExitStatus>> wait() override {
    const std::shared_ptr<Watch> watch = watch_;
    while (!watch->status) {
      const bool woken = co_await watch->ended.wait();
      if (!woken) co_return fail(Code::cancelled, "the wait for process {} was cancelled", watch->id.pid);
    }
    co_return *watch->status;
  }

  void on_exit(std::function<void(ExitStatus)> handler) override {
    if (watch_->status) handler(*watch_->status);
    else watch_->handler = std::move(handler);
  }

  Result<void> signal(int number) override {
    if (watch_->status) return fail(Code::not_found, "process {} has ended", watch_->id.pid);
    return send_signal(watch_->id, number);
  }

 private:
  std::shared_ptr<Watch> watch_;
};

Result<int> fork_and_exec(Loop& loop, const LaunchSpec& spec) {
  ChildSetup setup(spec);
  DROVER_TRY(setup.prepare());
  const std::vector<std::string> args = spec.args;
  try {
    error_code error;
    process::posix::default_launcher launcher;
    auto child = launcher(loop.executor(), error, process::filesystem::path(spec.program), args, setup);
    if (error) return fail(error.value() == ENOENT ? Code::not_found : Code::unavailable, "launch {}: {}", spec.program, error.message());
    const int pid = static_cast<int>(child.id());
    child.detach();
    return pid;
  } catch (const std::exception& error) {
    return fail(Code::unavailable, "launch {}: {}", spec.program, error.what());
  }
}

}  // namespace

std::string to_text(const ExitStatus& status) {
  if (!status.known) return "ended (status unknown)";
  return status.signal != 0 ? text("killed by signal {}", status.signal) : text("exited with {}", status.code);
}

Result<std::unique_ptr<WatchedProcess>> launch(Loop& loop, const LaunchSpec& spec) {
  if (!spec.program.starts_with('/')) return fail(Code::invalid, "launch {}: not an absolute path", spec.program);
  if (const auto usable = check_executable(spec.program); !usable.ok()) return fail(usable.error().code, "{} {}", spec.program, usable.error().message);
  DROVER_LET(const int pid, fork_and_exec(loop, spec));
  // A child of ours keeps its pid until we reap it.
  DROVER_LET(const ProcessId id, identify(pid));
  DROVER_LET(Fd pidfd, open_pidfd(id));
  return std::unique_ptr<WatchedProcess>(std::make_unique<PidfdProcess>(std::make_shared<Watch>(loop, id, std::move(pidfd), true)));
}

Result<std::unique_ptr<WatchedProcess>> watch(Loop& loop, const ProcessId& id) {
  DROVER_LET(Fd pidfd, open_pidfd(id));
  return std::unique_ptr<WatchedProcess>(std::make_unique<PidfdProcess>(std::make_shared<Watch>(loop, id, std::move(pidfd), false)));
}

}  // namespace drover
