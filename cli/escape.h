#pragma once

#include <string>
#include <string_view>

namespace drover::cli {

/// What a person types into a terminal session, with the escape character looked for: at the start of a line it and a dot
/// end the session, twice it is meant itself.
class EscapeFilter {
 public:
  /// '\0': nothing is looked for.
  explicit EscapeFilter(char escape) : escape_(escape) {}

  /// What of `typed` is passed on; `ended` becomes true at escape and dot, and what follows is dropped.
  std::string pass(std::string_view typed, bool& ended);

 private:
  enum class Where : unsigned char { line_start, after_escape, inside };
  char escape_;
  Where where_ = Where::line_start;
};

}  // namespace drover::cli
