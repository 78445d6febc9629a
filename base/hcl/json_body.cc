#include "base/hcl/json_body.h"

#include <algorithm>
#include <utility>

#include "base/hcl/parser.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {

JsonNode::JsonNode() = default;
JsonNode::JsonNode(JsonNode&&) noexcept = default;
JsonNode& JsonNode::operator=(JsonNode&&) noexcept = default;
JsonNode::~JsonNode() = default;

namespace {

class JsonParser {
 public:
  JsonParser(const Source& source, Diagnostics& out) : source_(source), text_(source.text()), out_(out) {}

  JsonNode root() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_.byte = 3;
    JsonNode node = value(0);
    skip_blanks();
    if (good_ && at_.byte < text_.size()) refuse(here(1), "Extraneous data after value", "The text must hold one JSON value only.");
    return node;
  }

  bool good() const { return good_; }

 private:
  char peek() const { return at_.byte < text_.size() ? text_[at_.byte] : '\0'; }
  bool at_end() const { return at_.byte >= text_.size(); }

  Range here(std::size_t bytes) const {
    Range range{&source_, at_, at_};
    range.end.byte = std::min(at_.byte + bytes, text_.size());
    range.end.column += static_cast<int>(range.end.byte - at_.byte);
    return range;
  }

  void advance(std::size_t bytes) {
    for (const std::size_t end = std::min(at_.byte + bytes, text_.size()); at_.byte < end;) {
      const std::size_t length = std::min(unicode::cluster_length(text_.substr(at_.byte)), end - at_.byte);
      if (text_[at_.byte + length - 1] == '\n') {
        ++at_.line;
        at_.column = 1;
      } else {
        ++at_.column;
      }
      at_.byte += length;
    }
  }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
      if (at_end()) return;
      advance(1);
    }
  }

  void refuse(const Range& at, std::string summary, std::string detail) {
    if (good_) add_error(out_, at, std::move(summary), std::move(detail));
    good_ = false;
  }

  JsonNode value(int depth) {
    JsonNode node;
    skip_blanks();
    node.range = here(0);
    if (depth > json_nesting_max) {
      refuse(here(1), "Nested too deep", text("JSON values may be nested {} levels deep at most.", json_nesting_max));
      return node;
    }
    const char c = peek();
    if (c == '{') {
      object(node, depth);
    } else if (c == '[') {
      list(node, depth);
    } else if (c == '"') {
      node.kind = JsonNode::Kind::text;
      node.text = quoted();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      number(node);
    } else if (!at_end()) {
      keyword(node);
    } else {
      refuse(here(1), "Missing JSON value", "The text ends where a JSON value was expected.");
    }
    node.range.end = at_;
    return node;
  }

  void keyword(JsonNode& node) {
    std::size_t bytes = 0;
    while (at_.byte + bytes < text_.size() && unicode::is_identifier_part(static_cast<unsigned char>(text_[at_.byte + bytes]) & 0x7F)) ++bytes;
    const std::string_view word = text_.substr(at_.byte, bytes);
    if (word == "null") {
      node.kind = JsonNode::Kind::null;
    } else if (word == "true" || word == "false") {
      node.kind = JsonNode::Kind::boolean;
      node.boolean = word == "true";
    } else {
      const char c = peek();
      refuse(here(std::max<std::size_t>(bytes, 1)), "Invalid JSON value",
             c == '\'' ? "JSON texts must be in double quotes." : c == '/' || c == '#' ? "JSON has no comments." : "A JSON value is expected here. Texts must be in double quotes.");
    }
    advance(bytes);
  }

  void number(JsonNode& node) {
    const std::size_t end = text_.find_first_not_of("+-.eE0123456789", at_.byte);
    const std::string_view written = text_.substr(at_.byte, end == std::string_view::npos ? end : end - at_.byte);
    node.kind = JsonNode::Kind::number;
    node.text = std::string(written);
    const std::string_view digits = written.substr(written[0] == '-' ? 1 : 0);
    const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
    if (!Number::parse(written) || leading_zero || digits.ends_with('.')) refuse(here(written.size()), "Invalid JSON number", "This is no JSON number.");
    advance(written.size());
  }

  std::string quoted() {
    const Range opening = here(1);
    std::string out;
    advance(1);
    while (!at_end()) {
      const char c = peek();
      if (c == '"') {
        advance(1);
        return out;
      }
      if (c == '\n') {
        refuse(here(1), "Invalid JSON string", "A JSON text may not be split over several lines. Write \\n for a line end.");
        return out;
      }
      if (c == '\\') {
        escape(out);
        if (!good_) return out;
        continue;
      }
      const std::size_t bytes = std::max<std::size_t>(unicode::decode(text_.substr(at_.byte)).bytes, 1);
      out.append(text_.substr(at_.byte, bytes));
      advance(bytes);
    }
    refuse(opening, "Unterminated JSON string", "There is no closing quote for this text.");
    return out;
  }

  std::optional<char32_t> hex4(std::size_t offset) const {
    const std::string_view digits = text_.substr(std::min(at_.byte + offset, text_.size())).substr(0, 4);
    if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return std::nullopt;
    return static_cast<char32_t>(std::stoul(std::string(digits), nullptr, 16));
  }

  void escape(std::string& out) {
    const char kind = at_.byte + 1 < text_.size() ? text_[at_.byte + 1] : '\0';
    static constexpr std::string_view kinds = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (const std::size_t at = kinds.find(kind); kind != '\0' && at != std::string_view::npos) {
      out.push_back(meanings[at]);
      return advance(2);
    }
    const std::optional<char32_t> first = kind == 'u' ? hex4(2) : std::nullopt;
    if (!first) return refuse(here(2), "Invalid JSON string", "This backslash begins no valid escape. A backslash itself is written as \\\\.");
    char32_t code = *first;
    std::size_t bytes = 6;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_.byte + 6, 2) == "\\u") {
      if (const auto second = hex4(8); second && *second >= 0xDC00 && *second < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (*second - 0xDC00);
        bytes = 12;
      }
    }
    if (!unicode::append(out, code)) unicode::append(out, 0xFFFD);
    advance(bytes);
  }

  void object(JsonNode& node, int depth) {
    node.kind = JsonNode::Kind::object;
    const Range opening = here(1);
    advance(1);
    skip_blanks();
    if (peek() == '}') return advance(1);
    while (good_) {
      skip_blanks();
      if (peek() != '"') return refuse(here(1), at_end() ? "Unclosed object" : "Invalid JSON object", at_end() ? "There is no closing brace." : "A property name in double quotes is expected here; a comma may not come last.");
      JsonNode::Member member;
      const Position start = at_;
      member.name = unicode::normalize(quoted());
      member.name_range = Range{&source_, start, at_};
      skip_blanks();
      if (!good_) return;
      if (peek() != ':') return refuse(here(1), "Missing property value colon", "A colon is expected between a property's name and its value.");
      advance(1);
      member.value = value(depth + 1);
      node.members.push_back(std::move(member));
      skip_blanks();
      if (peek() == '}') return advance(1);
      if (good_ && at_end()) return refuse(opening, "Unclosed object", "There is no closing brace for this object.");
      if (good_ && peek() != ',') return refuse(here(1), "Missing property separator", "A comma or the closing brace is expected here.");
      if (good_) advance(1);
    }
  }

  void list(JsonNode& node, int depth) {
    node.kind = JsonNode::Kind::list;
    const Range opening = here(1);
    advance(1);
    skip_blanks();
    if (peek() == ']') return advance(1);
    while (good_) {
      skip_blanks();
      if (peek() == ']') return refuse(here(1), "Invalid JSON list", "A comma may not come last in a JSON list.");
      node.items.push_back(value(depth + 1));
      skip_blanks();
      if (peek() == ']') return advance(1);
      if (good_ && at_end()) return refuse(opening, "Unclosed array", "There is no closing bracket for this list.");
      if (good_ && peek() != ',') return refuse(here(1), "Missing item separator", "A comma or the closing bracket is expected here.");
      if (good_) advance(1);
    }
  }

  const Source& source_;
  std::string_view text_;
  Position at_;
  Diagnostics& out_;
  bool good_ = true;
};

