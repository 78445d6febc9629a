#include "api/filter_parser.h"

#include <algorithm>
#include <optional>
#include <set>

#include "api/filter.h"

namespace drover::api::filter {
namespace {

using MutablePtr = std::shared_ptr<Expression>;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '/'; }

/// What a text between double quotes means; empty when an escape is none.
std::optional<std::string> unquoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case 'n': out.push_back('\n'); break;
      case 't': out.push_back('\t'); break;
      case 'r': out.push_back('\r'); break;
      case '"':
      case '\\': out.push_back(text[i]); break;
      default: return std::nullopt;
    }
  }
  return out;
}

/// Reads from left to right, and remembers what would have been welcome at the farthest place that was reached: that
/// is what an error names.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<ExpressionPtr> parse_all() {
    blanks();
    ExpressionPtr found = either();
    if (found) {
      blanks();
      if (at_ == text_.size() && problem_.empty()) return found;
      note("EOF");
    }
    return mistake();
  }

 private:
  // Terminals. Each moves on when it fits, else notes what it wanted.

  void note(std::string wanted) {
    if (at_ < farthest_) return;
    if (at_ > farthest_) wanted_.clear();
    farthest_ = at_;
    wanted_.insert(std::move(wanted));
  }

  bool literal(std::string_view word) {
    if (text_.substr(at_).starts_with(word)) {
      at_ += word.size();
      return true;
    }
    note(word == "\"" ? R"("\"")" : '"' + std::string(word) + '"');
    return false;
  }

  template <class Fits>
  bool one(Fits fits, std::string_view wanted) {
    if (at_ < text_.size() && fits(text_[at_])) {
      ++at_;
      return true;
    }
    note(std::string(wanted));
    return false;
  }

  /// Any number of blanks; whether there was one.
  bool blanks() {
    const std::size_t begin = at_;
    while (one(is_blank, R"([ \t\r\n])")) {
    }
    return at_ > begin;
  }

  bool word(std::string_view name) { return blanks() && literal(name) && blanks(); }

  // Expressions. Null: there is none here, and the position is where it was.

  ExpressionPtr either() { return joined(Kind::either, "or", &Parser::both); }
  ExpressionPtr both() { return joined(Kind::both, "and", &Parser::negated); }

  ExpressionPtr joined(Kind kind, std::string_view name, ExpressionPtr (Parser::*part)()) {
    ExpressionPtr left = (this->*part)();
    while (left) {
      const std::size_t begin = at_;
      ExpressionPtr right = word(name) ? (this->*part)() : nullptr;
      if (!right) {
        at_ = begin;
        break;
      }
      const MutablePtr made = std::make_shared<Expression>();
      made->kind = kind;
      made->left = std::move(left);
      made->right = std::move(right);
      left = made;
    }
    return left;
  }

  ExpressionPtr negated() {
    if (++depth_ > filter_depth_max) {
      if (problem_.empty()) problem_ = text("the expression is nested deeper than {}", filter_depth_max);
      return nullptr;
    }
    ExpressionPtr found = negated_or_part();
    --depth_;
    return found;
  }

  ExpressionPtr negated_or_part() {
    const std::size_t begin = at_;
    if (literal("not") && blanks()) {
      if (ExpressionPtr inner = negated()) {
        const MutablePtr made = std::make_shared<Expression>();
        made->kind = Kind::negated;
        made->left = std::move(inner);
        return made;
      }
    }
    at_ = begin;
    return part();
  }

  ExpressionPtr part() {
    const std::size_t begin = at_;
    if (literal("(")) {
      blanks();
      ExpressionPtr inner = either();
      if (inner) {
        blanks();
        if (literal(")")) return inner;
      }
      at_ = begin;
    }
    if (ExpressionPtr found = quantified(Kind::any, "any")) return found;
    if (ExpressionPtr found = quantified(Kind::all, "all")) return found;
    return match();
  }

  ExpressionPtr quantified(Kind kind, std::string_view name) {
    const std::size_t begin = at_;
    const MutablePtr made = std::make_shared<Expression>();
    made->kind = kind;
    const bool whole = literal(name) && blanks() && path(made->path) && word("as") && names(*made) && body(*made);
    if (whole) return made;
    at_ = begin;
    return nullptr;
  }

  bool names(Expression& made) {
    if (!bound_name(made.first_name)) return false;
    const std::size_t begin = at_;
    blanks();
    if (literal(",")) {
      blanks();
      return bound_name(made.second_name);
    }
    at_ = begin;
    return true;
  }

  bool bound_name(std::string& out) {
    if (text_.substr(at_, 1) == "_") {
      ++at_;
      out = "_";
      return true;
    }
    return name(out);
  }

  bool body(Expression& made) {
    blanks();
    if (!literal("{")) return false;
    blanks();
    made.left = either();
    if (!made.left) return false;
    blanks();
    return literal("}");
  }

  ExpressionPtr match() {
    const std::size_t begin = at_;
    const MutablePtr made = std::make_shared<Expression>();
    if (path(made->path) && operation(*made)) return made;
    at_ = begin;
    if (value(made->value) && contained(*made)) return made;
    at_ = begin;
    return nullptr;
  }

  /// What may follow a path.
  bool operation(Expression& made) {
    struct Row {
      std::string_view words;
      Operator op;
      bool inverted;
      bool takes_value;
    };
    static constexpr Row rows[] = {
        {"==", Operator::equal, false, true},          {"!=", Operator::equal, true, true},
        {"is not empty", Operator::empty, true, false}, {"is empty", Operator::empty, false, false},
        {"is not nil", Operator::nil, true, false},     {"is nil", Operator::nil, false, false},
        {"contains", Operator::in, false, true},        {"not contains", Operator::in, true, true},
        {"matches", Operator::matches, false, true},    {"not matches", Operator::matches, true, true},
    };
    const std::size_t begin = at_;
    for (const Row& row : rows) {
      at_ = begin;
      if (!words(row.words)) continue;
      made.op = row.op;
      made.inverted = row.inverted;
      if (!row.takes_value) return true;
      const bool blank = blanks();
      if ((is_letter(row.words.back()) && !blank) || !value(made.value)) continue;
      if (row.op == Operator::matches) made.pattern = std::make_shared<const re2::RE2>(made.value, re2::RE2::Quiet);
      return true;
    }
    return false;
  }

  /// The words of an operator, with blanks between them and, before words of letters, in front.
  bool words(std::string_view all) {
    while (!all.empty()) {
      const std::string_view next = all.substr(0, all.find(' '));
      all.remove_prefix(std::min(all.size(), next.size() + 1));
      const bool blank = blanks();
      if ((is_letter(next.front()) && !blank) || !literal(next)) return false;
    }
    return true;
  }

  /// `in` and the path after a value.
  bool contained(Expression& made) {
    const std::size_t begin = at_;
    made.op = Operator::in;
    for (const bool inverted : {false, true}) {
      at_ = begin;
      made.inverted = inverted;
      if (words(inverted ? "not in" : "in") && blanks() && path(made.path)) return true;
    }
    return false;
  }

  // Paths and values.

  bool name(std::string& out) {
    const std::size_t begin = at_;
    if (!one(is_letter, "[a-zA-Z]")) return false;
    while (one(is_name_part, "[a-zA-Z0-9_/]")) {
    }
    out = text_.substr(begin, at_ - begin);
    return true;
  }

  bool path(Path& out) {
    out.clear();
    std::string part;
    if (text_.substr(at_).starts_with("\"/")) return pointer(out);
    if (!name(part)) return false;
    out.push_back(std::move(part));
    for (;;) {
      const std::size_t begin = at_;
      if (literal(".") && (name(part) || number(part))) {
        out.push_back(std::move(part));
      } else if (at_ = begin; literal("[") && key(part)) {
        out.push_back(std::move(part));
      } else {
        at_ = begin;
        return true;
      }
    }
  }

  bool key(std::string& out) {
    blanks();
    if (!quoted(out)) return false;
    blanks();
    return literal("]");
  }

  bool number(std::string& out) {
    const std::size_t begin = at_;
    while (one(is_digit, "[0-9]")) {
    }
    out = text_.substr(begin, at_ - begin);
    return at_ > begin;
  }

  /// "/Meta/a.b": each part as it is, with ~1 for a slash and ~0 for a tilde.
  bool pointer(Path& out) {
    std::string whole;
    if (!quoted(whole)) return false;
    std::string part;
    for (std::size_t i = 1; i <= whole.size(); ++i) {
      if (i == whole.size() || whole[i] == '/') {
        out.push_back(std::exchange(part, {}));
      } else if (whole[i] == '~' && i + 1 < whole.size() && (whole[i + 1] == '0' || whole[i + 1] == '1')) {
        part.push_back(whole[++i] == '0' ? '~' : '/');
      } else {
        part.push_back(whole[i]);
      }
    }
    return true;
  }

  bool value(std::string& out) {
    const std::size_t begin = at_;
    Path bare;
    if (text_.substr(at_, 1) != "\"" && path(bare)) {
      out = text_.substr(begin, at_ - begin);
      return true;
    }
    at_ = begin;
    if (figure(out)) return true;
    at_ = begin;
    return quoted(out);
  }

  bool figure(std::string& out) {
    const std::size_t begin = at_;
    literal("-");
    if (!literal("0")) {
      if (!one([](char c) { return c >= '1' && c <= '9'; }, "[1-9]")) return false;
      while (one(is_digit, "[0-9]")) {
      }
    }
    const std::size_t whole = at_;
    std::string fraction;
    if (!literal(".") || !number(fraction)) at_ = whole;
    const bool ends = at_ == text_.size() || is_blank(text_[at_]) || text_[at_] == ')' || text_[at_] == '}';
    if (!ends) return false;
    out = text_.substr(begin, at_ - begin);
    return true;
  }

  bool quoted(std::string& out) {
    const std::size_t begin = at_;
    if (literal("`")) {
      const std::size_t end = text_.find('`', at_);
      if (end == std::string_view::npos) return unterminated(begin);
      out = text_.substr(at_, end - at_);
      at_ = end + 1;
      return true;
    }
    if (!literal("\"")) return false;
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return unterminated(begin);
    auto meant = unquoted(text_.substr(at_, end - at_));
    if (!meant) {
      if (problem_.empty()) problem_ = place(begin) + R"(: rule "string": invalid syntax)";
      return false;
    }
    out = std::move(*meant);
    at_ = end + 1;
    return true;
  }

  bool unterminated(std::size_t begin) {
    if (problem_.empty()) problem_ = place(begin) + R"(: rule "string": Unterminated string literal)";
    return false;
  }

  // Errors.

  std::string place(std::size_t at) const {
    std::size_t line = 1;
    std::size_t column = 1;
    for (std::size_t i = 0; i < at; ++i) {
      if (text_[i] == '\n') {
        ++line;
        column = 1;
      } else if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) {
        ++column;
      }
    }
    return text("{}:{} ({})", line, column, at);
  }

  Error mistake() const {
    if (!problem_.empty()) return fail(Code::invalid, "{}", problem_);
    std::vector<std::string> all(wanted_.begin(), wanted_.end());
    std::stable_partition(all.begin(), all.end(), [](const std::string& one) { return one != "EOF"; });
    std::string list;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0) list += i + 1 == all.size() ? " or " : ", ";
      list += all[i];
    }
    return fail(Code::invalid, "{}: no match found, expected: {}", place(farthest_), list);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t farthest_ = 0;
  std::set<std::string> wanted_;  ///< at `farthest_`
  std::string problem_;           ///< a mistake that is none of order
  int depth_ = 0;
};

}  // namespace

Result<ExpressionPtr> parse(std::string_view text) {
  if (text.size() > filter_bytes_max) return fail(Code::invalid, "the expression has {} bytes, {} are allowed", text.size(), filter_bytes_max);
  return Parser(text).parse_all();
}

}  // namespace drover::api::filter
