#pragma once

#include <drover/result.h>

#include <filesystem>
#include <utility>

#include "base/file/file_lock.h"

namespace drover::cli {

/// The temporary data folder of `agent -dev`: locked while the agent lives, removed with what is in it at the end.
///
/// make() first cleans up after dev agents of this user that were killed: ends the processes that belong to their
/// folders, takes mounts away, removes the folders.
class DevFolder {
 public:
  /// `parent` is where temporary folders go, e.g. "/tmp".
  static Result<DevFolder> make(const std::filesystem::path& parent);
  DevFolder(DevFolder&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  DevFolder& operator=(DevFolder&&) = delete;
  ~DevFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  DevFolder(std::filesystem::path path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  FileLock lock_;
};

}  // namespace drover::cli
