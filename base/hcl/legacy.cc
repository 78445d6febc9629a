#include "base/hcl/legacy.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/hcl/number.h"
#include "base/hcl/parser.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {
namespace {

class LegacyParser {
 public:
  LegacyParser(const Source& source, Diagnostics& out) : source_(source), text_(source.text()), out_(out) {}

  JsonNode file() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_.byte = 3;
    if (const std::size_t invalid = unicode::first_invalid(text_); invalid != std::string_view::npos) {
      advance(invalid - at_.byte);
      refuse(here(1), "Invalid character encoding", "All text must be UTF-8.");
    }
    JsonNode root = entries('\0', 0);
    return root;
  }

 private:
  char peek(std::size_t offset = 0) const { return at_.byte + offset < text_.size() ? text_[at_.byte + offset] : '\0'; }
  bool at_end() const { return at_.byte >= text_.size(); }

  Range here(std::size_t bytes) const {
    Range range{&source_, at_, at_};
    range.end.byte = std::min(at_.byte + bytes, text_.size());
    range.end.column += static_cast<int>(range.end.byte - at_.byte);
    return range;
  }
  Range since(const Position& start) const { return Range{&source_, start, at_}; }

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

  void refuse(const Range& at, std::string summary, std::string detail) {
    if (good_) add_error(out_, at, std::move(summary), std::move(detail));
    good_ = false;
  }

  /// Blanks, line ends and comments; with `stay_on_line` no line ends.
  void skip(bool stay_on_line = false) {
    for (;;) {
      const char c = peek();
      if (at_end()) return;
      if (c == ' ' || c == '\t' || c == '\r' || (c == '\n' && !stay_on_line)) {
        advance(1);
      } else if (c == '#' || (c == '/' && peek(1) == '/')) {
        advance(std::min(text_.find('\n', at_.byte), text_.size()) - at_.byte);
      } else if (c == '/' && peek(1) == '*') {
        const std::size_t end = text_.find("*/", at_.byte + 2);
        if (end == std::string_view::npos) {
          refuse(here(2), "Unterminated comment", "There is no \"*/\" that ends the comment begun here.");
          return advance(text_.size() - at_.byte);
        }
        advance(end + 2 - at_.byte);
      } else {
        return;
      }
    }
  }

  /// The entries of an object up to `closing` (or the end of the file).
  JsonNode entries(char closing, int depth) {
    JsonNode node;
    node.kind = JsonNode::Kind::object;
    const Position start = at_;
    if (depth > json_nesting_max) refuse(here(1), "Nested too deep", text("Blocks may be nested {} levels deep at most.", json_nesting_max));
    while (good_) {
      skip();
      if (at_end()) {
        if (closing != '\0') refuse(Range{&source_, start, start}, "Unclosed configuration block", "There is no closing brace for this block before the end of the file.");
        break;
      }
      if (closing != '\0' && peek() == closing) {
        advance(1);
        break;
      }
      entry(node, depth);
      skip();
      if (peek() == ',') advance(1);
    }
    node.range = since(start);
    return node;
  }

  /// `key = value`, `key { }` or `key "label" { }`.
  void entry(JsonNode& node, int depth) {
    std::vector<JsonNode::Member> keys;
    for (;;) {
      JsonNode::Member key;
      const Position start = at_;
      std::optional<std::string> name = key_name();
      if (!name) return;
      key.name = std::move(*name);
      key.name_range = since(start);
      keys.push_back(std::move(key));
      skip(true);
      const char c = peek();
      if (c == '=' || c == ':' || c == '{') break;
      if (c != '"' && !is_key_letter(c))
        return refuse(here(1), "Invalid block definition", at_end() || c == '\n' ? "A value (\"=\") or a block (\"{\") is expected behind the name, on the same line." : "An equals sign, a label or an opening brace is expected here.");
    }
    JsonNode inner;
    if (peek() == '{') {
      advance(1);
      inner = entries('}', depth + 1);
    } else {
      if (keys.size() > 1) return refuse(here(1), "Invalid argument definition", "An argument has one name: there is more than one before the equals sign.");
      advance(1);
      skip();
      inner = value(depth + 1);
    }
    while (keys.size() > 1) {  // labels, from the inside out
      JsonNode outer;
      outer.kind = JsonNode::Kind::object;
      outer.range = inner.range;
      keys.back().value = std::move(inner);
      outer.members.push_back(std::move(keys.back()));
      keys.pop_back();
      inner = std::move(outer);
    }
    keys[0].value = std::move(inner);
    node.members.push_back(std::move(keys[0]));
  }

  static bool is_key_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'; }

  std::optional<std::string> key_name() {
    if (peek() == '"') return quoted();
    std::size_t bytes = 0;
    while (is_key_letter(peek(bytes))) ++bytes;
    if (bytes == 0) {
      refuse(here(1), "Argument or block definition required", peek() == '}' ? "There is no block that this brace closes." : "The name of an argument or a block is expected here.");
      return std::nullopt;
    }
    std::string name(text_.substr(at_.byte, bytes));
    advance(bytes);
    return name;
  }

  JsonNode value(int depth) {
    JsonNode node;
    const Position start = at_;
    const char c = peek();
    if (c == '{') {
      advance(1);
      return entries('}', depth);
    }
    if (c == '[') {
      list(node, depth);
    } else if (c == '"') {
      node.kind = JsonNode::Kind::text;
      node.text = quoted();
    } else if (c == '<' && peek(1) == '<') {
      node.kind = JsonNode::Kind::text;
      node.text = heredoc();
    } else {
      word(node);
    }
    node.range = since(start);
    return node;
  }

