#pragma once

#include <cstdint>
#include <string>

#include <drover/result.h>

#include "base/process/process_id.h"

namespace drover::agent::logs {

struct Limits {
  std::uint32_t files_max = 10;
  std::uint64_t file_size_max = 10 * 1024 * 1024;

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Moves one FIFO into the files `<name>.0`, `<name>.1`, … of a folder; keeps the newest `files_max`.
///
/// Its whole state is the files: opening continues the one with the highest number at its end. Bytes go from the FIFO to
/// the file inside the kernel (splice), so that being killed at any point neither loses nor doubles one. A file that
/// is full is followed by the next at the end of a line; only a line longer than what is looked at is split.
class LogStream {
 public:
  /// `fifo` is a non-blocking read end. The folder is given as a descriptor: nobody can put another in its place.
  static Result<LogStream> open(int folder, std::string name, Fd fifo, Limits limits);

  enum class Moved {
    some,   ///< there may be more
    all,    ///< nothing is there now (or all writers have closed)
    stuck,  ///< the disk takes no more: what is there stays in the FIFO
  };
  /// Moves at most about `bytes_max`. An error names the file; what could not be written is still in the FIFO.
  Result<Moved> move(std::uint64_t bytes_max);

  void set_limits(Limits limits) { limits_ = {limits.files_max, limits.file_size_max > 0 ? limits.file_size_max : 1}; }
  int fifo() const { return fifo_.get(); }
  /// The same FIFO (device and inode)?
  bool reads_from(int fd) const;

 private:
  LogStream() = default;

  Result<void> open_newest();
  Result<void> look_at_file();
  Result<void> open_file(std::uint64_t number, bool must_be_new);
  Result<void> rotate();
  void delete_old() const;
  Result<std::uint64_t> bytes_up_to_line_end(std::uint64_t available);
  Result<Moved> splice_exactly(std::uint64_t bytes);

  Fd folder_;
  std::string name_;
  Fd fifo_;
  Limits limits_;
  Fd file_;
  std::uint64_t number_ = 0;
  std::uint64_t size_ = 0;
  Fd look_in_, look_out_;  ///< a pipe of ours for looking at copies; made when first needed
};

}  // namespace drover::agent::logs
