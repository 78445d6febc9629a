#include "base/hcl/number.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/cpp_int.hpp>

namespace drover::hcl {

namespace mp = boost::multiprecision;
using Float = mp::number<mp::cpp_bin_float<512, mp::digit_base_2, void, std::int32_t>, mp::et_off>;

struct Number::Wide {
  Float value;
  bool from_double = false;
};

namespace {

/// Decimal exponents beyond this would make texts of megabytes.
constexpr long exponent_max = 10'000;
/// So many decimal digits tell any two 512-bit numbers apart.
constexpr int digits_max = 157;
/// So many tell any two doubles apart.
constexpr int double_digits_max = 17;
/// Up to here each whole number is a double of its own.
constexpr double exact_double_max = 9007199254740992.0;

Float wide(std::int64_t value) { return Float(value); }

Number from(const Float& value) {
  if (mp::isfinite(value) && !(value == 0 && mp::signbit(value))) {
    static const Float lowest(std::numeric_limits<std::int64_t>::min()), highest(std::numeric_limits<std::int64_t>::max());
    if (value >= lowest && value <= highest && mp::trunc(value) == value) return Number(value.convert_to<std::int64_t>());
  }
  return Number(std::make_shared<const Number::Wide>(Number::Wide{value}));
}

std::optional<Number> checked(const Float& value) {
  if (mp::isnan(value)) return std::nullopt;
  return from(value);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

/// [+-] digits [. digits] [e [+-] digits], with at least one digit before the exponent.
bool is_decimal(std::string_view text, long& exponent) {
  std::size_t i = 0, digits = 0;
  const auto skip_digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  digits += skip_digits();
  if (i < text.size() && text[i] == '.') digits += (++i, skip_digits());
  exponent = 0;
  if (digits != 0 && i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    const std::size_t start = ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (skip_digits() == 0) return false;
    exponent = std::strtol(std::string(text.substr(start)).c_str(), nullptr, 10);
  }
  return digits != 0 && i == text.size();
}

/// "1.5e+2" with its sign → "150".
std::string plain(const std::string& scientific) {
  const std::size_t e = scientific.find('e');
  const bool negative = scientific[0] == '-';
  const long exponent = std::strtol(scientific.c_str() + e + 1, nullptr, 10);
  std::string digits = scientific.substr(negative ? 1 : 0, e - (negative ? 1 : 0));
  digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  const long point = exponent + 1;
  std::string out = negative ? "-" : "";
  if (point <= 0) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (static_cast<std::size_t>(point) >= digits.size()) return out + digits + std::string(static_cast<std::size_t>(point) - digits.size(), '0');
  return out + digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
}

/// The fewest digits that are nearer to this double than half the step to the next larger one. At a power of two the
/// step below is smaller; that is not looked at, so that the text is the one other programs of the language give.
std::string double_text(double value) {
  const double magnitude = std::fabs(value), next = std::nextafter(magnitude, HUGE_VAL);
  const long double step = std::isinf(next) ? static_cast<long double>(magnitude) - std::nextafter(magnitude, 0) : static_cast<long double>(next) - magnitude;
  const long double half_step = step / 2;
  char text[64];
  for (int digits = 1;; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits - 1, value);
    const long double distance = std::fabs(std::strtold(text, nullptr) - static_cast<long double>(value));
    if (distance < half_step || digits == double_digits_max) return plain(text);
  }
}

int digit_of(char c, int base) {
  int value = 99;
  if (c >= '0' && c <= '9') value = c - '0';
  if (c >= 'a' && c <= 'z') value = c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') value = base <= 36 ? c - 'A' + 10 : c - 'A' + 36;
  return value < base ? value : -1;
}

}  // namespace

#define DROVER_WIDE(number)                                                                                     \
  (std::holds_alternative<std::int64_t>((number).form_) ? wide(std::get<std::int64_t>((number).form_))          \
                                                        : std::get<std::shared_ptr<const Number::Wide>>((number).form_)->value)

Number::Number(double value)
    : Number(std::fabs(value) <= exact_double_max && std::trunc(value) == value && value != 0 ? from(Float(value))
                                                                                             : Number(std::make_shared<const Wide>(Wide{Float(value), true}))) {
  if (value == 0) *this = Number(std::int64_t{0});
}

std::optional<Number> Number::parse(std::string_view text) {
  const std::string low = lower(text);
  const std::string_view unsigned_text = std::string_view(low).substr(!low.empty() && (low[0] == '-' || low[0] == '+') ? 1 : 0);
  if (unsigned_text == "inf" || unsigned_text == "infinity") {
    const Float infinity = std::numeric_limits<Float>::infinity();
    return from(low[0] == '-' ? Float(-infinity) : infinity);
  }
  long exponent = 0;
  if (!is_decimal(text, exponent) || std::abs(exponent) > exponent_max || text.size() > exponent_max) return std::nullopt;
  std::string digits(text);
  if (digits[0] == '+') digits.erase(0, 1);
  return from(Float(digits));
}

std::optional<Number> Number::parse_base(std::string_view text, int base) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text.size() > exponent_max) return std::nullopt;
  mp::cpp_int value = 0;
  for (const char c : text) {
    const int digit = digit_of(c, base);
    if (digit < 0) return std::nullopt;
    value = value * base + digit;
  }
  return from(Float(negative ? mp::cpp_int(-value) : value));
}

