#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// What a job file may hold: one row for each argument and block, with the member of the message it fills.
namespace drover::model::jobspec {

enum class Kind : std::uint8_t {
  text, integer, boolean,
  duration,      ///< "30s", or nanoseconds
  texts, integers,
  map,           ///< a block of texts
  map_argument,  ///< an argument that is a map of texts
  map_either,    ///< one or the other
  map_of_texts,  ///< a block of lists of texts
  free,          ///< a block of anything, kept as JSON text
  block,         ///< at most one
  blocks,        ///< any number, a list
  keyed,         ///< any number, a map by their label
  label,         ///< the block's label
  special,       ///< an argument that the code beside handles: shorthands
  aside,         ///< blocks that the code beside puts elsewhere
};

struct Row {
  std::string_view block;  ///< the kind of block it stands in
  std::string_view name;   ///< as in the file
  Kind kind;
  std::string_view field;  ///< the JSON name of the member; empty where there is none
  std::string_view of{};   ///< the kind of block, for blocks
  bool required = false;
};

std::span<const Row> all_rows();

}  // namespace drover::model::jobspec
