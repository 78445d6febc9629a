#include <algorithm>
#include <limits>
#include <utility>

#include "base/hcl/parser_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {

using enum TokenKind;

/// One token or sequence of a template, before directives are matched with their ends.
struct Parser::Piece {
  enum class Kind : std::uint8_t { text, interpolation, begin_if, begin_else, end_if, begin_for, end_for, invalid };
  Kind kind = Kind::invalid;
  Range range;
  std::string text;
  ExpressionPtr expression;
  Range between;
  std::string key_name, value_name;
  bool strip_before = false, strip_after = false;
};

namespace {

template <class Node>
ExpressionPtr make(const Range& range, Node node) {
  return std::make_unique<Expression>(Expression{range, std::move(node)});
}

/// `$${` and `%%{` mean `${` and `%{`.
std::string undouble(std::string_view raw) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if ((c == '$' || c == '%') && raw.substr(i + 1, 2) == std::string{c, '{'}) ++i;
    out.push_back(c);
  }
  return out;
}

/// The place `bytes` into a token that has no line end before it.
Range inside(const Token& token, std::size_t from, std::size_t length) {
  Range out = token.range;
  const std::string_view text = token.text();
  out.start.column += static_cast<int>(unicode::count_clusters(text.substr(0, from)));
  out.start.byte += from;
  out.end = out.start;
  out.end.column += static_cast<int>(unicode::count_clusters(text.substr(from, length)));
  out.end.byte += text.substr(from, length).size();
  return out;
}

std::size_t leading_blanks(std::string_view line) {
  std::size_t count = 0;
  while (!line.empty()) {
    const unicode::Decoded d = unicode::decode(line);
    if (d.bytes == 0 || !unicode::is_space(d.code) || d.code == '\n' || line.starts_with("\r\n")) break;
    line.remove_prefix(unicode::cluster_length(line));
    ++count;
  }
  return count;
}

void drop_clusters(std::string& text, std::size_t count) {
  std::string_view rest = text;
  for (; count > 0 && !rest.empty(); --count) rest.remove_prefix(unicode::cluster_length(rest));
  text.erase(0, text.size() - rest.size());
}

}  // namespace

std::string Parser::decode_quoted(const Token& token) {
  const std::string_view raw = token.text();
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if ((c == '$' || c == '%') && raw.substr(i + 1, 2) == std::string{c, '{'}) {
      out.append({c, '{'});
      i += 2;
      continue;
    }
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    const char kind = i + 1 < raw.size() ? raw[i + 1] : '\0';
    const std::size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits != 0) {
      const std::string_view hex = raw.substr(i + 2, digits);
      const bool is_hex = hex.size() == digits && hex.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
      if (!is_hex || !unicode::append(out, static_cast<char32_t>(std::stoul(std::string(hex), nullptr, 16))))
        error(inside(token, i, 2 + hex.size()), "Invalid escape sequence", text("\\{} must be followed by {} hexadecimal digits of a character.", kind, static_cast<int>(digits)));
      i += 1 + hex.size();
      continue;
    }
    const std::string_view kinds = "nrt\"\\", meanings = "\n\r\t\"\\";
    const std::size_t at = kind ? kinds.find(kind) : std::string_view::npos;
    if (at == std::string_view::npos) {
      error(inside(token, i, 2), "Invalid escape sequence", text("The symbol \"{}\" is not a valid escape. A backslash itself is written as \\\\.", raw.substr(i + 1, 1)));
    } else {
      out.push_back(meanings[at]);
    }
    ++i;
  }
  return out;
}

ExpressionPtr Parser::quoted() {
  const Token opening = read();
  return template_until(close_quote, opening.range, true);
}

ExpressionPtr Parser::heredoc() {
  const Token opening = read();
  const bool indented = opening.text().starts_with("<<-");
  std::vector<Piece> pieces = pieces_until(close_heredoc, opening.range, false);
  const Range whole = between(opening.range, last_range());
  if (indented) {
    std::size_t smallest = std::numeric_limits<std::size_t>::max();
    std::vector<std::string*> lines;
    bool line_start = true;
    for (Piece& piece : pieces) {
      const bool is_text = piece.kind == Piece::Kind::text;
      if (line_start && is_text) {
        const std::size_t blanks = leading_blanks(piece.text);
        const bool is_blank = unicode::trim(piece.text).empty() && piece.text.ends_with('\n');
        if (!is_blank) smallest = std::min(smallest, blanks);
        lines.push_back(&piece.text);
      } else if (line_start) {
        smallest = 0;
      }
      line_start = is_text && piece.text.ends_with('\n');
    }
    if (smallest != std::numeric_limits<std::size_t>::max())
      for (std::string* line : lines) drop_clusters(*line, std::min(smallest, leading_blanks(*line)));
  }
  std::size_t at = 0;
  return assemble(pieces, at, 0, whole, true);
}

