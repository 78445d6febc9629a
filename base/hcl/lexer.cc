#include <algorithm>

#include "base/hcl/token.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {
namespace {

/// Reports of one kind of bad character: the others would say the same.
constexpr int reports_max = 4;

class Lexer {
 public:
  Lexer(const Source& source, Position start, std::size_t end, LexMode mode, Diagnostics& out)
      : source_(source), text_(std::string_view(source.text()).substr(0, end)), at_(start), out_(out) {
    states_.push_back(State{mode == LexMode::file ? In::code : In::bare_text, 0, {}});
  }

  std::vector<Token> run() {
    skip_byte_order_mark();
    check_encoding();
    while (at_.byte < text_.size()) step();
    emit(TokenKind::end, 0);
    return std::move(tokens_);
  }

 private:
  enum class In : std::uint8_t { code, quotes, heredoc, bare_text };
  struct State {
    In in;
    int braces;
    std::string marker;
  };

  std::string_view rest() const { return text_.substr(at_.byte); }
  char peek(std::size_t offset = 0) const { return at_.byte + offset < text_.size() ? text_[at_.byte + offset] : '\0'; }
  bool starts(std::string_view prefix) const { return rest().starts_with(prefix); }

  void step() {
    switch (states_.back().in) {
      case In::code: return code();
      case In::quotes: return quotes();
      case In::heredoc: return heredoc_line();
      case In::bare_text: return literal(TokenKind::quoted_text);
    }
  }

  Position advanced(std::size_t bytes) const {
    Position to = at_;
    std::string_view part = text_.substr(at_.byte, bytes);
    while (!part.empty()) {
      const std::size_t length = std::min(unicode::cluster_length(part), part.size());
      if (part[0] == '\n' || part.substr(0, 2) == "\r\n") {
        ++to.line;
        to.column = 1;
      } else {
        ++to.column;
      }
      part.remove_prefix(length);
    }
    to.byte += bytes;
    return to;
  }

  void emit(TokenKind kind, std::size_t bytes) {
    const Position end = advanced(bytes);
    tokens_.push_back(Token{kind, Range{&source_, at_, end}});
    at_ = end;
  }

  void bad(std::size_t bytes, int& reports, const char* summary, std::string detail) {
    emit(TokenKind::bad, bytes);
    if (reports++ < reports_max) add_error(out_, tokens_.back().range, summary, std::move(detail));
  }

  void skip_byte_order_mark() {
    if (at_.byte == 0 && starts("\xEF\xBB\xBF")) at_.byte = 3;
  }

  void check_encoding() {
    const std::size_t invalid = unicode::first_invalid(rest());
    if (invalid == std::string_view::npos) return;
    const Position start = advanced(invalid);
    Position end = start;
    ++end.column, ++end.byte;
    add_error(out_, Range{&source_, start, end}, "Invalid character encoding", "All text must be UTF-8. Convert the file to UTF-8 first.");
  }

  void code() {
    const char c = peek();
    if (c == ' ' || c == '\t') return skip_blanks();
    if (c == '\n') return emit(TokenKind::newline, 1);
    if (starts("\r\n")) return emit(TokenKind::newline, 2);
    if (c == '#' || starts("//")) return line_comment();
    if (starts("/*")) return block_comment();
    if (c >= '0' && c <= '9') return number();
    if (c == '"') return open_quotes();
    if (starts("<<") && open_heredoc()) return;
    if (const std::size_t bytes = identifier_length(); bytes != 0) return emit(TokenKind::identifier, bytes);
    punctuation();
  }

  void skip_blanks() {
    std::size_t bytes = 0;
    while (peek(bytes) == ' ' || peek(bytes) == '\t') ++bytes;
    at_.byte += bytes;
    at_.column += static_cast<int>(bytes);
  }

  void line_comment() {
    const std::size_t end = rest().find('\n');
    emit(TokenKind::comment, end == std::string_view::npos ? rest().size() : end + 1);
  }

  void block_comment() {
    const std::size_t end = rest().find("*/", 2);
    if (end != std::string_view::npos) return emit(TokenKind::comment, end + 2);
    const Range open{&source_, at_, advanced(2)};
    emit(TokenKind::comment, rest().size());
    add_error(out_, open, "Unterminated comment", "There is no \"*/\" that ends the comment begun here.");
  }

