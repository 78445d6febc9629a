#pragma once

#include <cstdint>
#include <string_view>

namespace drover {

/// CRC-32 of bytes, going on from `before`: what tells a damaged record from a whole one. Not against intent.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace drover
