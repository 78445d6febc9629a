#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/hcl/diagnostic.h"

/// Where the cursor is in a text that may be half written: found from its tokens, so that broken text has places too.
namespace drover::cli::language {

/// A place as editors count it: lines from 0, columns in units of UTF-16.
struct EditorPosition {
  int line = 0;
  int column = 0;
};

/// The byte offset of a position; the end of its line, or of the text, where it lies beyond.
std::size_t offset_of(std::string_view text, EditorPosition position);
EditorPosition position_of(std::string_view text, std::size_t offset);

struct Place {
  std::vector<std::string> blocks;  ///< the types of the blocks around, outermost first; `dynamic "x"` counts as x
  std::string word;                 ///< the name that the cursor is in or behind, with dots: "var.im"
  std::size_t word_start = 0;
  std::string argument;             ///< what is assigned to on this line, where the cursor is in the value
  bool in_value = false;            ///< behind an equals sign, or within a list, map or call
  bool in_text = false;             ///< within quotes or a heredoc, outside of ${ }
  bool is_header = false;           ///< the word begins its line: an argument's or block's name
};

Place place_at(const std::string& text, std::size_t offset);

}  // namespace drover::cli::language
