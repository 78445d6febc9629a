#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <drover/result.h>

#include "base/value/value.h"

/// MessagePack, as far as driver configurations need it: nil, bool, integers, floats, text, arrays and maps.
namespace drover::msgpack {

inline constexpr int depth_max = 64;                  ///< of nested arrays and maps, reading
inline constexpr std::size_t size_max = 64u << 20;    ///< bytes of one document, reading

/// Every integer in its shortest form, a real always as float64, text never as bin, members in the order they have.
std::string encode(const Value& value);

/// Reads one document and nothing after it. Binary becomes text; an unsigned integer beyond int64 becomes its digits as
/// text. Refused, with the place: extensions, map keys that are no text, what is truncated or nested too deep.
Result<Value> decode(std::string_view bytes);

}  // namespace drover::msgpack
