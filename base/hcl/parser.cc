#include "base/hcl/parser.h"

#include "base/hcl/parser_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {

const Attribute* Body::find(std::string_view name) const {
  const auto at = index.find(name);
  return at == index.end() ? nullptr : &attributes[at->second];
}

namespace detail {

using enum TokenKind;

const Token& Parser::peek() {
  for (; tokens_[at_].kind != end; ++at_) {
    const Token& token = tokens_[at_];
    if (token.kind == comment) {
      if (!newlines_.back() || !token.text().ends_with('\n')) continue;
      line_end_ = Token{newline, token.range};
      return line_end_;
    }
    if (token.kind == newline && !newlines_.back()) continue;
    return token;
  }
  return tokens_[at_];
}

const Token& Parser::read() {
  const Token& token = peek();
  if (token.kind != end) ++at_;
  return token;
}

bool Parser::take(TokenKind kind) {
  if (!next_is(kind)) return false;
  read();
  return true;
}

Range Parser::last_range() const { return at_ == 0 ? tokens_[0].range : tokens_[at_ - 1].range; }

/// Skips past the next `end` that is not nested in brackets opened on the way.
void Parser::recover(TokenKind wanted) {
  recovering_ = true;
  for (int depth = 0;;) {
    const Token& token = read();
    if (token.kind == end) return;
    if (token.kind == wanted && depth == 0) return;
    switch (token.kind) {
      case open_brace: case open_bracket: case open_paren: case open_quote: case open_heredoc: case open_interpolation: case open_control: ++depth; break;
      case close_brace: case close_bracket: case close_paren: case close_quote: case quoted_newline: case close_heredoc: case close_sequence: depth -= depth > 0; break;
      default: break;
    }
  }
}

/// Skips to the next body item: past the next newline outside of any brackets.
void Parser::recover_after_item() {
  recovering_ = true;
  const Newlines visible(*this, true);
  for (int depth = 0;;) {
    const Token& token = read();
    switch (token.kind) {
      case end: return;
      case newline: if (depth == 0) return; break;
      case quoted_newline: if (depth <= 1) return; --depth; break;
      case open_brace: case open_bracket: case open_paren: case open_quote: case open_heredoc: case open_interpolation: case open_control: ++depth; break;
      case close_brace: case close_bracket: case close_paren: case close_quote: case close_heredoc: case close_sequence: depth -= depth > 0; break;
      default: break;
    }
  }
}

bool Parser::too_deep() {
  if (depth_ <= nesting_max) return false;
  unexpected(peek().range, "Nested too deep", text("Expressions and blocks may be nested {} levels deep at most.", nesting_max));
  at_ = tokens_.size() - 1;
  recovering_ = true;
  return true;
}

Body Parser::body(TokenKind closing, const Range& opening) {
  const Deeper deeper(*this);
  const Newlines visible(*this, true);
  Body out;
  out.range = opening;
  if (too_deep()) return out;
  for (;;) {
    const Token next = peek();
    if (next.kind == newline) {
      read();
    } else if (next.kind == closing) {
      out.end = Range{&source_, next.range.start, next.range.start};
      out.range.end = next.range.end;
      read();
      return out;
    } else if (next.kind == identifier) {
      body_item(out);
    } else if (next.kind == end) {
      unexpected(opening, "Unclosed configuration block", "There is no closing brace for this block before the end of the file.");
      recovering_ = true;
      out.end = next.range;
      return out;
    } else {
      if (next.kind == open_quote) {
        unexpected(next.range, "Invalid argument name", "Argument names must not be quoted.");
      } else if (next.kind != bad) {
        unexpected(next.range, "Argument or block definition required", "An argument or block definition is required here.");
      }
      recover_after_item();
    }
  }
}

void Parser::body_item(Body& body) {
  const Token name = read();
  switch (peek().kind) {
    case equal: return attribute(body, name, false);
    case open_quote: case open_brace: case identifier: return block(body, name);
    default: break;
  }
  const Range at = peek().range;
  if (at_newline() || next_is(end)) {
    unexpected(name.range, "Invalid block definition", "A block definition must have its content between \"{\" and \"}\", starting on the same line as the block type.");
  } else {
    unexpected(at, "Argument or block definition required", "An argument or block definition is required here. To set an argument, write its name, an equals sign and its value.");
  }
  recover_after_item();
}

void Parser::attribute(Body& body, const Token& name, bool one_line) {
  read();  // the equals sign
  const std::size_t errors_before = out_.size();
  Attribute out{std::string(name.text()), name.range, name.range, expression()};
  out.range = between(name.range, out.value->range);
  const bool failed = recovering_ && out_.size() != errors_before;
  if (failed) {
    one_line ? recover(close_brace) : recover_after_item();
  } else if (!one_line) {
    const Token next = peek();
    if (next.kind == newline) {
      read();
    } else if (next.kind != end) {
      if (next.kind == comma) {
        unexpected(next.range, "Unexpected comma after argument", "Argument definitions are separated by newlines, not commas. Put each on a line of its own.");
      } else if (next.kind != bad) {
        unexpected(next.range, "Missing newline after argument", "An argument definition must end with a newline.");
      }
      recover_after_item();
    }
  }
  if (const Attribute* first = body.find(out.name)) {
    error(out.name_range, "Attribute redefined",
          text("The argument \"{}\" was already set at line {}. Each argument may be set only once.", out.name, first->name_range.start.line));
    return;
  }
  body.index.emplace(out.name, body.attributes.size());
  body.attributes.push_back(std::move(out));
}

Label Parser::quoted_label() {
  Label label;
  label.quoted = true;
  const Range opening = read().range;
  label.range = opening;
  for (;;) {
    const Token token = read();
    label.range.end = token.range.end;
    switch (token.kind) {
      case close_quote: return label;
      case quoted_text: label.text += decode_quoted(token); break;
      case open_interpolation: case open_control:
        error(token.range, "Invalid string literal", text("Template sequences are not allowed in a block label. To write this literally, double the \"{}\".", token.text().substr(0, 1)));
        recover(close_sequence);
        break;
      case quoted_newline:
        error(token.range, "Invalid multi-line string", "Quoted text may not be split over several lines.");
        recovering_ = true;
        return label;
      default:
        unexpected(opening, "Unterminated string literal", "There is no closing quote for this label.");
        recovering_ = true;
        return label;
    }
  }
}

/// Reads the labels and the opening brace.
bool Parser::labels(Block& block) {
  for (;;) {
    const Token next = peek();
    switch (next.kind) {
      case open_brace:
        block.open_brace = read().range;
        return true;
      case open_quote: block.labels.push_back(quoted_label()); continue;
      case identifier: block.labels.push_back(Label{std::string(read().text()), next.range, false}); continue;
      case equal:
        unexpected(next.range, "Invalid block definition", "An equals sign shows an argument definition, which has no labels. Either remove the label or the equals sign.");
        break;
      case newline:
        unexpected(next.range, "Invalid block definition", "A block definition must have its content between \"{\" and \"}\", starting on the same line as the block type.");
        break;
      case bad: break;
      default:
        unexpected(next.range, "Invalid block definition", "Either a quoted label or an opening brace (\"{\") is expected here.");
    }
    recover_after_item();
    return false;
  }
}

void Parser::block(Body& body, const Token& type) {
  Block out;
  out.type = std::string(type.text());
  out.type_range = type.range;
  if (!labels(out)) {
    out.open_brace = type.range;
    out.body.range = out.body.end = type.range;
    body.blocks.push_back(std::move(out));
    return;
  }
  const TokenKind next = peek().kind;
  if (next == newline || next == end || next == close_brace) {
    out.body = this->body(close_brace, out.open_brace);
  } else {
    one_line_body(out);
  }
  const Token after = peek();
  const bool recovered_past_line = recovering_ && tokens_[at_ - 1].kind == newline;
  if (after.kind == newline) {
    read();
  } else if (after.kind != end && !recovered_past_line) {
    if (!(after.kind == close_brace && depth_ > 1 && recovering_))
      unexpected(after.range, "Missing newline after block definition", "A block definition must end with a newline.");
    recover_after_item();
  }
  body.blocks.push_back(std::move(out));
}

/// `{ name = value }` on one line.
void Parser::one_line_body(Block& block) {
  const Deeper deeper(*this);
  const Newlines visible(*this, true);
  block.body.range = block.open_brace;
  block.body.end = block.open_brace;
  if (too_deep()) return;
  if (!next_is(identifier)) {
    if (!next_is(bad)) unexpected(peek().range, "Invalid single-argument block definition", "A single-line block holds one argument definition, such as { name = value }.");
    return recover(close_brace);
  }
  const Token name = read();
  const Token next = peek();
  if (next.kind == open_quote || next.kind == open_brace || next.kind == identifier) {
    error(between(name.range, next.range), "Invalid single-argument block definition", "A single-line block definition cannot contain another block definition. Put it on lines of its own.");
    return recover_after_item();
  }
  if (next.kind != equal) {
    unexpected(next.range, "Invalid single-argument block definition", "An equals sign is expected here, and then the argument's value.");
    return recover(close_brace);
  }
  const std::size_t errors_before = out_.size();
  attribute(block.body, name, true);
  block.body.end = Range{&source_, peek().range.start, peek().range.start};
  if (recovering_ && out_.size() != errors_before) return;
  const Token after = peek();
  if (after.kind == close_brace) {
    block.body.range.end = after.range.end;
    read();
    return;
  }
  if (after.kind == comma) {
    error(after.range, "Invalid single-argument block definition", "Single-line block syntax can include only one argument definition. To define several, put each on a line of its own.");
  } else if (after.kind == newline) {
    error(after.range, "Invalid single-argument block definition", "An argument on the same line as its block's opening brace needs the closing brace on the same line.");
  } else if (after.kind != bad) {
    unexpected(after.range, "Invalid single-argument block definition", "A closing brace is expected here.");
  }
  recover(close_brace);
}

void Parser::expect_end() {
  while (at_newline()) read();
  if (next_is(end) || recovering_) return;
  if (!next_is(bad)) error(peek().range, "Extra characters after expression", "The expression ended before this point, but there is more text.");
}

}  // namespace detail

