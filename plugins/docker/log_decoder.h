#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <drover/result.h>

/// What an engine's log stream says (`timestamps=1`), piece by piece. Values in, values out.
namespace drover::docker {

/// One entry of a log: a line, or a part of a long one.
struct LogEntry {
  bool is_stderr = false;
  std::int64_t time_ns = 0;  ///< since 1970
  std::string_view text;     ///< as the container wrote it; valid during the call
};

/// "2024-01-02T15:04:05.123456789Z", also with an offset; `invalid` otherwise.
Result<std::int64_t> parse_timestamp(std::string_view text);

/// Seconds with nine decimals, as the engine takes them in `since`.
std::string unix_time(std::int64_t ns);

/// Cuts the bytes of a stream into entries. A multiplexed stream has frames with a head of eight bytes; that of a
/// terminal is lines, all of which count as standard output.
class LogDecoder {
 public:
  explicit LogDecoder(bool is_terminal) : is_terminal_(is_terminal) {}

  /// Calls `take` for each entry that is complete; keeps the rest. `invalid` when this is no log stream.
  Result<void> feed(std::string_view bytes, const std::function<void(const LogEntry&)>& take);

 private:
  Result<void> feed_frames(const std::function<void(const LogEntry&)>& take);
  Result<void> feed_lines(const std::function<void(const LogEntry&)>& take);

  const bool is_terminal_;
  std::string kept_;
};

/// How far one stream of a log has been passed on.
struct LogPosition {
  std::int64_t time_ns = 0;    ///< of the last entry that was passed on
  std::uint64_t entries = 0;   ///< how many of that time
  std::uint64_t part = 0;      ///< bytes of the next entry (of that time or later) that were passed on

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

/// Drops what was passed on before a stream was opened again with `since` its position. One for each stream.
class LogResumer {
 public:
  explicit LogResumer(LogPosition done) : done_(done) {}

  /// What of the entry is still to be passed on; empty when it was. Ask once for each entry.
  std::string_view remaining(const LogEntry& entry);
  /// `bytes` of an entry were passed on; `whole`: those were its last.
  void passed_on(std::int64_t time_ns, std::size_t bytes, bool whole);

  const LogPosition& position() const { return done_; }

 private:
  LogPosition done_;
  std::uint64_t seen_ = 0;  ///< entries of done_.time_ns since the stream was opened
  bool resuming_ = true;    ///< until the first new entry; afterwards times mean nothing: clocks may be set back
};

}  // namespace drover::docker
