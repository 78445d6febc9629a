#pragma once

#include <drover/result.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace drover {

/// A file that appears whole or not at all: written beside its place, synced, renamed, its folder synced. Blocks.
class DurableFile {
 public:
  /// Begins to write what will be `path`; mode 0600. The file of before stays until commit().
  static Result<DurableFile> create(std::filesystem::path path);
  DurableFile(DurableFile&& other) noexcept;
  DurableFile& operator=(DurableFile&&) = delete;
  ~DurableFile();  ///< without commit() nothing has happened

  /// Errors: `exhausted` when the disk is full, else `unavailable`; both name the file.
  Result<void> write(std::string_view bytes);
  Result<void> commit();

 private:
  DurableFile(std::filesystem::path path, std::filesystem::path temporary, int fd);
  Result<void> flush();

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::string buffer_;
  int fd_;
};

/// The same in one step.
Result<void> write_file_durably(const std::filesystem::path& path, std::string_view bytes);

/// All of a file; `not_found`, or `exhausted` when it is longer than `bytes_max`.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

/// Makes earlier creations and removals in a folder durable.
Result<void> sync_folder(const std::filesystem::path& folder);

}  // namespace drover