ExpressionPtr Parser::template_until(TokenKind closing, const Range& opening, bool decode_escapes) {
  std::vector<Piece> pieces = pieces_until(closing, opening, decode_escapes);
  const Range whole = between(opening, closing == end ? opening : last_range());
  std::size_t at = 0;
  return assemble(pieces, at, 0, whole, false);
}

std::vector<Parser::Piece> Parser::pieces_until(TokenKind closing, const Range& opening, bool decode_escapes) {
  const Deeper deeper(*this);
  std::vector<Piece> out;
  bool strip = false;
  while (!too_deep()) {
    const Token next = peek();
    Piece piece;
    switch (next.kind) {
      case quoted_text: case heredoc_text:
        read();
        piece.kind = Piece::Kind::text;
        piece.range = next.range;
        piece.text = decode_escapes ? decode_quoted(next) : undouble(next.text());
        if (strip) piece.text = std::string(unicode::trim_left(piece.text));
        break;
      case open_interpolation: piece = interpolation_piece(); break;
      case open_control: piece = control_piece(); break;
      default:
        if (next.kind == closing) {
          read();
          return out;
        }
        if (next.kind == quoted_newline) {
          error(next.range, "Invalid multi-line string", "Quoted text may not be split over several lines. Write \\n for a line end, or use a heredoc, such as <<EOT.");
          read();
        } else if (next.kind == end) {
          unexpected(opening, "Unterminated template string", closing == close_heredoc ? "The line that ends this heredoc, its marker alone on a line, is missing." : "There is no closing quote for this text.");
        } else {
          unexpected(next.range, "Invalid template", "This cannot stand within a text.");
          read();
        }
        recovering_ = true;
        return out;
    }
    if (piece.strip_before && !out.empty() && out.back().kind == Piece::Kind::text) out.back().text = std::string(unicode::trim_right(out.back().text));
    strip = piece.strip_after;
    out.push_back(std::move(piece));
  }
  return out;
}

Parser::Piece Parser::interpolation_piece() {
  const Newlines hidden(*this, false);
  Piece piece;
  const Token opening = read();
  piece.kind = Piece::Kind::interpolation;
  piece.strip_before = opening.text().ends_with('~');
  piece.expression = expression();
  const Token closing = peek();
  piece.between = Range{&source_, opening.range.end, closing.range.start};
  piece.range = between(opening.range, closing.range);
  if (closing.kind == close_sequence) {
    piece.strip_after = read().text().starts_with('~');
    return piece;
  }
  if (closing.kind == end) {
    unexpected(opening.range, "Unclosed template interpolation sequence", "There is no closing brace for this \"${\".");
  } else if (closing.kind == colon) {
    unexpected(closing.range, "Extra characters after interpolation expression", "A colon cannot stand here. If this is text for another program, such as a shell, write \"$${\" for \"${\".");
  } else if (closing.kind == quoted_newline || closing.kind == close_quote) {
    unexpected(opening.range, "Unclosed template interpolation sequence", "The text ends before the closing brace of this \"${\".");
  } else if (closing.kind != bad) {
    unexpected(closing.range, "Extra characters after interpolation expression", "A closing brace is expected here. If this is text for another program, such as a shell, write \"$${\" for \"${\".");
  }
  recover(close_sequence);
  return piece;
}

void Parser::close_control() {
  if (next_is(close_sequence)) return;
  if (!next_is(bad)) unexpected(peek().range, "Extra characters in template control sequence", "A closing brace is expected here. To write \"%{\" literally, double the percent sign.");
  while (!next_is(close_sequence) && !next_is(end)) read();
  recovering_ = true;
}

