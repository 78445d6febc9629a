#pragma once

#include <cstddef>
#include <cstdint>

/// The few things drover-shim does with texts, numbers and files: no memory is allocated, nothing buffers.
namespace drover::sdk::shim {

std::uint64_t parse_number(const char* text);
bool same(const char* a, const char* b);

/// A text built in place; what does not fit is cut (and `fits` turns false).
template <std::size_t size>
struct Line {
  char chars[size] = {};
  std::size_t length = 0;
  bool fits = true;

  void add(const char* text) {
    for (; *text; ++text) add_char(*text);
  }
  void add_number(std::int64_t value) {
    char digits[24];
    int count = 0;
    std::uint64_t rest = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    do digits[count++] = static_cast<char>('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) add_char('-');
    while (count > 0) add_char(digits[--count]);
  }
  void add_char(char c) {
    if (length + 1 < size) chars[length++] = c;
    else fits = false;
  }
};

/// Reads at most `size - 1` bytes and ends them with NUL; the count, or -errno.
int read_file(const char* path, char* buffer, std::size_t size);
/// Writes into an existing file; 0 or -errno.
int write_file(const char* path, const char* bytes, std::size_t size);
/// Writes all of it; 0 or -errno.
int write_all(int fd, const void* bytes, std::size_t size);

/// Field 22 of /proc/PID/stat, 0 when there is no such process.
std::uint64_t start_ticks(int pid);
std::int64_t wall_clock_ns();

}  // namespace drover::sdk::shim