template <class Node>
ExpressionPtr make(const Range& range, Node node) {
  return std::make_unique<Expression>(Expression{range, std::move(node)});
}

ExpressionPtr plain(const Range& range, const std::string& text) {
  Template out;
  out.parts.push_back(make(range, Text{text}));
  return make(range, std::move(out));
}

/// A text's template. Its places count from the opening quote on, as if the text had no escapes.
ExpressionPtr template_of(const Range& range, const std::string& decoded, std::vector<std::shared_ptr<const Source>>& sources, Diagnostics& out) {
  if (decoded.find("${") == std::string::npos && decoded.find("%{") == std::string::npos) return plain(range, decoded);
  auto source = Source::make_within(*range.source, decoded);
  sources.push_back(source);
  const std::size_t errors_before = out.size();
  ExpressionPtr parsed = parse_template_part(*source, Position{range.start.line, range.start.column + 1, 0}, decoded.size(), out);
  return out.size() == errors_before ? std::move(parsed) : plain(range, decoded);
}

}  // namespace

ExpressionPtr JsonNode::made(bool literal, Diagnostics& errors) const {
  switch (kind) {
    case Kind::null: return make(range, Literal{});
    case Kind::boolean: return make(range, Literal{boolean});
    case Kind::number: return make(range, Literal{Number::parse(text).value_or(Number())});
    case Kind::text: return literal ? plain(range, text) : template_of(range, text, sources_, errors);
    case Kind::list: {
      Tuple out;
      for (const JsonNode& item : items) {
        out.items.push_back(item.made(literal, errors));
        sources_.insert(sources_.end(), item.sources_.begin(), item.sources_.end());
      }
      return make(range, std::move(out));
    }
    case Kind::object: {
      Object out;
      out.open_brace = range;
      out.unique_keys = true;
      for (const Member& member : members) {
        ExpressionPtr key = literal ? plain(member.name_range, member.name) : template_of(member.name_range, member.name, sources_, errors);
        out.items.push_back(ObjectItem{std::move(key), member.value.made(literal, errors)});
        sources_.insert(sources_.end(), member.value.sources_.begin(), member.value.sources_.end());
      }
      return make(range, std::move(out));
    }
  }
  return make(range, Literal{});
}

