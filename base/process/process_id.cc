#include "base/process/process_id.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace drover {

namespace {

constexpr std::size_t stat_bytes_max = 4096;

/// A small file of /proc, whole.
Result<std::string> read_proc(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return fail(errno == ENOENT ? Code::not_found : Code::internal, "open {}: {}", path, std::strerror(errno));
  std::string content(stat_bytes_max, '\0');
  const ssize_t got = ::read(fd.get(), content.data(), content.size());
  if (got < 0) return fail(errno == ESRCH ? Code::not_found : Code::internal, "read {}: {}", path, std::strerror(errno));
  content.resize(static_cast<std::size_t>(got));
  return content;
}

struct StatLine {
  char state = '?';
  std::uint64_t start_ticks = 0;
};

/// Fields 3 and 22 of /proc/PID/stat. Field 2, the name in parentheses, may hold anything: count from its last ')'.
Result<StatLine> read_stat(int pid) {
  DROVER_LET(const std::string content, read_proc(text("/proc/{}/stat", pid)));
  const auto name_end = content.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= content.size()) return fail(Code::internal, "/proc/{}/stat cannot be read", pid);
  StatLine line;
  line.state = content[name_end + 2];
  std::size_t at = name_end + 2;
  for (int field = 3; field < 22 && at != std::string::npos; ++field) at = content.find(' ', at + 1);
  if (at == std::string::npos) return fail(Code::internal, "/proc/{}/stat cannot be read", pid);
  line.start_ticks = std::strtoull(content.c_str() + at + 1, nullptr, 10);
  return line;
}

Error gone(const ProcessId& id) { return fail(Code::not_found, "process {} is gone", id.pid); }

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() { close(); }

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::string> read_boot_id() {
  DROVER_LET(std::string id, read_proc("/proc/sys/kernel/random/boot_id"));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Result<ProcessId> identify(int pid) {
  DROVER_LET(const StatLine line, read_stat(pid));
  return ProcessId{pid, line.start_ticks};
}

Result<Fd> open_pidfd(const ProcessId& id) {
  if (id.pid <= 0) return gone(id);
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, id.pid, 0)));
  if (!fd.is_open()) {
    if (errno == ESRCH || errno == EINVAL) return gone(id);
    return fail(Code::internal, "open a pidfd of process {}: {}", id.pid, std::strerror(errno));
  }
  // The descriptor now pins whoever has the pid; only then can the comparison not be overtaken.
  const auto now = identify(id.pid);
  if (!now.ok() || *now != id) return gone(id);
  return fd;
}

Result<void> send_signal(const ProcessId& id, int signal) {
  DROVER_LET(const Fd fd, open_pidfd(id));
  if (::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return gone(id);
  return fail(errno == EPERM ? Code::denied : Code::internal, "send signal {} to process {}: {}", signal, id.pid, std::strerror(errno));
}

bool is_running(const ProcessId& id) {
  const auto line = read_stat(id.pid);
  return line.ok() && line->start_ticks == id.start_ticks && line->state != 'Z' && line->state != 'X';
}

}  // namespace drover
