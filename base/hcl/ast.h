#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/hcl/diagnostic.h"
#include "base/hcl/number.h"

/// The tree of a configuration text. Every node knows its range, parentheses and quoting are kept: what a formatter or
/// an exact message needs is never lost. Ranges point into the File's source.
namespace drover::hcl {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// `null`, `true`, `false` or a number.
struct Literal {
  std::variant<std::monostate, bool, Number> value;
};

/// `.name`, `[0]`, `["key"]` or the old `.0`: one fixed step into a value.
struct Step {
  enum class Kind : std::uint8_t { attribute, number, key };
  Kind kind = Kind::attribute;
  std::string name;  ///< of an attribute or a key
  Number index;
  Range range;
};

/// `name` with fixed steps behind it.
struct Reference {
  std::string root;
  Range root_range;
  std::vector<Step> steps;
};

/// Fixed steps into the value of any other expression.
struct Access {
  ExpressionPtr from;
  std::vector<Step> steps;
};

/// `from[key]` where the key must be evaluated.
struct Index {
  ExpressionPtr from;
  ExpressionPtr key;
  Range brackets;
};

/// `from.*.x` or `from[*].x`: `each` is evaluated for every element, which stands in it as Item.
struct Splat {
  ExpressionPtr from;
  ExpressionPtr each;
  Range marker;
};
struct Item {};

struct Call {
  std::string name;
  Range name_range;
  std::vector<ExpressionPtr> arguments;
  bool expand_last = false;  ///< `f(a, rest...)`
  Range open_paren, close_paren;
};

struct Tuple {
  std::vector<ExpressionPtr> items;
};

struct ObjectItem {
  ExpressionPtr key;
  ExpressionPtr value;
};
/// A key that is a bare name is a Reference without steps: it means its own text.
struct Object {
  std::vector<ObjectItem> items;
  Range open_brace;
  bool unique_keys = false;  ///< written as JSON: a repeated key is an error
};

/// `[for k, v in from : value if condition]`, or with braces and a key.
struct For {
  std::string key_name, value_name;  ///< key_name may be empty
  ExpressionPtr from;
  ExpressionPtr key;  ///< of the object form only
  ExpressionPtr value;
  ExpressionPtr condition;  ///< may be null
  bool grouped = false;     ///< `value...`
  Range opening;
};

struct Conditional {
  ExpressionPtr condition, when_true, when_false;
};

enum class Operator : std::uint8_t {
  logical_or, logical_and, equal, not_equal, greater, greater_equal, less, less_equal, add, subtract, multiply, divide, modulo,
  negate, logical_not,
};

struct Binary {
  Operator op;
  ExpressionPtr left, right;
};

struct Unary {
  Operator op;
  ExpressionPtr operand;
};

struct Parentheses {
  ExpressionPtr inner;
};

// The parts of a template.
struct Text {
  std::string text;
};
/// `${ inner }`; `between` is what stands between the braces.
struct Interpolation {
  ExpressionPtr inner;
  Range between;
};
struct TextIf {
  ExpressionPtr condition;
  ExpressionPtr when_true, when_false;  ///< templates
};
struct TextFor {
  std::string key_name, value_name;
  ExpressionPtr from;
  ExpressionPtr body;  ///< a template
};

/// Quoted text or a heredoc: Text, Interpolation, TextIf and TextFor in order.
struct Template {
  std::vector<ExpressionPtr> parts;
  bool is_heredoc = false;
};

struct Expression {
  Range range;
  std::variant<Literal, Reference, Access, Index, Splat, Item, Call, Tuple, Object, For, Conditional, Binary, Unary, Parentheses,
               Text, Interpolation, TextIf, TextFor, Template>
      node;
};

struct Attribute {
  std::string name;
  Range name_range;
  Range range;
  ExpressionPtr value;
};

struct Label {
  std::string text;
  Range range;
  bool quoted = false;
};

struct Block;

/// Attributes and blocks, each in the order of the text. Attribute names are unique.
struct Body {
  std::vector<Attribute> attributes;
  std::vector<Block> blocks;
  Range range;  ///< braces included, where there are any
  Range end;    ///< empty, behind the last item
  std::map<std::string, std::size_t, std::less<>> index;  ///< of the attributes, by name

  const Attribute* find(std::string_view name) const;
};

struct Block {
  std::string type;
  Range type_range;
  std::vector<Label> labels;
  Range open_brace;
  Body body;

  /// The type and labels: what a message about the whole block points at.
  Range header() const { return between(type_range, labels.empty() ? type_range : labels.back().range); }
};

/// A parsed text. Owns the tree and shares the source.
struct File {
  std::shared_ptr<const Source> source;
  Body body;
};

}  // namespace drover::hcl