const Expression& JsonNode::expression(Diagnostics& out) const {
  if (!expression_) expression_ = made(false, errors_);
  out.insert(out.end(), errors_.begin(), errors_.end());
  return *expression_;
}

const Expression& JsonNode::literal_expression() const {
  if (!literal_) literal_ = made(true, errors_);
  return *literal_;
}

JsonFile parse_json_file(std::string name, std::string text, Diagnostics& out) {
  if (text.size() > source_bytes_max) {
    JsonFile file{Source::make(std::move(name), ""), {}};
    add_error(out, Range{file.source.get(), {}, {}}, "File too large", drover::text("The text has {} bytes; at most {} are read.", text.size(), source_bytes_max));
    return file;
  }
  JsonFile file{Source::make(std::move(name), std::move(text)), {}};
  if (const std::size_t invalid = unicode::first_invalid(file.source->text()); invalid != std::string_view::npos) {
    const int line = 1 + static_cast<int>(std::count(file.source->text().begin(), file.source->text().begin() + static_cast<std::ptrdiff_t>(invalid), '\n'));
    const Position at{line, 1, invalid};
    add_error(out, Range{file.source.get(), at, at}, "Invalid character encoding", "All text must be UTF-8. Convert the file to UTF-8 first.");
    return file;
  }
  file.root = JsonParser(*file.source, out).root();
  return file;
}

}  // namespace drover::hcl
