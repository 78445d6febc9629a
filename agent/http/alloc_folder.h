#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/http/file_info.h"
#include "base/process/process_id.h"

namespace drover::agent {

/// Reads below one allocation's folder, and nowhere else: every path is resolved by the kernel beneath the folder's
/// descriptor, links included; a task's secrets are refused. Blocks; any thread.
class AllocFolder {
 public:
  static Result<AllocFolder> open(std::string root);

  /// Sorted by name. `not_found`, or `invalid` for what is no folder.
  Result<std::vector<FileInfo>> list(const std::string& path) const;
  Result<FileInfo> stat(const std::string& path) const;
  /// A regular file; never waits for a FIFO. `invalid` for folders and the like.
  Result<Fd> open_file(const std::string& path) const;
  /// Names in a folder that begin with `prefix`, sorted; empty when it cannot be read.
  std::vector<std::string> names(const std::string& path, const std::string& prefix) const;

 private:
  AllocFolder(std::string root, std::shared_ptr<Fd> fd) : root_(std::move(root)), fd_(std::move(fd)) {}
  Result<Fd> resolve(const std::string& path, int flags, const char* doing) const;

  std::string root_;
  std::shared_ptr<Fd> fd_;  // copies share it
};

/// At most `size` bytes from `offset`; fewer at the end.
Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size);
/// How long the file is now.
Result<std::uint64_t> file_size(int fd);

}  // namespace drover::agent