  void number() {
    const auto is_digit = [this](std::size_t i) { return peek(i) >= '0' && peek(i) <= '9'; };
    std::size_t bytes = 1;
    for (;;) {
      if (is_digit(bytes)) {
        ++bytes;
      } else if (peek(bytes) == '.' && is_digit(bytes + 1)) {
        bytes += 2;
      } else if ((peek(bytes) == 'e' || peek(bytes) == 'E') && is_digit(bytes + 1)) {
        bytes += 2;
      } else if ((peek(bytes) == 'e' || peek(bytes) == 'E') && (peek(bytes + 1) == '+' || peek(bytes + 1) == '-') && is_digit(bytes + 2)) {
        bytes += 3;
      } else {
        return emit(TokenKind::number, bytes);
      }
    }
  }

  std::size_t identifier_length(std::size_t offset = 0) const {
    std::size_t bytes = 0;
    for (;;) {
      const std::string_view here = text_.substr(std::min(at_.byte + offset + bytes, text_.size()));
      const unicode::Decoded d = unicode::decode(here);
      if (d.bytes == 0 || !(bytes == 0 ? unicode::is_identifier_start(d.code) : unicode::is_identifier_part(d.code))) return bytes;
      bytes += d.bytes;
    }
  }

  void open_quotes() {
    emit(TokenKind::open_quote, 1);
    states_.push_back(State{In::quotes, 0, {}});
  }

  /// `<<MARKER` or `<<-MARKER` up to the end of its line.
  bool open_heredoc() {
    const std::size_t start = peek(2) == '-' ? 3 : 2;
    const std::size_t length = identifier_length(start);
    if (length == 0) return false;
    std::size_t bytes = start + length;
    if (peek(bytes) == '\r') ++bytes;
    if (peek(bytes) != '\n') return false;
    std::string marker(rest().substr(start, length));
    emit(TokenKind::open_heredoc, bytes + 1);
    states_.push_back(State{In::heredoc, 0, std::move(marker)});
    return true;
  }

  void punctuation() {
    struct Mark {
      std::string_view text;
      TokenKind kind;
    };
    using enum TokenKind;
    static constexpr Mark marks[] = {
        {"...", ellipsis}, {"==", equal_equal}, {"!=", not_equal}, {">=", greater_equal}, {"<=", less_equal}, {"&&", and_and},
        {"||", or_or}, {"=>", arrow}, {"::", double_colon}, {"[", open_bracket}, {"]", close_bracket}, {"(", open_paren},
        {")", close_paren}, {".", dot}, {",", comma}, {"*", star}, {"/", slash}, {"%", percent}, {"+", plus}, {"-", minus},
        {"=", equal}, {"<", less}, {">", greater}, {"!", bang}, {"?", question}, {":", colon},
    };
    if (starts("~}") && states_.size() > 1 && states_.back().braces == 0) return end_sequence(2);
    if (peek() == '{') return ++states_.back().braces, emit(open_brace, 1);
    if (peek() == '}') {
      if (states_.size() > 1 && states_.back().braces == 0) return end_sequence(1);
      --states_.back().braces;
      return emit(close_brace, 1);
    }
    for (const Mark& mark : marks)
      if (starts(mark.text)) return emit(mark.kind, mark.text.size());
    unknown();
  }

  void end_sequence(std::size_t bytes) {
    states_.pop_back();
    emit(TokenKind::close_sequence, bytes);
  }

