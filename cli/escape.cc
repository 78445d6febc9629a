#include "cli/escape.h"

namespace drover::cli {

std::string EscapeFilter::pass(std::string_view typed, bool& ended) {
  if (escape_ == '\0') return std::string(typed);
  std::string passed;
  for (const char c : typed) {
    if (where_ == Where::after_escape) {
      if (c == '.') {
        ended = true;
        return passed;
      }
      if (c != escape_) passed += escape_;
      where_ = Where::inside;
    } else if (where_ == Where::line_start && c == escape_) {
      where_ = Where::after_escape;
      continue;
    }
    passed += c;
    where_ = c == '\r' || c == '\n' ? Where::line_start : Where::inside;
  }
  return passed;
}

}  // namespace drover::cli