File parse_file(std::string name, std::string text, Diagnostics& out) {
  const bool too_large = text.size() > source_bytes_max;
  const std::size_t size = text.size();
  if (too_large) text.clear();
  File file{Source::make(std::move(name), std::move(text)), {}};
  const Range start{file.source.get(), {}, {}};
  file.body.range = file.body.end = start;
  if (too_large) {
    add_error(out, start, "File too large", drover::text("The text has {} bytes; at most {} are read.", size, source_bytes_max));
    return file;
  }
  std::vector<Token> tokens = lex(*file.source, LexMode::file, out);
  file.body = detail::Parser(*file.source, std::move(tokens), out).body(TokenKind::end, start);
  return file;
}

ExpressionPtr parse_expression_part(const Source& source, Position start, std::size_t end, Diagnostics& out) {
  std::vector<Token> tokens = lex_part(source, start, end, LexMode::file, out);
  detail::Parser parser(source, std::move(tokens), out);
  ExpressionPtr expression = parser.expression();
  parser.expect_end();
  return expression;
}

ExpressionPtr parse_expression(const Source& source, Diagnostics& out) {
  return parse_expression_part(source, Position{}, source.text().size(), out);
}

ExpressionPtr parse_template_part(const Source& source, Position start, std::size_t end, Diagnostics& out) {
  std::vector<Token> tokens = lex_part(source, start, end, LexMode::text, out);
  const Range whole = between(tokens.front().range, tokens.back().range);
  return detail::Parser(source, std::move(tokens), out).template_until(TokenKind::end, whole, false);
}

}  // namespace drover::hcl
