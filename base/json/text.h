#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// The small texts that JSON is made of, written as Go writes them.
namespace drover::json {

/// In quotes, with the escapes that Go uses (`<`, `>` and `&` stay). Bytes that are no UTF-8 become U+FFFD.
void append_quoted(std::string& out, std::string_view text);
/// The shortest text that reads back as the same number, always with a fraction or an exponent. Not a number: null.
void append_real(std::string& out, double value);
void append_integer(std::string& out, std::int64_t value);
void append_integer(std::string& out, std::uint64_t value);

}  // namespace drover::json
