#pragma once

#include <drover/result.h>

#include <filesystem>
#include <string_view>

namespace drover {

/// A lock on a folder against other processes, held as the file "lock" in it (with the holder's pid, for people) until
/// this object goes, or the process does, however it ends.
class FileLock {
 public:
  /// `conflict` when another process has it; the message names the folder, the process and the cure.
  static Result<FileLock> take(const std::filesystem::path& folder);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace drover
