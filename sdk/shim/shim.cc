// drover-shim: the tiny parent of one task. It puts the task in place, reports the start, waits, kills what the task
// left behind, and leaves a record of how it ended. Nothing else depends on who started it: agent and driver may die.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk/shim/protocol.h"
#include "sdk/shim/shim_child.h"
#include "sdk/shim/shim_io.h"
#include "sdk/shim/shim_spec.h"
#include "sdk/shim/shim_tree.h"

namespace drover::sdk::shim {

namespace {

constexpr const char* exit_draft = "exit.new";
constexpr std::size_t record_size = 256;      // written at the start already: a full disk cannot lose an exit
constexpr int record_tries_max = 600;         // a second apart
constexpr int kill_rounds_max = 600;          // of at most 50 ms: processes stuck in the kernel die when it lets go
constexpr int kill_round_ms = 50;

struct Shim {
  Spec spec;
  Tree tree;
  bool exec_mode = false;
  int state_dir = -1;
  int exit_draft_fd = -1;
  int signals = -1;
  int task = 0;
  unsigned long ooms_before = 0;
  char own_oom_score[16] = "0";
};

[[noreturn]] void refuse(Stage stage, int error) {
  StartReport report;
  report.stage = stage;
  report.error = error;
  write_all(report_fd, &report, sizeof report);
  ::_exit(1);
}

void settle() {
  ::setsid();
  ::syscall(SYS_close_range, static_cast<unsigned>(lifeline_fd) + 1, ~0U, 0U);
  constexpr int given[] = {spec_fd, report_fd, lifeline_fd};
  for (const int fd : given) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  [[maybe_unused]] const int ignored = ::chdir("/");  // a working folder would keep its file system busy
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int take_signals() {
  sigset_t all, children;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);  // only SIGKILL ends a shim
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  return ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// The kernel should take the task before its supervisor; the task gets our former score back.
void step_back_from_oom(Shim& shim) {
  const int got = read_file("/proc/self/oom_score_adj", shim.own_oom_score, sizeof shim.own_oom_score);
  if (got > 0) write_file("/proc/self/oom_score_adj", "-900", 4);
}

int write_new_file(int folder, const char* name, const char* bytes, std::size_t size) {
  const int fd = ::openat(folder, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  const int error = write_all(fd, bytes, size);
  if (error == 0) return fd;
  ::close(fd);
  return error;
}

/// Says who supervises, and takes the space for the exit record.
int open_state(Shim& shim) {
  shim.state_dir = ::open(shim.spec.state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (shim.state_dir < 0) return errno;
  Line<64> self;
  self.add_number(::getpid());
  self.add_char(' ');
  self.add_number(static_cast<std::int64_t>(start_ticks(::getpid())));
  self.add_char('\n');
  const int written = write_new_file(shim.state_dir, shim_file, self.chars, self.length);
  if (written < 0) return -written;
  ::close(written);
  char blank[record_size];
  std::memset(blank, '\n', sizeof blank);
  shim.exit_draft_fd = write_new_file(shim.state_dir, exit_draft, blank, sizeof blank);
  return shim.exit_draft_fd < 0 ? -shim.exit_draft_fd : 0;
}

/// The write end of the task's output. Of a FIFO a read end stays open here for the task's life (never read), so that
/// a writer always has a reader, and nobody dies of SIGPIPE while the collector is away.
int open_output(const char* path) {
  if (path == nullptr) path = "/dev/null";
  struct stat info {};
  const int reader = ::open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
  const bool is_fifo = reader >= 0 && ::fstat(reader, &info) == 0 && S_ISFIFO(info.st_mode);
  if (reader >= 0 && !is_fifo) ::close(reader);
  return ::open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | (is_fifo ? O_NOFOLLOW : 0));
}

Birth open_stdio(Shim& shim) {
  Birth birth;
  birth.oom_score_adj = shim.own_oom_score;
  if (shim.exec_mode) {
    birth.stdin_fd = 0, birth.stdout_fd = 1, birth.stderr_fd = 2;
    return birth;
  }
  birth.stdin_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  birth.stdout_fd = open_output(shim.spec.stdout_path);
  if (birth.stdout_fd < 0) refuse(Stage::output, errno);
  birth.stderr_fd = open_output(shim.spec.stderr_path);
  if (birth.stderr_fd < 0) refuse(Stage::output, errno);
  return birth;
}

/// Only the task keeps its output open: the end of the stream means that the last writer has closed.
void close_stdio(const Shim& shim, const Birth& birth) {
  if (!shim.exec_mode) {
    ::close(birth.stdin_fd);
    ::close(birth.stdout_fd);
    ::close(birth.stderr_fd);
    return;
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  ::close(null);
}

long clone_process(int cgroup_fd) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    args.flags = CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  return ::syscall(SYS_clone3, &args, sizeof args);
}

long give_birth(const Spec& spec) {
  int cgroup = -1;
  if (spec.cgroup_v2 != nullptr) {
    cgroup = ::open(spec.cgroup_v2, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cgroup < 0 && spec.cgroup_required) refuse(Stage::cgroup, errno);
  }
  long pid = clone_process(cgroup);
  if (pid < 0 && cgroup >= 0) {
    if (spec.cgroup_required) refuse(Stage::cgroup, errno);
    pid = clone_process(-1);
  }
  if (pid < 0) refuse(Stage::clone, errno);
  if (pid > 0 && cgroup >= 0) ::close(cgroup);
  return pid;
}

/// Starts the task and tells the starter. A starter that died before it heard of the start leaves nothing behind.
bool start(Shim& shim) {
  Birth birth = open_stdio(shim);
  int errors[2];
  if (::pipe2(errors, O_CLOEXEC) != 0) refuse(Stage::clone, errno);
  birth.error_pipe = errors[1];

  const long pid = give_birth(shim.spec);
  if (pid == 0) become_task(shim.spec, birth);
  shim.task = static_cast<int>(pid);
  StartReport report;
  report.pid = shim.task;
  report.start_ticks = start_ticks(shim.task);
  report.started_ns = wall_clock_ns();
  ::close(errors[1]);
  close_stdio(shim, birth);

  Failure failure{};
  ssize_t got;
  do got = ::read(errors[0], &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  ::close(errors[0]);
  if (got == sizeof failure) {
    ::waitpid(shim.task, nullptr, 0);
    refuse(failure.stage, failure.error);
  }
  return write_all(report_fd, &report, sizeof report) == 0;
}

/// Reaps what has ended. Gives the task's wait status through `status`; false when no child is left.
bool reap(Shim& shim, int& status, bool& task_ended) {
  for (;;) {
    int one = 0;
    const pid_t pid = ::waitpid(-1, &one, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0) return errno != ECHILD;
    if (pid != shim.task) continue;
    status = one;
    task_ended = true;
    shim.task = 0;
  }
}

/// Until a child has ended, at most `limit_ms`. True when the lifeline, if it is looked at, has hung up.
bool await_children(const Shim& shim, int limit_ms, bool look_at_lifeline) {
  pollfd waits[2] = {{shim.signals, POLLIN, 0}, {lifeline_fd, 0, 0}};
  ::poll(waits, look_at_lifeline ? 2 : 1, limit_ms);
  signalfd_siginfo info;
  while (::read(shim.signals, &info, sizeof info) > 0) {
  }
  return look_at_lifeline && (waits[1].revents & (POLLHUP | POLLERR)) != 0;
}

/// Until the task has ended, or the one who wanted a command beside it has gone.
int await_task(Shim& shim) {
  int status = 0;
  bool ended = false, hung_up = false;
  while (!ended && !hung_up) {
    reap(shim, status, ended);
    if (!ended) hung_up = await_children(shim, -1, shim.exec_mode);
  }
  return ended ? status : SIGKILL;
}

void end_the_rest(Shim& shim) {
  int status = 0;
  bool ended = false;
  for (int round = 0; round < kill_rounds_max; ++round) {
    kill_once(shim.tree);
    if (!reap(shim, status, ended)) return;
    await_children(shim, kill_round_ms, false);
    if (!reap(shim, status, ended)) return;
  }
}

EndReport explain(int status) {
  EndReport report;
  if (WIFSIGNALED(status)) report.signal = WTERMSIG(status);
  report.code = report.signal != 0 ? 128 + report.signal : WEXITSTATUS(status);
  return report;
}

void record(const Shim& shim, const EndReport& end) {
  const bool oom = end.signal == SIGKILL && oom_count(shim.tree) > shim.ooms_before;
  Line<record_size> line;
  line.add("code=");
  line.add_number(end.code);
  line.add("\nsignal=");
  line.add_number(end.signal);
  line.add("\noom=");
  line.add_number(oom ? 1 : 0);
  line.add("\nended_ns=");
  line.add_number(wall_clock_ns());
  line.add("\n");
  for (int i = 0; i < record_tries_max; ++i) {
    if (::pwrite(shim.exit_draft_fd, line.chars, line.length, 0) == static_cast<ssize_t>(line.length) && ::fsync(shim.exit_draft_fd) == 0 &&
        ::renameat(shim.state_dir, exit_draft, shim.state_dir, exit_file) == 0 && ::fsync(shim.state_dir) == 0)
      return;
    if (errno == ENOENT) return;  // the folder is gone: nobody will ask
    ::sleep(1);
  }
}

}  // namespace

int run() {
  Shim shim;
  settle();
  if (const int error = load_spec(spec_fd, shim.spec); error != 0) refuse(Stage::spec, error);
  ::close(spec_fd);
  shim.exec_mode = shim.spec.exec_mode;
  shim.signals = take_signals();
  if (!shim.exec_mode) {
    ::close(lifeline_fd);
    step_back_from_oom(shim);
    if (const int error = open_state(shim); error != 0) refuse(Stage::state, error);
  }
  shim.tree = open_tree(shim.spec);
  shim.ooms_before = oom_count(shim.tree);

  const bool told = start(shim);
  unload_spec(shim.spec);
  if (!told) {
    end_the_rest(shim);
    return 1;
  }
  if (!shim.exec_mode) ::close(report_fd);

  const EndReport end = explain(await_task(shim));
  if (!shim.exec_mode) record(shim, end);
  end_the_rest(shim);
  if (shim.exec_mode) write_all(report_fd, &end, sizeof end);
  return 0;
}

}  // namespace drover::sdk::shim

int main() { return drover::sdk::shim::run(); }
