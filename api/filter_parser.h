#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>

#include <drover/result.h>

/// The syntax tree of filter expressions, and how a text becomes one. For api/filter.cc alone.
namespace drover::api::filter {

enum class Kind : std::uint8_t { either, both, negated, any, all, match };
enum class Operator : std::uint8_t { equal, empty, nil, in, matches };

using Path = std::vector<std::string>;

/// One node of the tree; which members count depends on its kind.
struct Expression {
  Kind kind = Kind::match;
  std::shared_ptr<const Expression> left;   ///< either, both, negated; the body of any and all
  std::shared_ptr<const Expression> right;  ///< either, both
  Path path;                                ///< match, any, all
  Operator op = Operator::equal;            ///< match
  bool inverted = false;                    ///< match: "!=", "not in", …
  std::string value;                        ///< match: as it was written, without quotes
  std::shared_ptr<const re2::RE2> pattern;  ///< match with `matches`; it may be broken
  std::string first_name;                   ///< any, all: the name of the element, or of the index or key; "_" is none
  std::string second_name;                  ///< any, all: the name of the element or value, when two are given
};
using ExpressionPtr = std::shared_ptr<const Expression>;

/// `invalid` with the place of the first mistake.
Result<ExpressionPtr> parse(std::string_view text);

}  // namespace drover::api::filter
