// kill_at POINT PROGRAM (--pid N | -- COMMAND ARG…)
//
// Follows a process and what it starts by ptrace, counts the boundaries of system calls (each entry, each return) of the
// processes whose program file is named PROGRAM, and kills that process with SIGKILL at the boundary POINT (from 1).
// Prints "following" when it does, then "killed PID at CALL" (the number of the call, -1 when it returned) or, told to end
// by SIGTERM or when nothing is left to follow, "passed COUNT" with the boundaries that were seen. Everything else goes on
// untouched.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

namespace {

constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;

std::string program_of(pid_t tid) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(("/proc/" + std::to_string(tid) + "/exe").c_str(), target, sizeof target);
  if (length <= 0) return "";
  return std::filesystem::path(std::string(target, static_cast<std::size_t>(length))).filename();
}

pid_t process_of(pid_t tid) {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(tid) + "/status").c_str(), "re");
  if (!file) return tid;
  char line[256];
  int found = tid;
  while (std::fgets(line, sizeof line, file)) {
    if (std::sscanf(line, "Tgid: %d", &found) == 1) break;
  }
  std::fclose(file);
  return found;
}

/// Threads that are followed, each with whether its program is the one whose calls count.
struct Followed {
  std::string program;
  std::map<pid_t, bool> threads;

  bool add(pid_t tid) { return threads.insert_or_assign(tid, program_of(tid) == program).first->second; }
};

void say(const std::string& line) {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, line.data(), line.size());
}

volatile long seen = 0;

/// Allocates nothing: a signal handler says it.
void say_passed() {
  char text[32];
  char* at = text + sizeof text;
  *--at = '\n';
  long rest = seen;
  do {
    *--at = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  at -= 7;
  std::memcpy(at, "passed ", 7);
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(text + sizeof text - at));
}

/// Whoever tells us to end is not kept waiting by a process that makes no calls; what is followed is let go with us.
void end_at_once(int) {
  say_passed();
  ::_exit(0);
}

/// Until no new thread shows: one may be born while we look.
bool seize_process(Followed& followed, pid_t pid) {
  for (bool again = true; again;) {
    again = false;
    std::error_code problem;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", problem)) {
      const pid_t tid = std::atoi(entry.path().filename().c_str());
      if (followed.threads.contains(tid)) continue;
      if (::ptrace(PTRACE_SEIZE, tid, nullptr, options) != 0) continue;
      ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);  // from its next stop on it tells of its calls
      followed.add(tid);
      again = true;
    }
    if (problem) break;
  }
  return !followed.threads.empty();
}

bool start_command(Followed& followed, char** argv) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::raise(SIGSTOP);
    ::execv(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, WUNTRACED) != pid) return false;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, options) != 0) return false;
  ::kill(pid, SIGCONT);
  followed.add(pid);
  return true;
}

long call_number(pid_t tid) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) <= 0) return -1;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY ? static_cast<long>(info.entry.nr) : -1;
}

/// What a stop was for: true when it is a boundary of a call that counts.
bool is_boundary(Followed& followed, pid_t tid, int status) {
  return WSTOPSIG(status) == (SIGTRAP | 0x80) && followed.threads[tid];
}

void go_on(Followed& followed, pid_t tid, int status) {
  const int event = status >> 16;
  const int signal = WSTOPSIG(status);
  if (event == PTRACE_EVENT_EXEC) followed.add(tid);
  if (event == PTRACE_EVENT_STOP) {
    const bool is_group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    if (!followed.threads.contains(tid)) followed.add(tid);
    ::ptrace(is_group_stop ? PTRACE_LISTEN : PTRACE_SYSCALL, tid, nullptr, nullptr);
    return;
  }
  const bool is_signal = event == 0 && signal != (SIGTRAP | 0x80);
  ::ptrace(PTRACE_SYSCALL, tid, nullptr, is_signal ? signal : 0);
}

int follow(Followed& followed, long point) {
  while (!followed.threads.empty()) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL);
    if (tid < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      followed.threads.erase(tid);
      continue;
    }
    if (!followed.threads.contains(tid)) followed.add(tid);
    if (is_boundary(followed, tid, status)) seen = seen + 1;
    if (is_boundary(followed, tid, status) && seen == point) {
      const pid_t pid = process_of(tid);
      const long call = call_number(tid);
      ::kill(pid, SIGKILL);
      say("killed " + std::to_string(pid) + " at " + std::to_string(call) + "\n");
      return 0;
    }
    go_on(followed, tid, status);
  }
  say_passed();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: kill_at POINT PROGRAM (--pid N | -- COMMAND ARG…)\n");
    return 2;
  }
  std::signal(SIGTERM, end_at_once);
  Followed followed{argv[2], {}};
  const bool is_pid = std::strcmp(argv[3], "--pid") == 0;
  const bool began = is_pid ? seize_process(followed, std::atoi(argv[4])) : start_command(followed, argv + 4);
  if (!began) {
    std::fprintf(stderr, "kill_at: cannot follow: %s\n", std::strerror(errno));
    return 1;
  }
  say("following\n");
  return follow(followed, std::atol(argv[1]));
}
