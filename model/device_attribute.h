#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Attributes of devices, which carry units, and constraints on them. Pure, any thread.
namespace drover::model {

/// The value of an attribute, read from text.
struct Measured {
  std::variant<std::int64_t, double, bool, std::string> value;
  std::string unit;  ///< of a number: "GiB", "MHz", "MB/s", …; may be empty

  /// "4 GiB", "5.5", "true"; whatever is none of these is text.
  static Measured parse(std::string_view text);

  bool is_number() const { return value.index() < 2; }
};

/// Nothing where the two cannot be compared: a size and a frequency, a number and a text.
std::optional<std::partial_ordering> compare(const Measured& a, const Measured& b);

/// Whether a constraint on a device holds; null stands for what the device does not have.
bool device_constraint_holds(const Measured* left, std::string_view operand, const Measured* right);

}  // namespace drover::model