Parser::Piece Parser::control_piece() {
  using Kind = Piece::Kind;
  const Newlines hidden(*this, false);
  Piece piece;
  const Token opening = read();
  piece.strip_before = opening.text().ends_with('~');
  const Token word = peek();
  const std::string_view name = word.kind == identifier ? word.text() : std::string_view{};
  if (name == "if") {
    read(), if_piece(piece);
  } else if (name == "for") {
    read(), for_piece(piece);
  } else if (name == "else" || name == "endif" || name == "endfor") {
    read();
    piece.kind = name == "else" ? Kind::begin_else : name == "endif" ? Kind::end_if : Kind::end_for;
  } else {
    const std::string hint = did_you_mean(name, {"if", "else", "endif", "for", "endfor"});
    unexpected(word.range, "Invalid template directive", "\"%{\" begins a directive: if, else, endif, for or endfor. To write it literally, double the percent sign (\"%%{\")." + hint);
    recovering_ = true;
  }
  close_control();
  piece.range = between(opening.range, peek().range);
  if (next_is(close_sequence)) piece.strip_after = read().text().starts_with('~');
  return piece;
}

void Parser::if_piece(Piece& piece) {
  piece.kind = Piece::Kind::begin_if;
  piece.expression = expression();
}

void Parser::for_piece(Piece& piece) {
  piece.kind = Piece::Kind::begin_for;
  const auto name = [this](std::string& out) {
    if (!next_is(identifier)) {
      unexpected(peek().range, "Invalid 'for' directive", "The name of a variable is expected here.");
      recovering_ = true;
      return;
    }
    out = std::string(read().text());
  };
  name(piece.value_name);
  if (take(comma)) {
    piece.key_name = std::move(piece.value_name);
    name(piece.value_name);
  }
  if (!next_is(identifier) || peek().text() != "in") {
    unexpected(peek().range, "Invalid 'for' directive", "The word \"in\" is expected after the names of the variables.");
    piece.expression = invalid(peek().range);
    return;
  }
  read();
  piece.expression = expression();
}

/// Matches directives with their ends. `depth` 0 is the whole template; deeper, it stops at what ends the directive.
ExpressionPtr Parser::assemble(std::vector<Piece>& pieces, std::size_t& at, int depth, const Range& whole, bool is_heredoc) {
  using Kind = Piece::Kind;
  Template out;
  out.is_heredoc = is_heredoc;
  if (depth > nesting_max) {
    unexpected(whole, "Nested too deep", text("Directives may be nested {} levels deep at most.", nesting_max));
    recovering_ = true;
    at = pieces.size();
    return make(whole, std::move(out));
  }
  const auto ends_wrongly = [&](const Piece& begun, Kind wanted, const char* name) {
    if (at < pieces.size() && pieces[at].kind == wanted) return ++at, false;
    unexpected(begun.range, "Unexpected end of template", text("This directive has no \"{}\".", name));
    recovering_ = true;
    return true;
  };
  for (; at < pieces.size();) {
    Piece& piece = pieces[at];
    const bool ends = piece.kind == Kind::begin_else || piece.kind == Kind::end_if || piece.kind == Kind::end_for;
    if (ends && depth > 0) break;
    ++at;
    switch (piece.kind) {
      case Kind::text: out.parts.push_back(make(piece.range, Text{std::move(piece.text)})); break;
      case Kind::interpolation: out.parts.push_back(make(piece.range, Interpolation{std::move(piece.expression), piece.between})); break;
      case Kind::begin_if: {
        TextIf node{std::move(piece.expression), assemble(pieces, at, depth + 1, piece.range, is_heredoc), nullptr};
        if (at < pieces.size() && pieces[at].kind == Kind::begin_else) {
          const Range other = pieces[at++].range;
          node.when_false = assemble(pieces, at, depth + 1, other, is_heredoc);
        } else {
          node.when_false = make(piece.range, Template{});
        }
        if (ends_wrongly(piece, Kind::end_if, "endif")) return make(whole, std::move(out));
        out.parts.push_back(make(piece.range, std::move(node)));
        break;
      }
      case Kind::begin_for: {
        TextFor node{std::move(piece.key_name), std::move(piece.value_name), std::move(piece.expression), assemble(pieces, at, depth + 1, piece.range, is_heredoc)};
        if (ends_wrongly(piece, Kind::end_for, "endfor")) return make(whole, std::move(out));
        out.parts.push_back(make(piece.range, std::move(node)));
        break;
      }
      case Kind::begin_else: case Kind::end_if: case Kind::end_for:
        unexpected(piece.range, "Unexpected directive", "This directive ends or continues one that was not begun.");
        recovering_ = true;
        break;
      case Kind::invalid: break;
    }
  }
  return make(whole, std::move(out));
}

}  // namespace drover::hcl::detail
