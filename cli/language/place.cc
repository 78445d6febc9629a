#include "cli/language/place.h"

#include <algorithm>

#include "base/hcl/token.h"
#include "base/hcl/unicode.h"

namespace drover::cli::language {

using hcl::Token;
using enum hcl::TokenKind;

namespace {

/// How many UTF-16 units the character at the front of `text` has; `bytes` is set to its length.
int units(std::string_view text, std::size_t& bytes) {
  const auto decoded = hcl::unicode::decode(text);
  bytes = std::max<std::size_t>(decoded.bytes, 1);
  return decoded.bytes != 0 && decoded.code > 0xFFFF ? 2 : 1;
}

std::size_t line_start(std::string_view text, int line) {
  std::size_t at = 0;
  for (; line > 0; --line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return text.size();
    at = end + 1;
  }
  return at;
}

/// What one open bracket is: a block's brace with its type, or any other.
struct Open {
  hcl::TokenKind closed_by = close_brace;
  bool is_block = false;
  std::string type;
};

class Walker {
 public:
  void see(const Token& token) {
    switch (token.kind) {
      case newline: case comment:
        if (token.text().ends_with('\n')) new_line();
        return;
      case identifier:
        if (line_.empty() && at_body()) line_.push_back(std::string(token.text()));
        else if (!value_ && !line_.empty()) line_.push_back(std::string(token.text()));
        return;
      case quoted_text:
        if (!value_ && !line_.empty()) line_.push_back(std::string(token.text()));
        return;
      case equal: value_ = true; return;
      case open_brace: open(close_brace); return;
      case open_bracket: open(close_bracket); return;
      case open_paren: open(close_paren); return;
      case open_interpolation: case open_control: open(close_sequence); return;
      case close_brace: case close_bracket: case close_paren: case close_sequence: close(token.kind); return;
      default: return;
    }
  }

  Place place() const {
    Place out;
    for (const Open& open : open_)
      if (open.is_block && !open.type.empty()) out.blocks.push_back(open.type);
    out.in_value = value_ || !at_body();
    if (value_ && !line_.empty()) out.argument = line_[0];
    out.is_header = !out.in_value && line_.size() <= 1;
    return out;
  }

 private:
  bool at_body() const { return open_.empty() || open_.back().is_block; }

  void new_line() {
    if (!at_body()) return;
    line_.clear();
    value_ = false;
  }

  void open(hcl::TokenKind closed_by) {
    Open open{closed_by, closed_by == close_brace && !value_ && at_body() && !line_.empty(), {}};
    if (open.is_block) {
      // What a dynamic block generates stands in its `content`.
      const bool dynamic = line_[0] == "dynamic" && line_.size() > 1;
      open.type = line_[0] == "content" ? "" : dynamic ? line_[1] : line_[0];
      line_.clear();
    }
    values_.push_back(value_);
    if (!open.is_block) value_ = true;
    open_.push_back(std::move(open));
  }

  /// What was opened within and not closed ends too; a bracket that closes nothing is passed over.
  void close(hcl::TokenKind kind) {
    const auto opened = std::ranges::find(open_.rbegin(), open_.rend(), kind, &Open::closed_by);
    if (opened == open_.rend()) return;
    const auto left = static_cast<std::size_t>(open_.rend() - opened) - 1;
    value_ = values_[left];
    open_.resize(left);
    values_.resize(left);
  }

  std::vector<Open> open_;
  std::vector<bool> values_;  ///< whether a value was being read where each was opened
  std::vector<std::string> line_;
  bool value_ = false;
};

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::size_t offset_of(std::string_view text, EditorPosition position) {
  std::size_t at = line_start(text, position.line);
  for (int column = 0; column < position.column && at < text.size() && text[at] != '\n' && text[at] != '\r';) {
    std::size_t bytes = 1;
    column += units(text.substr(at), bytes);
    at += bytes;
  }
  return at;
}

EditorPosition position_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  EditorPosition out;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) < offset; at = end + 1) ++out.line;
  while (at < offset) {
    std::size_t bytes = 1;
    out.column += units(text.substr(at), bytes);
    at += bytes;
  }
  return out;
}

Place place_at(const std::string& text, std::size_t offset) {
  offset = std::min(offset, text.size());
  hcl::Diagnostics ignored;
  const auto source = hcl::Source::make("", text);
  Walker walker;
  bool in_text = false;
  std::size_t word_start = offset;
  while (word_start > 0 && is_name_byte(text[word_start - 1])) --word_start;
  for (const Token& token : hcl::lex(*source, hcl::LexMode::file, ignored)) {
    if (token.range.start.byte >= word_start) {
      in_text = in_text || ((token.kind == hcl::TokenKind::quoted_text || token.kind == heredoc_text) && token.range.start.byte < offset);
      break;
    }
    if (token.range.end.byte > word_start) {  // the cursor is within this token
      in_text = token.kind == quoted_text || token.kind == heredoc_text || token.kind == comment;
      break;
    }
    in_text = token.kind == open_quote || token.kind == open_heredoc || token.kind == heredoc_text || (token.kind == quoted_text && token.range.end.byte == offset);
    walker.see(token);
  }
  Place place = walker.place();
  place.in_text = in_text;
  std::size_t word_end = offset;
  while (word_end < text.size() && is_name_byte(text[word_end]) && text[word_end] != '.') ++word_end;
  place.word = text.substr(word_start, word_end - word_start);
  place.word_start = word_start;
  return place;
}

}  // namespace drover::cli::language