  void word(JsonNode& node) {
    std::size_t bytes = peek() == '-' || peek() == '+' ? 1 : 0;
    while (is_key_letter(peek(bytes)) || ((peek(bytes) == '+' || peek(bytes) == '-') && bytes > 1)) ++bytes;
    const std::string_view written = text_.substr(at_.byte, bytes);
    if (written == "true" || written == "false") {
      node.kind = JsonNode::Kind::boolean;
      node.boolean = written == "true";
    } else if (!written.empty() && written != "inf" && Number::parse(written) && (written[0] < 'A' || written[0] > 'z')) {
      node.kind = JsonNode::Kind::number;
      node.text = std::string(written);
    } else if (written == "null") {
      node.kind = JsonNode::Kind::null;
    } else {
      return refuse(here(std::max<std::size_t>(bytes, 1)), "Invalid value", "A text in double quotes, a number, true, false, a list or a map is expected here. Agent files have no expressions.");
    }
    advance(bytes);
  }

  void list(JsonNode& node, int depth) {
    node.kind = JsonNode::Kind::list;
    const Range opening = here(1);
    if (depth > json_nesting_max) return refuse(opening, "Nested too deep", text("Lists may be nested {} levels deep at most.", json_nesting_max));
    advance(1);
    while (good_) {
      skip();
      if (peek() == ']') return advance(1);
      if (at_end()) return refuse(opening, "Unterminated list", "There is no closing bracket (\"]\") for this list.");
      node.items.push_back(value(depth + 1));
      skip();
      if (peek() == ',') {
        advance(1);
      } else if (peek() != ']' && good_) {
        return refuse(here(1), "Missing item separator", "A comma is expected between the items of a list.");
      }
    }
  }

  std::string quoted() {
    const Range opening = here(1);
    std::string out;
    int braces = 0;  // of ${ }, where quotes do not end the text
    advance(1);
    while (!at_end()) {
      const char c = peek();
      if (c == '"' && braces == 0) {
        advance(1);
        return out;
      }
      if (c == '\n' && braces == 0) {
        refuse(here(1), "Invalid multi-line string", "Quoted text may not be split over several lines.");
        return out;
      }
      if (c == '$' && peek(1) == '{') ++braces;
      if (c == '}' && braces > 0) --braces;
      if (c == '\\' && braces == 0) {
        escape(out);
        continue;
      }
      const std::size_t bytes = std::max<std::size_t>(unicode::decode(text_.substr(at_.byte)).bytes, 1);
      out.append(text_.substr(at_.byte, bytes));
      advance(bytes);
    }
    refuse(opening, "Unterminated string literal", "There is no closing quote for this text.");
    return out;
  }

  void escape(std::string& out) {
    static constexpr std::string_view kinds = "nrtabfv\"\\/", meanings = "\n\r\t\a\b\f\v\"\\/";
    const char kind = peek(1);
    const std::size_t digits = kind == 'u' ? 4 : kind == 'U' ? 8 : kind == 'x' ? 2 : 0;
    const std::string_view hex = text_.substr(std::min(at_.byte + 2, text_.size()), digits);
    if (digits != 0 && hex.size() == digits && hex.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos &&
        unicode::append(out, static_cast<char32_t>(std::stoul(std::string(hex), nullptr, 16))))
      return advance(2 + digits);
    const std::size_t at = kind ? kinds.find(kind) : std::string_view::npos;
    if (at == std::string_view::npos) return refuse(here(2), "Invalid escape sequence", "A backslash itself is written as \\\\."), advance(1);
    out.push_back(meanings[at]);
    advance(2);
  }

  std::string heredoc() {
    const Range opening = here(2);
    const bool indented = peek(2) == '-';
    advance(indented ? 3 : 2);
    const std::size_t line_end = text_.find('\n', at_.byte);
    const std::string marker(unicode::trim(text_.substr(at_.byte, line_end == std::string_view::npos ? line_end : line_end - at_.byte)));
    std::vector<std::string_view> lines;
    if (line_end != std::string_view::npos) {
      advance(line_end + 1 - at_.byte);
      while (!at_end()) {
        const std::size_t end = std::min(text_.find('\n', at_.byte), text_.size());
        const std::string_view line = text_.substr(at_.byte, end - at_.byte);
        if (unicode::trim(line) == marker && !marker.empty()) {
          advance(line.size());
          return joined(lines, indented ? blanks(line) : 0);
        }
        lines.push_back(line);
        advance(std::min(line.size() + 1, text_.size() - at_.byte));
      }
    }
    refuse(opening, "Unterminated heredoc", "The line that ends this text, its marker alone on a line, is missing.");
    return {};
  }

  static std::size_t blanks(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

  /// The indentation of the end marker is taken off, where every line has it.
  static std::string joined(const std::vector<std::string_view>& lines, std::size_t indentation) {
    for (const std::string_view line : lines)
      if (!unicode::trim(line).empty()) indentation = std::min(indentation, blanks(line));
    std::string out;
    for (const std::string_view line : lines) out.append(line.substr(std::min(indentation, line.size()))).push_back('\n');
    return out;
  }

  const Source& source_;
  std::string_view text_;
  Position at_;
  Diagnostics& out_;
  bool good_ = true;
};

}  // namespace

JsonFile parse_legacy_file(std::string name, std::string text, Diagnostics& out) {
  const bool too_large = text.size() > source_bytes_max;
  if (too_large) text.clear();
  JsonFile file{Source::make(std::move(name), std::move(text)), {}};
  if (too_large) {
    add_error(out, Range{file.source.get(), {}, {}}, "File too large", drover::text("At most {} bytes are read.", source_bytes_max));
    return file;
  }
  file.root = LegacyParser(*file.source, out).file();
  return file;
}

}  // namespace drover::hcl
