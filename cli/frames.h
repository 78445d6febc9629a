#pragma once

#include <drover/result.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/value/value.h"

namespace drover::cli {

/// Takes the API's stream of JSON objects without separators apart, however it arrives in pieces.
class FrameReader {
 public:
  static constexpr std::size_t frame_bytes_max = 1 << 20;

  /// Calls `on_frame` for each object that is complete now. An error when what comes is no such stream.
  Result<void> take(std::string_view piece, const std::function<void(const Value&)>& on_frame);

 private:
  std::string open_;  ///< of the object that is not complete yet
  std::size_t looked_ = 0;
  int depth_ = 0;
  bool in_text_ = false, escaped_ = false;
};

/// The last `count` lines of a text, whole.
std::string_view last_lines(std::string_view text, std::size_t count);

}  // namespace drover::cli