bool Number::is_infinite() const {
  const auto* large = std::get_if<std::shared_ptr<const Wide>>(&form_);
  return large && mp::isinf((*large)->value);
}

bool Number::is_whole() const {
  const auto* large = std::get_if<std::shared_ptr<const Wide>>(&form_);
  return !large || (mp::isfinite((*large)->value) && mp::trunc((*large)->value) == (*large)->value);
}

bool Number::is_negative() const {
  const auto* large = std::get_if<std::shared_ptr<const Wide>>(&form_);
  return large ? (*large)->value < 0 : std::get<std::int64_t>(form_) < 0;
}

std::optional<std::int64_t> Number::to_int64() const {
  if (const auto* small = std::get_if<std::int64_t>(&form_)) return *small;
  // Wide and whole all the same: minus zero, and doubles beyond 2^53.
  const Float value = DROVER_WIDE(*this);
  static const Float lowest(std::numeric_limits<std::int64_t>::min()), highest(std::numeric_limits<std::int64_t>::max());
  if (!is_whole() || value < lowest || value > highest) return std::nullopt;
  return value.convert_to<std::int64_t>();
}

double Number::to_double() const {
  const auto* small = std::get_if<std::int64_t>(&form_);
  return small ? static_cast<double>(*small) : DROVER_WIDE(*this).convert_to<double>();
}

std::string Number::to_text() const {
  if (const auto* small = std::get_if<std::int64_t>(&form_)) return std::to_string(*small);
  const Float value = DROVER_WIDE(*this);
  if (mp::isinf(value)) return value < 0 ? "-Inf" : "Inf";
  if (value == 0) return mp::signbit(value) ? "-0" : "0";
  if (std::get<std::shared_ptr<const Wide>>(form_)->from_double) return double_text(value.convert_to<double>());
  for (int digits = 1; digits < digits_max; ++digits) {
    const std::string text = value.str(digits, std::ios_base::scientific);
    if (Float(text) == value) return plain(text);
  }
  return plain(value.str(digits_max, std::ios_base::scientific));
}

std::string Number::to_base(int base) const {
  mp::cpp_int value = DROVER_WIDE(*this).convert_to<mp::cpp_int>();
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string out;
  do {
    out.push_back("0123456789abcdef"[static_cast<int>(mp::cpp_int(value % base))]);
    value /= base;
  } while (value != 0);
  if (negative) out.push_back('-');
  return {out.rbegin(), out.rend()};
}

std::string Number::to_fixed(int digits) const {
  if (is_infinite()) return is_negative() ? "-Inf" : "+Inf";
  return DROVER_WIDE(*this).str(digits, std::ios_base::fixed);
}

Number Number::negated() const {
  const auto* small = std::get_if<std::int64_t>(&form_);
  if (small && *small != 0 && *small != std::numeric_limits<std::int64_t>::min()) return Number(-*small);
  if (small && *small == 0) return from(-Float(0));
  return from(-DROVER_WIDE(*this));
}

Number Number::floor() const { return is_infinite() ? *this : from(mp::floor(DROVER_WIDE(*this))); }
Number Number::ceil() const { return is_infinite() ? *this : from(mp::ceil(DROVER_WIDE(*this))); }
Number Number::truncated() const { return is_infinite() ? *this : from(mp::trunc(DROVER_WIDE(*this))); }

std::optional<Number> Number::add(const Number& a, const Number& b) { return checked(DROVER_WIDE(a) + DROVER_WIDE(b)); }
std::optional<Number> Number::subtract(const Number& a, const Number& b) { return checked(DROVER_WIDE(a) - DROVER_WIDE(b)); }
std::optional<Number> Number::multiply(const Number& a, const Number& b) { return checked(DROVER_WIDE(a) * DROVER_WIDE(b)); }

std::optional<Number> Number::divide(const Number& a, const Number& b) {
  const Float x = DROVER_WIDE(a), y = DROVER_WIDE(b);
  if (y != 0) return checked(x / y);
  if (x == 0) return std::nullopt;
  const Float infinity = std::numeric_limits<Float>::infinity();
  return from(x < 0 ? Float(-infinity) : infinity);
}

std::optional<Number> Number::modulo(const Number& a, const Number& b) {
  const Float x = DROVER_WIDE(a), y = DROVER_WIDE(b);
  if (y == 0) return a;
  if (mp::isinf(x)) return std::nullopt;
  if (mp::isinf(y)) return a;
  return checked(x - y * mp::trunc(x / y));
}

int Number::compare(const Number& a, const Number& b) {
  const auto* x = std::get_if<std::int64_t>(&a.form_);
  const auto* y = std::get_if<std::int64_t>(&b.form_);
  if (x && y) return *x < *y ? -1 : *x > *y ? 1 : 0;
  return DROVER_WIDE(a).compare(DROVER_WIDE(b));
}

#undef DROVER_WIDE

}  // namespace drover::hcl
