#include "sdk/shim/shim_child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sdk/shim/shim_io.h"

namespace drover::sdk::shim {

namespace {

int join_cgroups(const Spec& spec) {
  for (int i = 0; i < spec.join_count; ++i) {
    const int error = write_file(spec.joins[i], "0", 1);  // 0: the one who writes
    if (error != 0 && spec.cgroup_required) return -error;
  }
  return 0;
}

int enter_network(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::setns(fd, CLONE_NEWNET) == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

int set_rlimit(const char* line) {
  const int resource = static_cast<int>(parse_number(line));
  const char* soft = std::strchr(line, ' ');
  const char* hard = soft == nullptr ? nullptr : std::strchr(soft + 1, ' ');
  if (hard == nullptr) return EINVAL;
  rlimit limit{};
  limit.rlim_cur = parse_number(soft + 1);
  limit.rlim_max = parse_number(hard + 1);
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0 ? 0 : errno;
}

int set_limits(const Spec& spec, const Birth& birth) {
  const char* adjustment = spec.oom_score_adj != nullptr ? spec.oom_score_adj : birth.oom_score_adj;
  const int error = write_file("/proc/self/oom_score_adj", adjustment, std::strlen(adjustment));
  if (error != 0 && spec.oom_score_adj != nullptr) return -error;
  for (int i = 0; i < spec.rlimit_count; ++i)
    if (const int failed = set_rlimit(spec.rlimits[i]); failed != 0) return failed;
  if (spec.umask != nullptr) ::umask(static_cast<mode_t>(parse_number(spec.umask)));
  return 0;
}

int connect_output(const Spec& spec, const Birth& birth) {
  if (::dup2(birth.stdin_fd, 0) < 0 || ::dup2(birth.stdout_fd, 1) < 0 || ::dup2(birth.stderr_fd, 2) < 0) return errno;
  if (spec.terminal && ::ioctl(0, TIOCSCTTY, 0) != 0) return errno;
  return 0;
}

int become_user(const Spec& spec) {
  if (!spec.has_ids) return 0;
  if (::syscall(SYS_setgroups, spec.group_count, spec.groups) != 0) return errno;
  if (::syscall(SYS_setresgid, spec.gid, spec.gid, spec.gid) != 0) return errno;
  return ::syscall(SYS_setresuid, spec.uid, spec.uid, spec.uid) == 0 ? 0 : errno;
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void give_up(const Birth& birth, Stage stage, int error) {
  const Failure failure{stage, error};
  write_all(birth.error_pipe, &failure, sizeof failure);
  ::_exit(127);
}

}  // namespace

void become_task(const Spec& spec, const Birth& birth) {
  const auto step = [&birth](Stage stage, int error) {
    if (error != 0) give_up(birth, stage, error);
  };
  ::setsid();
  step(Stage::cgroup, join_cgroups(spec));
  step(Stage::network, spec.netns == nullptr ? 0 : enter_network(spec.netns));
  step(Stage::limits, set_limits(spec, birth));
  step(Stage::output, connect_output(spec, birth));
  step(Stage::user, become_user(spec));
  // The folder is entered as the task's user: what that user may not see, the task does not start in.
  step(Stage::folder, spec.cwd == nullptr || ::chdir(spec.cwd) == 0 ? 0 : errno);
  if (spec.no_new_privs) step(Stage::limits, ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno);
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  reset_signals();
  ::execve(spec.program, spec.argv, spec.envp);
  give_up(birth, Stage::execute, errno);
}

}  // namespace drover::sdk::shim
