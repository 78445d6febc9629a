#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace drover::hcl {

/// A number of the configuration language: a binary float of 512 bits, or infinity. Whole numbers that fit are kept as
/// an int64. What came from a double (pow, log) remembers that, and shows no digits beyond those of a double. A value:
/// cheap to copy.
class Number {
 public:
  /// The large form; its type is known in number.cc only.
  struct Wide;

  Number(std::int64_t value = 0) : form_(value) {}  // NOLINT: conversions are the point
  Number(int value) : Number(static_cast<std::int64_t>(value)) {}  // NOLINT
  explicit Number(double value);
  explicit Number(std::shared_ptr<const Wide> wide) : form_(std::move(wide)) {}

  /// Decimal digits with an optional sign, fraction and exponent, and "inf" in any case.
  static std::optional<Number> parse(std::string_view text);
  /// Whole numbers in another base (2 to 62).
  static std::optional<Number> parse_base(std::string_view text, int base);

  bool is_infinite() const;
  bool is_whole() const;
  bool is_negative() const;
  /// The value, where it is whole and fits.
  std::optional<std::int64_t> to_int64() const;
  double to_double() const;
  /// The shortest decimal text that reads back as this number; never with an exponent.
  std::string to_text() const;
  /// Whole numbers in base 2, 8 or 16, with a minus sign where negative.
  std::string to_base(int base) const;
  /// Rounded to `digits` after the point, as printf's %f.
  std::string to_fixed(int digits) const;

  Number negated() const;
  Number floor() const;
  Number ceil() const;
  Number truncated() const;

  // Without a value where there is none: infinity minus infinity, zero by zero, zero times infinity.
  static std::optional<Number> add(const Number& a, const Number& b);
  static std::optional<Number> subtract(const Number& a, const Number& b);
  static std::optional<Number> multiply(const Number& a, const Number& b);
  static std::optional<Number> divide(const Number& a, const Number& b);
  /// a − b·trunc(a/b); a itself where b is zero.
  static std::optional<Number> modulo(const Number& a, const Number& b);

  friend bool operator==(const Number& a, const Number& b) { return compare(a, b) == 0; }
  friend std::strong_ordering operator<=>(const Number& a, const Number& b) { return compare(a, b) <=> 0; }

 private:
  static int compare(const Number& a, const Number& b);

  std::variant<std::int64_t, std::shared_ptr<const Wide>> form_;
};

}  // namespace drover::hcl
