#include "agent/files/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "agent/files/remove_tree.h"
#include "base/process/process_id.h"

namespace drover::agent {
namespace {

constexpr std::size_t name_bytes_max = 200;
constexpr uid_t nobody = 65534;

Error system_error(const std::string& what, int error) {
  const Code code = error == ENOSPC || error == EDQUOT  ? Code::exhausted
                    : error == EACCES || error == EPERM ? Code::denied
                                                        : Code::unavailable;
  return fail(code, "{}: {}", what, std::strerror(error));
}

/// Makes a folder of that mode whatever the umask; one that is there stays as it is. A link or a file in its place is
/// an error: the folder above may be writable by tasks.
Result<bool> make_folder(const std::string& path, mode_t mode) {
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return system_error("mkdir " + path, errno);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0 && (errno == ENOTDIR || errno == ELOOP)) return fail(Code::unavailable, "{} is not a folder", path);
  if (fd.get() < 0 && made) return system_error("open " + path, errno);
  if (made && ::fchmod(fd.get(), mode) != 0) return system_error("chmod " + path, errno);
  return made;
}

Result<void> make_shared_folder(const std::string& path) {
  DROVER_LET(const bool made, make_folder(path, 0777));
  if (made && ::geteuid() == 0 && ::lchown(path.c_str(), nobody, nobody) != 0)
    return system_error("chown " + path, errno);
  return {};
}

bool is_mount_point(const std::string& path, const std::string& parent) {
  struct stat inner {
  }, outer{};
  return ::lstat(path.c_str(), &inner) == 0 && ::lstat(parent.c_str(), &outer) == 0 && inner.st_dev != outer.st_dev;
}

/// On the folder that is there now, whatever becomes of its path.
bool mount_secrets(const std::string& path, std::uint64_t megabytes) {
  const Fd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0) return false;
  const std::string at = "/proc/self/fd/" + std::to_string(fd.get());
  const std::string size = "size=" + std::to_string(megabytes) + "m,mode=0777";
  const unsigned long flags = MS_NOEXEC | MS_NOSUID | MS_NODEV;
  if (::mount("tmpfs", at.c_str(), "tmpfs", flags, (size + ",noswap").c_str()) == 0) return true;
  return ::mount("tmpfs", at.c_str(), "tmpfs", flags, size.c_str()) == 0;
}

/// In memory when we may mount; else a folder that only we can read.
Result<void> make_secrets(const TaskDirs& dirs, std::uint64_t megabytes) {
  DROVER_TRY(make_folder(dirs.secrets, 0700));
  if (::geteuid() != 0 || is_mount_point(dirs.secrets, dirs.root)) return {};
  mount_secrets(dirs.secrets, megabytes);
  return {};
}

}  // namespace

AllocDirs alloc_dirs_at(const std::string& alloc_dir, const std::string& alloc_id) {
  const std::string root = alloc_dir + "/" + alloc_id;
  return {root, root + "/alloc", root + "/alloc/logs"};
}

TaskDirs task_dirs_at(const std::string& alloc_dir, const std::string& alloc_id, const std::string& task) {
  const std::string root = alloc_dir + "/" + alloc_id + "/" + task;
  return {root, root + "/local", root + "/secrets", root + "/tmp"};
}

Result<void> check_folder_name(const std::string& name) {
  const bool bad = name.empty() || name.size() > name_bytes_max || name[0] == '.' ||
                   name.find('/') != std::string::npos || name.find('\0') != std::string::npos;
  if (bad) return fail(Code::invalid, "\"{}\" cannot be the name of a folder", name);
  return {};
}

Result<AllocDirs> build_alloc_folders(const std::string& alloc_dir, const std::string& alloc_id) {
  DROVER_TRY(check_folder_name(alloc_id));
  const AllocDirs dirs = alloc_dirs_at(alloc_dir, alloc_id);
  DROVER_TRY(make_folder(alloc_dir, 0711));
  DROVER_TRY(make_folder(dirs.root, 0755));
  DROVER_TRY(make_shared_folder(dirs.shared));
  for (const char* part : {"/logs", "/tmp", "/data"}) DROVER_TRY(make_shared_folder(dirs.shared + part));
  return dirs;
}

Result<TaskDirs> build_task_folders(const std::string& alloc_dir, const std::string& alloc_id, const std::string& task,
                                    std::uint64_t secrets_mb) {
  DROVER_TRY(check_folder_name(alloc_id));
  DROVER_TRY(check_folder_name(task));
  if (task == "alloc")
    return fail(Code::invalid, "a task cannot be named \"alloc\": that folder is shared by the group");
  const TaskDirs dirs = task_dirs_at(alloc_dir, alloc_id, task);
  DROVER_TRY(make_folder(dirs.root, 0777));
  DROVER_TRY(make_folder(dirs.local, 0777));
  DROVER_TRY(make_folder(dirs.tmp, 01777));
  DROVER_TRY(make_secrets(dirs, secrets_mb));
  return dirs;
}

Result<void> remove_alloc_folder(const std::string& alloc_dir, const std::string& alloc_id) {
  DROVER_TRY(check_folder_name(alloc_id));
  const std::string root = alloc_dirs_at(alloc_dir, alloc_id).root;
  for (const std::string& task : list_alloc_folders(root)) {
    const TaskDirs dirs = task_dirs_at(alloc_dir, alloc_id, task);
    // Detached: what still has a file of it open keeps it, nobody else sees it.
    if (is_mount_point(dirs.secrets, dirs.root)) ::umount2(dirs.secrets.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
  return remove_tree(root);
}

std::vector<std::string> list_alloc_folders(const std::string& alloc_dir) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(alloc_dir.c_str()), ::closedir);
  if (!folder) return out;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
      out.emplace_back(entry->d_name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace drover::agent
