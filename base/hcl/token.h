#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/hcl/diagnostic.h"

namespace drover::hcl {

/// What the lexer tells apart. Punctuation is a kind of its own each; `bad` is what no text may hold.
enum class TokenKind : std::uint8_t {
  end, newline, comment, identifier, number,
  open_quote, close_quote, quoted_text,            // "…": the text between escapes and sequences
  open_heredoc, heredoc_text, close_heredoc,       // <<X …: one text a line, its end included
  open_interpolation, open_control, close_sequence,  // ${ %{ }, each with an optional ~
  open_brace, close_brace, open_bracket, close_bracket, open_paren, close_paren,
  equal, equal_equal, not_equal, less, less_equal, greater, greater_equal, and_and, or_or, bang, question, colon, double_colon,
  arrow, ellipsis, comma, dot, plus, minus, star, slash, percent,
  quoted_newline, bad,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Range range;

  std::string_view text() const { return range.text(); }
};

/// A whole file, or only the inside of a template (no quotes around it).
enum class LexMode : std::uint8_t { file, text };

/// Splits a text, comments included; the last token is `end`. Adds an error for what cannot be a token.
std::vector<Token> lex(const Source& source, LexMode mode, Diagnostics& out);
/// The same for a part of the text, which starts at `start` and ends before byte `end`.
std::vector<Token> lex_part(const Source& source, Position start, std::size_t end, LexMode mode, Diagnostics& out);

}  // namespace drover::hcl
