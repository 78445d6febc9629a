#pragma once

#include <string_view>

#include "base/value/value.h"

namespace drover::cli {

/// An API object with the members that Nomad's own client prints, in its order: those that the answer lacks have their zero
/// value, those that the client does not know are left out. Scripts and templates find the same names with either program.
/// `kind` is one of: "alloc", "alloc stub", "deployment", "eval", "job", "node", "node stub", "scaling policy"; anything else stays as it is.
Value client_shape(const Value& object, std::string_view kind);
/// The same of each element of a list.
Value client_shapes(const Value& list, std::string_view kind);

}  // namespace drover::cli
