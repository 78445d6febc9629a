#include "base/hcl/format.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "base/hcl/diagnostic.h"
#include "base/hcl/parser.h"
#include "base/hcl/token.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {
namespace {

using enum TokenKind;

constexpr std::size_t indent_width = 2;
/// Aligning comments can move what they are aligned with; so often it is done again until nothing moves.
constexpr int rounds_max = 4;

struct Piece {
  TokenKind kind = end;
  std::string_view text;
  std::size_t spaces = 0;  ///< before it
};
using Pieces = std::span<Piece>;

/// A line in three cells: what is assigned to (or everything), the equals sign and the value, a comment at the end.
struct Line {
  Pieces lead, assign, comment;
};

/// How many brackets a token opens (1) or closes (-1).
int bracket_change(TokenKind kind) {
  switch (kind) {
    case open_brace: case open_bracket: case open_paren: case open_control: case open_interpolation: return 1;
    case close_brace: case close_bracket: case close_paren: case close_sequence: return -1;
    default: return 0;
  }
}

int bracket_change(Pieces pieces) {
  int change = 0;
  for (const Piece& piece : pieces) change += bracket_change(piece.kind);
  return change;
}

bool ends_line(const Piece& piece) { return piece.kind == newline || (piece.kind == comment && piece.text.ends_with('\n')); }

bool is_template_text(TokenKind kind) { return kind == quoted_text || kind == heredoc_text; }

/// Whether a minus behind this is a sign, not a subtraction.
bool makes_minus_a_sign(TokenKind before) {
  switch (before) {
    case end: case open_paren: case open_brace: case open_bracket: case equal: case colon: case comma: case question:
    case plus: case star: case slash: case percent: case minus:
    case equal_equal: case not_equal: case greater: case greater_equal: case less: case less_equal:
    case and_and: case or_or: case bang: return true;
    default: return false;
  }
}

/// Whether a space stands between two pieces. `before` is what stands in front of both.
bool is_apart(TokenKind before, const Piece& left, const Piece& right) {
  if (right.kind == newline || right.kind == end) return false;
  if (left.kind == identifier && (right.kind == open_paren || right.kind == double_colon)) return false;
  if (left.kind == double_colon && right.kind == identifier) return false;
  if (left.kind == dot || right.kind == dot || right.kind == comma || right.kind == ellipsis) return false;
  if (left.kind == comma) return true;
  if (is_template_text(left.kind) || is_template_text(right.kind)) return false;
  if (left.kind == open_quote || left.kind == open_heredoc || right.kind == close_quote || right.kind == close_heredoc) return false;
  if (left.kind == identifier && left.text == "in" && before == identifier) return true;  // `for x in [1, 2]`, which is no index
  if (right.kind == open_bracket && (left.kind == identifier || left.kind == number || bracket_change(left.kind) < 0)) return false;
  if (left.kind == bang) return false;
  if (left.kind == minus) return !makes_minus_a_sign(before);
  if (left.kind == open_brace || right.kind == close_brace) return !(left.kind == open_brace && right.kind == close_brace);
  if ((left.kind == open_interpolation || left.kind == open_control) && right.kind == open_brace) return true;
  if (left.kind == close_brace && right.kind == close_sequence) return true;
  if (left.kind == close_sequence && (right.kind == open_interpolation || right.kind == open_control)) return false;
  return bracket_change(left.kind) <= 0 && bracket_change(right.kind) >= 0;
}

/// Without a space the three would be one number.
bool would_be_a_number(const Piece& left, const Piece& point, const Piece* right) {
  return left.kind == number && point.kind == dot && right && right->kind == number;
}

void set_spaces(Pieces pieces) {
  for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
    const Piece* beyond = i + 2 < pieces.size() ? &pieces[i + 2] : nullptr;
    const bool apart = is_apart(i > 0 ? pieces[i - 1].kind : end, pieces[i], pieces[i + 1]) || would_be_a_number(pieces[i], pieces[i + 1], beyond);
    pieces[i + 1].spaces = apart ? 1 : 0;
  }
}

