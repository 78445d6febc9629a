#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/hcl/datum.h"

namespace drover::hcl {

/// The datum as the wanted type, or why it cannot be one, such as "element 0: a number is required". `dynamic` leaves
/// it as it is.
Result<Datum> convert(const Datum& datum, const Type& wanted);
/// Whether a known value of the one type may become the other; texts that must be read are given the benefit.
bool convertible(const Type& from, const Type& wanted);

/// The one type that all of these can become, as for the arms of a conditional; nothing where there is none.
std::optional<Type> unify(const std::vector<Type>& types);

}  // namespace drover::hcl