  void unknown() {
    const char c = peek();
    const std::size_t bytes = std::max<std::size_t>(unicode::decode(rest()).bytes, 1);
    const std::string_view letter = rest().substr(0, bytes);
    if (c == '&' || c == '|' || c == '^' || c == '~') {
      const char* hint = c == '&' ? " Did you mean \"&&\"?" : c == '|' ? " Did you mean \"||\"?" : "";
      return bad(1, operators_, "Unsupported operator", std::string("Bitwise operators are not supported.") + hint);
    }
    // They come in pairs: one report for both.
    if (c == '\'' && quote_open_) return quote_open_ = false, emit(TokenKind::bad, 1);
    if (c == '\'') return quote_open_ = true, bad(1, apostrophes_, "Invalid character", "Single quotes are not valid. Use double quotes (\") around text.");
    if (c == '`') return bad(1, backticks_, "Invalid character", "The ` character is not valid. For text of several lines use a heredoc, such as <<EOT.");
    if (c == ';') return bad(1, semicolons_, "Invalid character", "The \";\" character is not valid. Use newlines to separate arguments and blocks.");
    if (letter == "\u201C" || letter == "\u201D")
      return bad(bytes, curly_, "Invalid character", "Curly quotes are not valid. Use straight double quotes (\") around text.");
    if (unicode::decode(rest()).bytes == 0) return emit(TokenKind::bad, 1);  // reported by check_encoding
    bad(bytes, others_, "Invalid character", "This character is not used within the language.");
  }

  void quotes() {
    if (peek() == '"') {
      states_.pop_back();
      return emit(TokenKind::close_quote, 1);
    }
    if (peek() == '\n' || starts("\r\n")) {
      emit(TokenKind::quoted_newline, peek() == '\n' ? 1 : 2);
      states_.pop_back();  // the text ends here, so that one forgotten quote is one error
      return;
    }
    literal(TokenKind::quoted_text);
  }

  /// `${` or `%{` here opens a sequence.
  bool open_sequence() {
    if (!starts("${") && !starts("%{")) return false;
    const TokenKind kind = peek() == '$' ? TokenKind::open_interpolation : TokenKind::open_control;
    emit(kind, peek(2) == '~' ? 3 : 2);
    states_.push_back(State{In::code, 0, {}});
    return true;
  }

  /// Text up to the next sequence, the closing quote, or the end of the line (a heredoc's text includes that end).
  void literal(TokenKind kind) {
    if (open_sequence()) return;
    const bool quoted = states_.back().in == In::quotes;
    std::size_t bytes = 0;
    while (at_.byte + bytes < text_.size()) {
      const char c = peek(bytes);
      if ((c == '$' || c == '%') && peek(bytes + 1) == c && peek(bytes + 2) == '{') {
        bytes += 3;
        continue;
      }
      if ((c == '$' || c == '%') && peek(bytes + 1) == '{') break;
      if (quoted && c == '\\' && peek(bytes + 1) != '\n' && peek(bytes + 1) != '\r' && at_.byte + bytes + 1 < text_.size()) {
        bytes += 2;
        continue;
      }
      if (quoted && (c == '"' || c == '\n' || (c == '\r' && peek(bytes + 1) == '\n'))) break;
      ++bytes;
      if (!quoted && c == '\n' && kind == TokenKind::heredoc_text) break;
    }
    emit(kind, bytes);
  }

  void heredoc_line() {
    const bool line_start = tokens_.back().kind == TokenKind::open_heredoc ||
                            (tokens_.back().kind == TokenKind::heredoc_text && tokens_.back().text().ends_with('\n'));
    if (line_start) {
      const std::size_t end = rest().find('\n');
      const std::string_view line = rest().substr(0, end);
      if (end != std::string_view::npos && unicode::trim(line) == states_.back().marker) {
        states_.pop_back();
        return emit(TokenKind::close_heredoc, line.ends_with('\r') ? line.size() - 1 : line.size());
      }
    }
    literal(TokenKind::heredoc_text);
  }

  const Source& source_;
  std::string_view text_;
  Position at_;
  Diagnostics& out_;
  std::vector<State> states_;
  std::vector<Token> tokens_;
  int operators_ = 0, apostrophes_ = 0, backticks_ = 0, curly_ = 0, others_ = 0;
  bool quote_open_ = false;
  int semicolons_ = reports_max - 1;  // reported once
};

}  // namespace

std::vector<Token> lex_part(const Source& source, Position start, std::size_t end, LexMode mode, Diagnostics& out) {
  return Lexer(source, start, end, mode, out).run();
}

std::vector<Token> lex(const Source& source, LexMode mode, Diagnostics& out) {
  return lex_part(source, Position{}, source.text().size(), mode, out);
}

}  // namespace drover::hcl