std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(std::min(unicode::cluster_length(text), text.size()));
    ++count;
  }
  return count;
}

std::size_t columns(Pieces pieces) {
  std::size_t count = 0;
  for (const Piece& piece : pieces) count += piece.spaces + columns(piece.text);
  return count;
}

std::vector<Line> lines_of(std::vector<Piece>& pieces) {
  std::vector<Line> lines;
  const Pieces all(pieces);
  std::size_t from = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!ends_line(all[i]) && i + 1 < all.size()) continue;
    lines.push_back(Line{all.subspan(from, i + 1 - from), {}, {}});
    from = i + 1;
  }
  for (Line& line : lines) {
    if (line.lead.size() > 1 && line.lead.back().kind == comment) {
      line.comment = line.lead.last(1);
      line.lead = line.lead.first(line.lead.size() - 1);
    }
    const auto sign = std::find_if(line.lead.begin() + 1, line.lead.end(), [](const Piece& piece) { return piece.kind == equal; });
    if (sign == line.lead.end()) continue;
    // A value that goes on in the lines below is not aligned.
    const auto at = static_cast<std::size_t>(sign - line.lead.begin());
    if (bracket_change(line.lead.subspan(at)) != 0) continue;
    line.assign = line.lead.subspan(at);
    line.lead = line.lead.first(at);
  }
  return lines;
}

/// A line that opens more brackets than it closes indents what follows by one level, however many they are; that level
/// ends where as many are closed.
void indent(std::vector<Line>& lines) {
  std::vector<int> opened;
  for (Line& line : lines) {
    if (line.lead[0].kind == newline) {
      line.lead[0].spaces = 0;
      continue;
    }
    const int change = bracket_change(line.lead) + bracket_change(line.assign);
    for (int closed = -change; closed > 0 && !opened.empty();) {
      const int here = std::min(closed, opened.back());
      closed -= here;
      opened.back() -= here;
      if (opened.back() == 0) opened.pop_back();
    }
    line.lead[0].spaces = indent_width * opened.size();
    if (change > 0) opened.push_back(change);
  }
}

/// Puts one cell of neighbouring lines one below the other, a space behind the longest of what stands before it.
template <class Width>
void align(std::vector<Line>& lines, Pieces Line::*cell, const Width& width) {
  for (std::size_t i = 0; i < lines.size();) {
    std::size_t last = i, widest = 0;
    for (; last < lines.size() && !(lines[last].*cell).empty(); ++last) widest = std::max(widest, width(lines[last]));
    for (; i < last; ++i) (lines[i].*cell)[0].spaces = widest - width(lines[i]) + 1;
    ++i;
  }
}

std::string formatted_once(std::string_view text) {
  Diagnostics ignored;
  const auto source = Source::make("", std::string(text));
  const std::vector<Token> tokens = lex(*source, LexMode::file, ignored);
  std::vector<Piece> pieces;
  pieces.reserve(tokens.size());
  std::size_t at = tokens.front().range.start.byte;
  for (const Token& token : tokens) {
    pieces.push_back(Piece{token.kind, token.text(), token.range.start.byte - at});
    at = token.range.end.byte;
  }
  std::vector<Line> lines = lines_of(pieces);
  indent(lines);
  for (Line& line : lines) {
    set_spaces(line.lead);
    set_spaces(line.assign);
  }
  align(lines, &Line::assign, [](const Line& line) { return columns(line.lead); });
  align(lines, &Line::comment, [](const Line& line) { return columns(line.lead) + columns(line.assign); });

  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const Piece& piece : pieces) out.append(piece.spaces, ' ').append(piece.text);
  return out;
}

}  // namespace

std::string format(std::string_view text) {
  std::string out = formatted_once(text);
  for (int round = 1; round < rounds_max; ++round) {
    std::string again = formatted_once(out);
    if (again == out) break;
    out = std::move(again);
  }
  return out;
}

}  // namespace drover::hcl
