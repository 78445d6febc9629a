#pragma once

#include <memory>
#include <string>

#include "base/hcl/ast.h"
#include "base/hcl/diagnostic.h"

namespace drover::hcl {

/// Expressions and blocks may be nested so deep.
constexpr int nesting_max = 200;
/// So many operators of one level, or steps into a value, may follow each other: the tree is walked by recursion.
constexpr int chain_max = 1000;
/// Larger texts are refused unread.
constexpr std::size_t source_bytes_max = 16 * 1024 * 1024;

/// Parses a file: attributes and blocks. Always gives a tree, which holds what could be read; it is whole only where no
/// error was added. Any bytes are fine as input.
File parse_file(std::string name, std::string text, Diagnostics& out);

/// Parses one expression, such as a value from the command line, which must be the whole text. The source
/// outlives the expression.
ExpressionPtr parse_expression(const Source& source, Diagnostics& out);
/// Parses the text from `start` to byte `end` of a source as an expression, or as the inside of a quoted text
/// where backslashes stand for themselves.
ExpressionPtr parse_expression_part(const Source& source, Position start, std::size_t end, Diagnostics& out);
ExpressionPtr parse_template_part(const Source& source, Position start, std::size_t end, Diagnostics& out);

}  // namespace drover::hcl
