#pragma once

#include <string>

#include "base/value/value.h"

namespace drover::cli {

/// A message of the driver's wire as one line of JSON, fit to be shown to others: the values of environment variables and
/// options whose names speak of secrets are "<hidden>", bytes of the driver's own are only counted, what a command reads and prints is
/// only counted too. `method` is the whole path, `is_request` says which of its two messages the bytes are.
std::string shown_message(const std::string& method, bool is_request, const std::string& bytes);

/// Whether the name of a variable or an option says that its value is nobody's business.
bool speaks_of_secrets(const std::string& name);

/// The value with every member of such a name hidden, at any depth.
Value without_secrets(const Value& value);

}  // namespace drover::cli
