#include "sdk/shim/shim_tree.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sdk/shim/shim_io.h"

namespace drover::sdk::shim {

namespace {

constexpr int freeze_polls_max = 200;  // of 1 ms: a group that does not freeze is killed running

/// Kills each pid of a text of numbers; those of a file that is read in pieces come whole (the rest is carried over).
void kill_listed(int fd) {
  char buffer[2048];
  std::size_t kept = 0;
  for (;;) {
    const ssize_t got = ::read(fd, buffer + kept, sizeof buffer - 1 - kept);
    if (got <= 0) break;
    const std::size_t size = kept + static_cast<std::size_t>(got);
    buffer[size] = 0;
    std::size_t at = 0;
    for (;;) {
      const std::size_t end = at + std::strcspn(buffer + at, " \n");
      if (end >= size) break;
      if (const int pid = static_cast<int>(parse_number(buffer + at)); pid > 1) ::kill(pid, SIGKILL);
      at = end + 1;
    }
    kept = size - at;
    std::memmove(buffer, buffer + at, kept);
  }
}

void write_at(int folder, const char* name, const char* value) {
  const int fd = ::openat(folder, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  write_all(fd, value, std::strlen(value));
  ::close(fd);
}

bool is_frozen(int folder) {
  const int fd = ::openat(folder, "freezer.state", O_RDONLY | O_CLOEXEC);
  char state[16] = {};
  if (fd < 0) return true;
  const ssize_t got = ::read(fd, state, sizeof state - 1);
  ::close(fd);
  return got <= 0 || std::strncmp(state, "FROZEN", 6) == 0;
}

/// A frozen group cannot fork while it is being killed.
void kill_freezer(int folder) {
  write_at(folder, "freezer.state", "FROZEN");
  for (int i = 0; i < freeze_polls_max && !is_frozen(folder); ++i) ::usleep(1000);
  if (const int fd = ::openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC); fd >= 0) {
    kill_listed(fd);
    ::close(fd);
  }
  write_at(folder, "freezer.state", "THAWED");
}

int parent_of(int pid) {
  Line<64> path;
  path.add("/proc/");
  path.add_number(pid);
  path.add("/stat");
  char content[512];
  if (read_file(path.chars, content, sizeof content) <= 0) return 0;
  const char* name_end = std::strrchr(content, ')');
  return name_end == nullptr || std::strlen(name_end) < 5 ? 0 : static_cast<int>(parse_number(name_end + 4));
}

/// For kernels without the list of children: looks at every process.
void kill_children_by_search() {
  const int proc = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  struct Entry {
    unsigned long inode, offset;
    unsigned short size;
    unsigned char type;
    char name[1];
  };
  alignas(8) char buffer[4096];
  const int self = ::getpid();
  for (long got; (got = ::syscall(SYS_getdents64, proc, buffer, sizeof buffer)) > 0;)
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->size;
      const int pid = static_cast<int>(parse_number(entry->name));
      if (pid > 1 && parent_of(pid) == self) ::kill(pid, SIGKILL);
    }
  ::close(proc);
}

void kill_children() {
  const int fd = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return kill_children_by_search();
  kill_listed(fd);
  ::close(fd);
}

}  // namespace

Tree open_tree(const Spec& spec) {
  Tree tree;
  if (spec.kill_file != nullptr) tree.kill_fd = ::open(spec.kill_file, O_WRONLY | O_CLOEXEC);
  if (spec.freezer != nullptr) tree.freezer_fd = ::open(spec.freezer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (spec.oom_file != nullptr) tree.oom_fd = ::open(spec.oom_file, O_RDONLY | O_CLOEXEC);
  return tree;
}

void kill_once(const Tree& tree) {
  if (tree.kill_fd >= 0) {
    write_all(tree.kill_fd, "1", 1);
  } else if (tree.freezer_fd >= 0) {
    kill_freezer(tree.freezer_fd);
  }
  kill_children();
}

unsigned long oom_count(const Tree& tree) {
  if (tree.oom_fd < 0) return 0;
  char content[512];
  const ssize_t got = ::pread(tree.oom_fd, content, sizeof content - 1, 0);
  if (got <= 0) return 0;
  content[got] = 0;
  const char* line = std::strstr(content, "oom_kill ");
  return line == nullptr ? 0 : parse_number(line + 9);
}

}  // namespace drover::sdk::shim
