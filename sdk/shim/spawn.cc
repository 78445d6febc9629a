#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk/shim/protocol.h"
#include "sdk/shim/supervised.h"

// Starting the shim itself, and understanding what it reports.
namespace drover::sdk::shim {

namespace {

constexpr int start_limit_ms = 30'000;
constexpr int above_fixed = 10;  // descriptors of ours must not lie where the shim's are put

/// A copy of a descriptor that no fixed number of the child overwrites.
Fd lifted(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, above_fixed)); }

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void put(const Fd& fd, int number) { ::posix_spawn_file_actions_adddup2(&actions_, fd.get(), number); }
  void put_null(int number) { ::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Code::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return Code::denied;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return Code::unavailable;
    default: return Code::invalid;
  }
}

const char* attempt(Stage stage) {
  switch (stage) {
    case Stage::spec: return "read what to start";
    case Stage::state: return "write into the state folder";
    case Stage::output: return "open the output";
    case Stage::cgroup: return "enter the control group";
    case Stage::network: return "enter the network namespace";
    case Stage::limits: return "set its limits";
    case Stage::folder: return "enter the working folder";
    case Stage::user: return "become the user";
    case Stage::execute: return "execute it";
    case Stage::clone: return "make a process";
    case Stage::started: break;
  }
  return "start";
}

/// `what` is a path, maybe in quotes.
bool is_there(std::string what) {
  if (what.size() > 1 && what.front() == '\'' && what.back() == '\'') what = what.substr(1, what.size() - 2);
  return ::access(what.c_str(), F_OK) == 0;
}

Error explain(const StartReport& report, const std::string& what) {
  // Where the file itself is there, what is missing can only be its interpreter.
  const bool interpreter = report.stage == Stage::execute && report.error == ENOENT && is_there(what);
  return fail(code_of(report.error), "start {}: {}: {}", what, attempt(report.stage),
              interpreter ? "its interpreter is missing" : std::strerror(report.error));
}

}  // namespace

Result<SpawnedShim> spawn_shim(const std::string& shim_path, const std::string& name, int spec_fd_here, const ShimStdio& stdio) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::unavailable, "make a pipe: {}", std::strerror(errno));
  SpawnedShim shim;
  shim.report = Fd(ends[0]);
  const Fd write_end_low(ends[1]);
  const Fd write_end = lifted(write_end_low.get());
  const Fd spec = lifted(spec_fd_here);
  const Fd lifeline = stdio.lifeline >= 0 ? lifted(stdio.lifeline) : Fd();

  FileActions actions;
  Fd lifted_stdio[3];
  const int given[3] = {stdio.in, stdio.out, stdio.err};
  for (int number = 0; number < 3; ++number) {
    if (given[number] < 0) {
      actions.put_null(number);
      continue;
    }
    lifted_stdio[number] = lifted(given[number]);
    actions.put(lifted_stdio[number], number);
  }
  actions.put(spec, spec_fd);
  actions.put(write_end, report_fd);
  if (lifeline.is_open()) actions.put(lifeline, lifeline_fd);

  std::string program = shim_path, title = "drover-shim", label = name;
  char* const argv[] = {title.data(), label.data(), nullptr};
  char* const envp[] = {nullptr};
  const int error = ::posix_spawn(&shim.pid, program.c_str(), actions.get(), nullptr, argv, envp);
  if (error != 0) return fail(code_of(error), "start {}: {}", shim_path, std::strerror(error));
  return shim;
}

Result<Started> read_start_report(const Fd& report, const std::string& what) {
  StartReport message;
  pollfd wait{report.get(), POLLIN, 0};
  int ready;
  do ready = ::poll(&wait, 1, start_limit_ms);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return fail(Code::timeout, "start {}: not started within {} s", what, start_limit_ms / 1000);
  ssize_t got;
  do got = ::read(report.get(), &message, sizeof message);
  while (got < 0 && errno == EINTR);
  // Killed from outside: another start may well succeed.
  if (got != sizeof message) return fail(Code::unavailable, "start {}: its supervisor ended before it reported", what);
  if (message.stage != Stage::started) return explain(message, what);
  return Started{ProcessId{message.pid, message.start_ticks}, message.started_ns};
}

}  // namespace drover::sdk::shim
