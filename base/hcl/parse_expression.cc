#include <utility>

#include "base/hcl/parser_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {

using enum TokenKind;

namespace {

struct BinaryOperator {
  std::size_t level;
  TokenKind token;
  Operator op;
};

constexpr std::size_t levels = 6;
constexpr BinaryOperator binary_operators[] = {
    {0, or_or, Operator::logical_or},        {1, and_and, Operator::logical_and},    {2, equal_equal, Operator::equal},
    {2, not_equal, Operator::not_equal},     {3, greater, Operator::greater},        {3, greater_equal, Operator::greater_equal},
    {3, less, Operator::less},               {3, less_equal, Operator::less_equal},  {4, plus, Operator::add},
    {4, minus, Operator::subtract},          {5, star, Operator::multiply},          {5, slash, Operator::divide},
    {5, percent, Operator::modulo},
};

const BinaryOperator* binary_operator(std::size_t level, TokenKind token) {
  for (const BinaryOperator& row : binary_operators)
    if (row.level == level && row.token == token) return &row;
  return nullptr;
}

template <class Node>
ExpressionPtr make(const Range& range, Node node) {
  return std::make_unique<Expression>(Expression{range, std::move(node)});
}

/// The text of a template that is one plain text, as in x["key"].
const std::string* plain_text(const Expression& expression) {
  const auto* parts = std::get_if<Template>(&expression.node);
  static const std::string empty;
  if (!parts || parts->is_heredoc || parts->parts.size() > 1) return nullptr;
  if (parts->parts.empty()) return &empty;
  const auto* text = std::get_if<Text>(&parts->parts[0]->node);
  return text ? &text->text : nullptr;
}

const Number* literal_number(const Expression& expression) {
  const auto* literal = std::get_if<Literal>(&expression.node);
  return literal ? std::get_if<Number>(&literal->value) : nullptr;
}

}  // namespace

ExpressionPtr Parser::expression() { return conditional(); }

/// A placeholder, so that the tree stays whole after an error.
ExpressionPtr Parser::invalid(const Range& at) {
  recovering_ = true;
  return make(at, Literal{});
}

ExpressionPtr Parser::conditional() {
  const Deeper deeper(*this);
  if (too_deep()) return invalid(peek().range);
  ExpressionPtr condition = binary(0);
  if (!take(question)) return condition;
  ExpressionPtr when_true = conditional();
  if (!next_is(colon)) {
    unexpected(peek().range, "Missing false expression in conditional", "A conditional needs a colon (\":\") and the value for a false condition, such as (a ? b : c).");
    return invalid(between(condition->range, when_true->range));
  }
  read();
  ExpressionPtr when_false = conditional();
  const Range whole = between(condition->range, when_false->range);
  return make(whole, Conditional{std::move(condition), std::move(when_true), std::move(when_false)});
}

