#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// What each of these files may hold.
namespace drover::model::spec_files {

enum class Kind : std::uint8_t {
  text, integer, boolean,
  duration,  ///< "24h", becomes nanoseconds
  bytes,     ///< "10GiB", or a number; becomes bytes
  texts,
  map,       ///< a block, or an argument, of texts
  block,     ///< at most one
  blocks,    ///< any number, a list
  keyed,     ///< any number with one label, a map by it
  label,     ///< the block's label
};

struct Row {
  std::string_view block;   ///< the kind of block it stands in; a file is one, too
  std::string_view name;
  Kind kind;
  std::string_view field;   ///< in JSON
  std::string_view of{};    ///< the kind of block, for blocks; for texts, what they may be (separated by blanks)
  bool required = false;
};

std::span<const Row> all_rows();

}  // namespace drover::model::spec_files
