#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hcl/ast.h"
#include "base/hcl/diagnostic.h"

/// The JSON form of the language: the same structure written as objects, its expressions as text.
namespace drover::hcl {

constexpr int json_nesting_max = 100;

/// A JSON value with its place. Members keep their order, and repeated names.
struct JsonNode {
  enum class Kind : std::uint8_t { null, boolean, number, text, list, object };
  struct Member;

  Kind kind = Kind::null;
  Range range;
  std::string text;  ///< of a text, decoded; of a number, as written
  bool boolean = false;
  std::vector<JsonNode> items;
  std::vector<Member> members;

  /// The value as an expression: texts are templates, objects and lists their constructors. Made once, when asked for.
  /// Adds what is wrong with a template, each time it is asked for.
  const Expression& expression(Diagnostics& out) const;
  /// The same with texts as they are: `${x}` stays as it is written.
  const Expression& literal_expression() const;

  JsonNode();
  JsonNode(JsonNode&&) noexcept;
  JsonNode& operator=(JsonNode&&) noexcept;
  ~JsonNode();

 private:
  ExpressionPtr made(bool literal, Diagnostics& out) const;
  mutable ExpressionPtr expression_;
  mutable ExpressionPtr literal_;
  mutable Diagnostics errors_;  ///< of the templates within
  mutable std::vector<std::shared_ptr<const Source>> sources_;  ///< of the templates within
};

struct JsonNode::Member {
  std::string name;
  Range name_range;
  JsonNode value;
};

struct JsonFile {
  std::shared_ptr<const Source> source;
  JsonNode root;
};

/// Reads one JSON value. Any bytes are fine as input.
JsonFile parse_json_file(std::string name, std::string text, Diagnostics& out);

}  // namespace drover::hcl
