#include "agent/logs/fifos.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/logs/protocol.h"

namespace drover::agent::logs {

namespace {

constexpr int tries_max = 5;  // against somebody who keeps putting other things in our place

std::string fifo_name(const std::string& task, const char* kind) { return "." + task + "." + kind + ".fifo"; }

Result<Fd> open_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.is_open()) return fail(errno == ENOENT ? Code::not_found : Code::denied, "open log folder {}: {}", path, std::strerror(errno));
  return folder;
}

Result<Fd> open_fifo(const Fd& folder, const std::string& name) {
  for (int i = 0; i < tries_max; ++i) {
    if (::mkfifoat(folder.get(), name.c_str(), 0600) != 0 && errno != EEXIST) return fail(Code::unavailable, "create FIFO {}: {}", name, std::strerror(errno));
    Fd fifo(::openat(folder.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    const bool ours = fifo.is_open() && ::fstat(fifo.get(), &info) == 0 && S_ISFIFO(info.st_mode) && info.st_uid == ::geteuid() && info.st_nlink == 1;
    if (ours) {
      if ((info.st_mode & 07777) != 0600) ::fchmod(fifo.get(), 0600);
      return fifo;
    }
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
      return fail(Code::conflict, "{} is not a FIFO and cannot be removed: {}", name, std::strerror(errno));
  }
  return fail(Code::conflict, "somebody keeps replacing FIFO {}", name);
}

}  // namespace

Result<Fifos> open_fifos(const std::string& log_folder, const std::string& task) {
  DROVER_TRY(check_task_name(task));
  Fifos fifos;
  DROVER_LET(fifos.folder, open_folder(log_folder));
  DROVER_LET(fifos.stdout_read, open_fifo(fifos.folder, fifo_name(task, "stdout")));
  DROVER_LET(fifos.stderr_read, open_fifo(fifos.folder, fifo_name(task, "stderr")));
  fifos.stdout_path = log_folder + "/" + fifo_name(task, "stdout");
  fifos.stderr_path = log_folder + "/" + fifo_name(task, "stderr");
  return fifos;
}

Result<void> remove_fifos(const std::string& log_folder, const std::string& task) {
  DROVER_TRY(check_task_name(task));
  DROVER_LET(const Fd folder, open_folder(log_folder));
  for (const char* kind : {"stdout", "stderr"}) ::unlinkat(folder.get(), fifo_name(task, kind).c_str(), 0);
  return {};
}

}  // namespace drover::agent::logs