ExpressionPtr Parser::binary(std::size_t level) {
  if (level == levels) return unary();
  ExpressionPtr left = binary(level + 1);
  int chained = 0;
  while (const BinaryOperator* row = binary_operator(level, peek().kind)) {
    if (++chained > chain_max) return chain_too_long(std::move(left));
    read();
    ExpressionPtr right = binary(level + 1);
    const Range whole = between(left->range, right->range);
    left = make(whole, Binary{row->op, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr Parser::chain_too_long(ExpressionPtr left) {
  unexpected(peek().range, "Expression too long", text("At most {} operators or steps may follow each other.", chain_max));
  at_ = tokens_.size() - 1;
  return invalid(left->range);
}

ExpressionPtr Parser::unary() {
  if (!next_is(minus) && !next_is(bang)) return with_steps();
  const Deeper deeper(*this);
  if (too_deep()) return invalid(peek().range);
  const Token sign = read();
  ExpressionPtr operand = unary();
  const Range whole = between(sign.range, operand->range);
  return make(whole, Unary{sign.kind == minus ? Operator::negate : Operator::logical_not, std::move(operand)});
}

ExpressionPtr Parser::with_steps() {
  ExpressionPtr out = term();
  int chained = 0;
  for (bool more = true; more;) {
    if (++chained > chain_max) return chain_too_long(std::move(out));
    out = step_after(std::move(out), more);
  }
  return out;
}

ExpressionPtr Parser::step_after(ExpressionPtr from, bool& more) {
  if (next_is(dot)) return dot_step(std::move(from));
  if (next_is(open_bracket)) return index_step(std::move(from));
  more = false;
  return from;
}

ExpressionPtr Parser::add_step(ExpressionPtr from, Step step) {
  from->range = between(from->range, step.range);
  if (auto* reference = std::get_if<Reference>(&from->node)) {
    reference->steps.push_back(std::move(step));
    return from;
  }
  if (auto* access = std::get_if<Access>(&from->node)) {
    access->steps.push_back(std::move(step));
    return from;
  }
  const Range whole = from->range;
  from->range.end = step.range.start;
  Access access{std::move(from), {}};
  access.steps.push_back(std::move(step));
  return make(whole, std::move(access));
}

ExpressionPtr Parser::dot_step(ExpressionPtr from) {
  const Token point = read();
  const Token next = peek();
  const Range both = between(point.range, next.range);
  switch (next.kind) {
    case identifier: {
      read();
      return add_step(std::move(from), Step{Step::Kind::attribute, std::string(next.text()), {}, both});
    }
    case number: {
      read();
      const std::optional<Number> index = next.text().find_first_of(".eE") == std::string_view::npos ? Number::parse(next.text()) : std::nullopt;
      if (!index) {
        error(next.range, "Invalid legacy index syntax", "Each index must stand in brackets, such as x[0][1].");
        return invalid(between(from->range, next.range));
      }
      return add_step(std::move(from), Step{Step::Kind::number, {}, *index, both});
    }
    case star:
      read();
      return splat_steps(std::move(from), both, false);
    default:
      unexpected(next.range, "Invalid attribute name", "An attribute name is required after a dot.");
      return invalid(between(from->range, point.range));
  }
}

ExpressionPtr Parser::index_step(ExpressionPtr from) {
  const Newlines hidden(*this, false);
  const Token opening = read();
  if (next_is(star)) {
    const Token marker = read();
    if (next_is(close_bracket)) return splat_steps(std::move(from), between(opening.range, read().range), true);
    unexpected(peek().range, "Missing closing bracket after splat", "A star for a full splat must be followed by a closing bracket.");
    recover(close_bracket);
    return invalid(between(from->range, marker.range));
  }
  ExpressionPtr key = expression();
  if (!next_is(close_bracket)) {
    unexpected(peek().range, "Missing close bracket on index", "The index must be followed by a closing bracket (\"]\").");
    recover(close_bracket);
    return invalid(between(from->range, key->range));
  }
  const Range brackets = between(opening.range, read().range);
  if (const Number* index = literal_number(*key)) return add_step(std::move(from), Step{Step::Kind::number, {}, *index, brackets});
  if (const std::string* name = plain_text(*key)) return add_step(std::move(from), Step{Step::Kind::key, *name, {}, brackets});
  const Range whole = between(from->range, brackets);
  return make(whole, Index{std::move(from), std::move(key), brackets});
}

/// What follows a splat and belongs to each element: attributes only, or (`full`) everything.
ExpressionPtr Parser::splat_steps(ExpressionPtr from, const Range& marker, bool full) {
  ExpressionPtr each = make(marker, Item{});
  const Newlines as_outside(*this, newlines_.size() > 1 && full ? newlines_[newlines_.size() - 2] : newlines_.back());
  while (!recovering_ && (next_is(dot) || (full && next_is(open_bracket))) && !too_deep()) {
    if (next_is(open_bracket)) {
      each = index_step(std::move(each));
      continue;
    }
    each = dot_step(std::move(each));
    if (!full && std::holds_alternative<Splat>(each->node)) {
      error(each->range, "Nested splat expression not allowed", "A splat over attributes (\".*\") cannot hold another one. Use the form with brackets (\"[*]\").");
      return invalid(between(from->range, each->range));
    }
  }
  const Range whole = between(from->range, each->range);
  return make(whole, Splat{std::move(from), std::move(each), marker});
}

ExpressionPtr Parser::term() {
  const Token next = peek();
  switch (next.kind) {
    case number: return number_term();
    case identifier: return name_term();
    case open_quote: return quoted();
    case open_heredoc: return heredoc();
    case open_bracket: return tuple();
    case open_brace: return object();
    case open_paren: return parenthesised();
    case bad: break;
    case end: unexpected(next.range, "Missing expression", "The text ends where a value was expected."); break;
    case newline: unexpected(next.range, "Invalid expression", "A value is expected before the end of this line."); break;
    default: unexpected(next.range, "Invalid expression", "The start of a value is expected here, such as a quoted text, a number or a name."); break;
  }
  // What closes an enclosing bracket is left to it.
  return invalid(next.range);
}

ExpressionPtr Parser::number_term() {
  const Token token = read();
  const std::optional<Number> value = Number::parse(token.text());
  if (!value) {
    error(token.range, "Invalid number literal", "This is no decimal number that can be held.");
    return make(token.range, Literal{});
  }
  return make(token.range, Literal{*value});
}

ExpressionPtr Parser::name_term() {
  const Token first = read();
  std::string name(first.text());
  Range range = first.range;
  while (next_is(double_colon)) {
    read();
    if (!next_is(identifier)) {
      unexpected(peek().range, "Missing function name", "A function's name is expected after \"::\".");
      return invalid(range);
    }
    const Token part = read();
    name += "::" + std::string(part.text());
    range.end = part.range.end;
  }
  if (next_is(open_paren)) return call(first, std::move(name), range);
  if (range != first.range) {
    unexpected(peek().range, "Missing open parenthesis", "A name with \"::\" is a function: its arguments in parentheses are expected here.");
    return invalid(range);
  }
  if (name == "true" || name == "false") return make(range, Literal{name == "true"});
  if (name == "null") return make(range, Literal{});
  return make(range, Reference{std::move(name), range, {}});
}

ExpressionPtr Parser::call(const Token& first, std::string name, Range name_range) {
  const Newlines hidden(*this, false);
  Call out{std::move(name), name_range, {}, false, read().range, {}};
  for (;;) {
    if (next_is(close_paren)) break;
    out.arguments.push_back(expression());
    if (next_is(close_paren)) break;
    if (next_is(ellipsis)) {
      out.expand_last = true;
      read();
      if (next_is(close_paren)) break;
      unexpected(peek().range, "Missing closing parenthesis", "An expanded argument (with ...) must be the last one, directly before the closing parenthesis.");
    } else if (next_is(comma)) {
      read();
      continue;
    } else if (!next_is(bad)) {
      unexpected(peek().range, "Missing argument separator", "A comma is required between a function's arguments.");
    }
    recover(close_paren);
    return invalid(between(first.range, last_range()));
  }
  out.close_paren = read().range;
  const Range whole = between(first.range, out.close_paren);
  return make(whole, std::move(out));
}

ExpressionPtr Parser::parenthesised() {
  const Newlines hidden(*this, false);
  const Token opening = read();
  ExpressionPtr inner = expression();
  if (!next_is(close_paren)) {
    unexpected(peek().range, "Unbalanced parentheses", "A closing parenthesis is expected here, for the one opened before.");
    recover(close_paren);
    return invalid(between(opening.range, inner->range));
  }
  const Range whole = between(opening.range, read().range);
  return make(whole, Parentheses{std::move(inner)});
}

ExpressionPtr Parser::tuple() {
  const Newlines hidden(*this, false);
  const Token opening = read();
  if (next_is(identifier) && peek().text() == "for") return for_term(opening, false);
  Tuple out;
  for (;;) {
    if (next_is(close_bracket)) break;
    out.items.push_back(expression());
    if (next_is(close_bracket)) break;
    if (next_is(comma)) {
      read();
      continue;
    }
    if (next_is(end)) {
      unexpected(opening.range, "Unterminated tuple constructor expression", "There is no closing bracket (\"]\") for this list.");
    } else if (!next_is(bad)) {
      unexpected(peek().range, "Missing item separator", "A comma is expected between the items of a list.");
    }
    recover(close_bracket);
    return invalid(between(opening.range, last_range()));
  }
  const Range whole = between(opening.range, read().range);
  return make(whole, std::move(out));
}

ExpressionPtr Parser::object() {
  const Token opening = read();
  {
    const Newlines hidden(*this, false);
    if (next_is(identifier) && peek().text() == "for") return for_term(opening, true);
  }
  const Newlines visible(*this, true);
  Object out;
  out.open_brace = opening.range;
  for (;;) {
    while (at_newline()) read();
    if (next_is(close_brace)) break;
    if (!object_item(out)) {
      recover(close_brace);
      return invalid(between(opening.range, last_range()));
    }
    if (next_is(close_brace)) break;
    if (next_is(comma) || at_newline()) {
      read();
      continue;
    }
    if (next_is(end)) {
      unexpected(opening.range, "Unterminated object constructor expression", "There is no closing brace for this map.");
    } else if (!next_is(bad)) {
      unexpected(peek().range, "Missing attribute separator", "A newline or a comma is expected before the next entry of a map.");
    }
    recover(close_brace);
    return invalid(between(opening.range, last_range()));
  }
  const Range whole = between(opening.range, read().range);
  return make(whole, std::move(out));
}

bool Parser::object_item(Object& object) {
  const bool failed_before = recovering_;
  ExpressionPtr key = expression();
  if (recovering_ && !failed_before) return false;
  if (!next_is(equal) && !next_is(colon)) {
    if (next_is(end)) {
      unexpected(object.open_brace, "Unterminated object constructor expression", "There is no closing brace for this map.");
    } else if (at_newline() || next_is(comma)) {
      unexpected(key->range, "Missing attribute value", "A value is expected here, introduced by an equals sign (\"=\").");
    } else if (!next_is(bad)) {
      unexpected(peek().range, "Missing key/value separator", "An equals sign (\"=\") is expected after the key.");
    }
    return false;
  }
  read();
  ExpressionPtr value = expression();
  if (recovering_ && !failed_before) return false;
  object.items.push_back(ObjectItem{std::move(key), std::move(value)});
  return true;
}

ExpressionPtr Parser::for_term(const Token& opening, bool braces) {
  const Newlines hidden(*this, false);
  const TokenKind closing = braces ? close_brace : close_bracket;
  read();  // for
  For out;
  out.opening = opening.range;
  const auto fail_at = [&](const Range& at, const char* detail) {
    unexpected(at, "Invalid 'for' expression", detail);
    recover(closing);
    return invalid(between(opening.range, last_range()));
  };
  if (!next_is(identifier)) return fail_at(peek().range, "A for expression needs the name of a variable after \"for\".");
  out.value_name = std::string(read().text());
  if (take(comma)) {
    if (!next_is(identifier)) return fail_at(peek().range, "A for expression needs the name of its value variable after the comma.");
    out.key_name = std::exchange(out.value_name, std::string(read().text()));
  }
  if (!next_is(identifier) || peek().text() != "in") return fail_at(peek().range, "The word \"in\" is expected after the names of the variables.");
  read();
  out.from = expression();
  if (!next_is(colon)) return fail_at(peek().range, "A colon is required after the collection.");
  read();
  out.value = expression();
  if (next_is(arrow)) {
    const Range at = read().range;
    if (!braces) return fail_at(at, "A key (\"=>\") is allowed only in a for expression within braces.");
    out.key = std::exchange(out.value, expression());
  } else if (braces) {
    return fail_at(peek().range, "A for expression within braces needs a key and \"=>\" before its value.");
  }
  if (next_is(ellipsis)) {
    const Range at = read().range;
    if (!braces) return fail_at(at, "Grouping (\"...\") is allowed only in a for expression within braces.");
    out.grouped = true;
  }
  if (next_is(identifier) && peek().text() == "if") {
    read();
    out.condition = expression();
  }
  if (!next_is(closing)) return fail_at(peek().range, "The closing bracket of the for expression is expected here.");
  const Range whole = between(opening.range, read().range);
  return make(whole, std::move(out));
}

}  // namespace drover::hcl::detail
