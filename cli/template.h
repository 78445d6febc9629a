#pragma once

#include <drover/result.h>

#include <string>
#include <string_view>

#include "base/value/value.h"

namespace drover::cli {

/// Renders a subset of Go's text/template, as `-t` takes it, over an API object.
///
/// Known: {{.A.B}}, {{.}}, {{$}}, variables, pipelines, literals, {{range}} (with index and else), {{if}}/{{else if}}/{{else}},
/// {{with}}, {{end}}, trim markers, comments, and the functions len, index, print, printf, println, eq, ne, lt, le, gt, ge, and, or, not, json.
/// Anything else is an error that names it. A missing field is an error, as it is for typed objects.
Result<std::string> render_template(std::string_view text, const Value& data);

}  // namespace drover::cli
