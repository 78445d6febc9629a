#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/hcl/ast.h"
#include "base/hcl/diagnostic.h"
#include "base/hcl/parser.h"
#include "base/hcl/token.h"

/// The parser's parts share this class: structure in parser.cc, expressions in parse_expression.cc, templates in
/// parse_template.cc.
namespace drover::hcl::detail {

class Parser {
 public:
  Parser(const Source& source, std::vector<Token> tokens, Diagnostics& out) : source_(source), tokens_(std::move(tokens)), out_(out) {}

  Body body(TokenKind end, const Range& opening);
  ExpressionPtr expression();
  /// The parts of a template up to `end`, which is consumed.
  ExpressionPtr template_until(TokenKind end, const Range& opening, bool decode_escapes);
  void expect_end();

 private:
  // Tokens. Comments are invisible; a newline is too while newlines do not count (a comment that ends its line is one).
  const Token& peek();
  const Token& read();
  bool next_is(TokenKind kind) { return peek().kind == kind; }
  bool take(TokenKind kind);
  bool at_newline() { return next_is(TokenKind::newline); }
  Range last_range() const;

  /// While it lives, newlines count or not; it restores what was before.
  class Newlines {
   public:
    Newlines(Parser& parser, bool visible) : parser_(parser) { parser_.newlines_.push_back(visible); }
    ~Newlines() { parser_.newlines_.pop_back(); }
    Newlines(const Newlines&) = delete;
    Newlines& operator=(const Newlines&) = delete;

   private:
    Parser& parser_;
  };

  // Errors. After the first recovery only specific errors are added: the rest would be noise.
  void error(const Range& subject, std::string summary, std::string detail) { add_error(out_, subject, std::move(summary), std::move(detail)); }
  void unexpected(const Range& subject, std::string summary, std::string detail) {
    if (!recovering_) error(subject, std::move(summary), std::move(detail));
  }
  void recover(TokenKind end);
  void recover_after_item();
  bool too_deep();

  // Structure.
  void body_item(Body& body);
  void attribute(Body& body, const Token& name, bool one_line);
  void block(Body& body, const Token& type);
  bool labels(Block& block);
  void one_line_body(Block& block);
  Label quoted_label();

  // Expressions.
  ExpressionPtr conditional();
  ExpressionPtr binary(std::size_t level);
  ExpressionPtr unary();
  ExpressionPtr chain_too_long(ExpressionPtr left);
  ExpressionPtr with_steps();
  ExpressionPtr step_after(ExpressionPtr from, bool& more);
  ExpressionPtr dot_step(ExpressionPtr from);
  ExpressionPtr index_step(ExpressionPtr from);
  ExpressionPtr splat_steps(ExpressionPtr from, const Range& marker, bool full);
  ExpressionPtr term();
  ExpressionPtr number_term();
  ExpressionPtr name_term();
  ExpressionPtr call(const Token& first, std::string name, Range name_range);
  ExpressionPtr tuple();
  ExpressionPtr object();
  bool object_item(Object& object);
  ExpressionPtr for_term(const Token& opening, bool braces);
  ExpressionPtr parenthesised();
  ExpressionPtr quoted();
  ExpressionPtr heredoc();
  ExpressionPtr invalid(const Range& at);
  static ExpressionPtr add_step(ExpressionPtr from, Step step);

  // Templates: see parse_template.cc.
  struct Piece;
  std::vector<Piece> pieces_until(TokenKind end, const Range& opening, bool decode_escapes);
  Piece interpolation_piece();
  Piece control_piece();
  void if_piece(Piece& piece);
  void for_piece(Piece& piece);
  void close_control();
  ExpressionPtr assemble(std::vector<Piece>& pieces, std::size_t& at, int depth, const Range& whole, bool is_heredoc);
  std::string decode_quoted(const Token& token);

  const Source& source_;
  std::vector<Token> tokens_;
  Diagnostics& out_;
  std::size_t at_ = 0;
  Token line_end_;  ///< what a comment that ends its line counts as
  std::vector<bool> newlines_{true};
  bool recovering_ = false;
  int depth_ = 0;

  friend struct Deeper;
};

/// One level of nesting more, while it lives.
struct Deeper {
  explicit Deeper(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Deeper() { --parser_.depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  Parser& parser_;
};

}  // namespace drover::hcl::detail
