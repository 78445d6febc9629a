#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

/// What may stand at the end of a command line that is being typed. Shells ask the program itself, with the line in COMP_LINE,
/// so that what they offer is always what the program knows. Pure.
namespace drover::cli {

/// A line that is being typed, without the program: its whole words, and the one that the cursor is at ("" after a blank).
struct TypedLine {
  std::vector<std::string> words;
  std::string current;
};

/// Splits at blanks; quotes hold together.
TypedLine typed_line(std::string_view line);

/// Names of a kind ("jobs", "nodes", …) that begin so.
using NamesOf = std::function<std::vector<std::string>(std::string_view kind, const std::string& prefix)>;

/// Commands, flags or names that may stand there; sorted, each once.
std::vector<std::string> completions(const std::vector<Command>& commands, const std::vector<Flag>& common, const TypedLine& typed, const NamesOf& names);

}  // namespace drover::cli
