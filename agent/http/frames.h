#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace drover::agent {

/// The most bytes of a file in one frame.
constexpr std::size_t frame_bytes_max = 64 * 1024;

/// A piece of a followed file. Written as one JSON object without a separator; empty members are left out, so that a
/// heartbeat is "{}".
struct Frame {
  std::string_view data;
  std::string_view file;
  std::string_view event;    ///< "file deleted", "file truncated"
  std::uint64_t offset = 0;  ///< in `file`, after the data
};

std::string write_frame(const Frame& frame);

}  // namespace drover::agent
