#include "agent/files/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "base/process/process_id.h"

namespace drover::agent {
namespace {

/// Deeper folders are moved up to the top first, so that the walk needs few descriptors.
constexpr int depth_max = 32;
constexpr int passes_max = 100'000;

class Walk {
 public:
  Walk(int top, dev_t device) : top_(top), device_(device) {}

  /// Empties the folder behind `fd`. What was moved up is found by another pass.
  void empty(int fd, const std::string& name, int depth) {
    for (const std::string& entry : entries(fd)) {
      if (::unlinkat(fd, entry.c_str(), 0) == 0) continue;
      if (errno != EISDIR && errno != EPERM)
        note(name + "/" + entry, errno);
      else
        remove_folder(fd, entry, name + "/" + entry, depth);
    }
  }

  bool moved() { return std::exchange(moved_, false); }
  const std::string& problem() const { return problem_; }

 private:
  static std::vector<std::string> entries(int fd) {
    std::vector<std::string> out;
    DIR* folder = ::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder == nullptr) return out;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") out.emplace_back(name);
    }
    ::closedir(folder);
    return out;
  }

  void remove_folder(int parent, const std::string& entry, const std::string& name, int depth) {
    const Fd fd(::openat(parent, entry.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) return note(name, errno);
    if (status.st_dev != device_) return note(name + " is still mounted", EBUSY);
    if (depth >= depth_max) {
      const std::string up = ".deep-" + std::to_string(++moved_count_);
      if (::renameat(parent, entry.c_str(), top_, up.c_str()) != 0) return note(name, errno);
      moved_ = true;
      return;
    }
    empty(fd.get(), name, depth + 1);
    if (::unlinkat(parent, entry.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) note(name, errno);
  }

  void note(const std::string& what, int error) {
    if (problem_.empty() && error != ENOENT) problem_ = what + ": " + std::strerror(error);
  }

  int top_;
  dev_t device_;
  bool moved_ = false;
  int moved_count_ = 0;
  std::string problem_;
};

}  // namespace

Result<void> remove_tree(const std::string& path) {
  const Fd top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (top.get() < 0) {
    if (errno == ENOENT) return {};
    return fail(Code::unavailable, "cannot open {} to delete it: {}", path, std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(top.get(), &status) != 0)
    return fail(Code::unavailable, "cannot look at {}: {}", path, std::strerror(errno));

  Walk walk(top.get(), status.st_dev);
  for (int pass = 0; pass < passes_max; ++pass) {
    walk.empty(top.get(), path, 0);
    if (!walk.moved()) break;
  }
  if (!walk.problem().empty()) return fail(Code::unavailable, "cannot delete {}", walk.problem());
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
    return fail(Code::unavailable, "cannot delete {}: {}", path, std::strerror(errno));
  return {};
}

}  // namespace drover::agent
