#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What each fuzzer of this folder is: a function from bytes to nothing, which must return. A property that does not
/// hold ends the process, and libFuzzer keeps the bytes.
namespace drover::fuzz {

/// Stops with both texts where they differ.
inline void require_equal(std::string_view what, std::string_view found, std::string_view wanted) {
  if (found == wanted) return;
  std::fprintf(stderr, "%.*s differ\n--- found\n%.*s\n--- wanted\n%.*s\n", static_cast<int>(what.size()), what.data(), static_cast<int>(found.size()), found.data(),
               static_cast<int>(wanted.size()), wanted.data());
  std::abort();
}

inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

inline std::string text_of(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace drover::fuzz
