#include "agent/store/log_damage.h"

#include <cstddef>
#include <cstdint>

#include <drover/result.h>

namespace drover::agent {
namespace {

constexpr std::size_t header_size = 32;
constexpr std::size_t header_summed = 24;
constexpr std::size_t frame_header_size = 24;
constexpr std::size_t frame_header_summed = 8;
constexpr std::uint32_t magic = 0x377f0682;  ///< its last bit: sums are over big-endian words
constexpr std::uint32_t logs_ago_max = 1U << 20;
constexpr std::uint32_t page_size_min = 512;
constexpr std::uint32_t page_size_max = 65536;

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i > 0; --i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i - 1]);
  return value;
}

/// The running checksum of a log.
struct Sum {
  bool is_big_endian = false;
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  void add(std::string_view bytes) {
    const auto word = is_big_endian ? big_endian : little_endian;
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += word(bytes, at) + second;
      second += word(bytes, at + 4) + first;
    }
  }
  bool is_at(std::string_view bytes, std::size_t at) const { return big_endian(bytes, at) == first && big_endian(bytes, at + 4) == second; }
};

}  // namespace

std::string log_damage(std::string_view log) {
  if (log.empty()) return "";
  if (log.size() < header_size) return "it ends in its head";
  Sum sum{(big_endian(log, 0) & 1) != 0};
  sum.add(log.substr(0, header_summed));
  const std::uint32_t page_size = big_endian(log, 8);
  const bool head_fits = (big_endian(log, 0) & ~1U) == magic && sum.is_at(log, header_summed);
  if (!head_fits || page_size < page_size_min || page_size > page_size_max) return "its head is damaged";

  const std::string_view mark = log.substr(16, 8);
  const std::size_t frame_size = frame_header_size + page_size;
  const auto is_of_this_log = [&](std::size_t at) { return at + frame_header_size <= log.size() && log.substr(at + 8, 8) == mark; };
  std::size_t number = 1;
  for (std::size_t at = header_size; at < log.size(); at += frame_size, ++number) {
    const bool is_whole = at + frame_size <= log.size();
    if (is_of_this_log(at) && is_whole) {
      sum.add(log.substr(at, frame_header_summed));
      sum.add(log.substr(at + frame_header_size, page_size));
      if (sum.is_at(log, at + 16)) continue;
      return text("its record {} is damaged, or was never finished", number);
    }
    if (is_of_this_log(at) || !is_whole) return text("its record {} is cut off", number);
    // The first half of the mark counts up with each log, the second is thrown anew: one of before differs in both, as does all
    // that follows it; one in which bits have changed, in one.
    const std::uint32_t logs_ago = big_endian(log, 16) - big_endian(log, at + 8);
    const bool is_of_before = logs_ago >= 1 && logs_ago <= logs_ago_max && big_endian(log, 20) != big_endian(log, at + 12);
    return is_of_before ? "" : text("its record {} is damaged", number);
  }
  return "";
}

}  // namespace drover::agent
