#pragma once

#include <drover/result.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/value/value.h"

/// JSON text and Value. Any thread.
namespace drover::json {

constexpr std::size_t bytes_max = 32 << 20;  ///< longer input is refused (Code::exhausted)
constexpr std::size_t depth_max = 100;       ///< deeper nesting is refused (Code::invalid)

/// Reads one value, nothing but blanks around it. Numbers without fraction or exponent that fit are integers, all others
/// reals. Of two members with one name the last counts. Errors name the place: "line 3, column 7 (byte 41): syntax error".
Result<Value> parse(std::string_view text);

/// Compact; members in the order of the map; reals always with a fraction or an exponent.
std::string write(const Value& value);
void append(std::string& out, const Value& value);
/// Four blanks of indentation and a final newline, as `?pretty` answers.
std::string write_pretty(const Value& value);

}  // namespace drover::json
