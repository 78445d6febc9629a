#include <cmath>
#include <cstdlib>

#include "base/hcl/functions_impl.h"

namespace drover::hcl::detail {

Result<std::int64_t> whole_number(const Datum& datum) {
  if (const auto value = datum.number().to_int64()) return *value;
  return fail(Code::invalid, "value must be a whole number, between -9223372036854775808 and 9223372036854775807");
}

namespace {

const Parameter number{"num", Kind::number};

Result<Datum> from_double(double value) {
  if (std::isnan(value)) return fail(Code::invalid, "the result is not a number");
  return Datum(Number(value));
}

/// By squaring, with the exponent of two counted apart: the last digit differs between libraries, and this is the one
/// that job files were written with.
double power(double x, double y) {
  if (x == 0 || y == 0 || !std::isfinite(x) || !std::isfinite(y) || std::fabs(y) >= 0x1p63) return std::pow(x, y);
  if (std::fabs(y) == 0.5) return y > 0 ? std::sqrt(x) : 1 / std::sqrt(x);
  double whole = 0;
  double fraction = std::modf(std::fabs(y), &whole);
  if (fraction != 0 && x < 0) return std::pow(x, y);
  double result = 1;
  if (fraction > 0.5) fraction -= 1, whole += 1;
  if (fraction != 0) result = std::exp(fraction * std::log(x));
  int factor_exponent = 0;
  double factor = std::frexp(x, &factor_exponent);
  std::int64_t scale = factor_exponent, exponent = 0;
  for (auto left = static_cast<std::uint64_t>(whole); left != 0; left >>= 1) {
    if (std::abs(scale) > 1 << 16) return std::pow(x, y);  // beyond what a double holds
    if (left & 1) result *= factor, exponent += scale;
    factor *= factor;
    scale *= 2;
    if (factor < 0.5) factor += factor, --scale;
  }
  if (y < 0) result = 1 / result, exponent = -exponent;
  return std::ldexp(result, static_cast<int>(exponent));
}

template <bool (*better)(const Number&, const Number&)>
Result<Datum> best(const World&, Arguments args) {
  if (args.empty()) return fail(Code::invalid, "must pass at least one number");
  const Datum* out = &args[0];
  for (const Datum& arg : args)
    if (better(arg.number(), out->number())) out = &arg;
  return *out;
}

bool greater(const Number& a, const Number& b) { return a > b; }
bool less(const Number& a, const Number& b) { return a < b; }

Result<Datum> parseint(const World&, Arguments args) {
  DROVER_LET(const std::int64_t base, whole_number(args[1]));
  if (base < 2 || base > 62) return fail(Code::invalid, "base must be a whole number between 2 and 62 inclusive");
  if (args[0].kind() != Kind::string) return fail(Code::invalid, "the first argument must be a string, not {}", to_text(args[0].type()));
  const auto value = Number::parse_base(args[0].text(), static_cast<int>(base));
  if (!value) return fail(Code::invalid, "cannot parse \"{}\" as a base {} whole number", args[0].text(), base);
  return Datum(*value);
}

}  // namespace

void add_number_functions(Functions& functions) {
  functions.add("abs", {{number}, {}, [](const World&, Arguments a) -> Result<Datum> { return a[0].number().is_negative() ? Datum(a[0].number().negated()) : a[0]; }});
  functions.add("ceil", {{number}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(a[0].number().ceil()); }});
  functions.add("floor", {{number}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(a[0].number().floor()); }});
  functions.add("signum", {{number}, {}, [](const World&, Arguments a) -> Result<Datum> {
    DROVER_LET(const std::int64_t value, whole_number(a[0]));
    return Datum(std::int64_t{(value > 0) - (value < 0)});
  }});
  functions.add("max", {{}, number, &best<greater>});
  functions.add("min", {{}, number, &best<less>});
  functions.add("log", {{number, {"base", Kind::number}}, {}, [](const World&, Arguments a) -> Result<Datum> {
    return from_double(std::log(a[0].number().to_double()) / std::log(a[1].number().to_double()));
  }});
  functions.add("pow", {{number, {"power", Kind::number}}, {}, [](const World&, Arguments a) -> Result<Datum> {
    return from_double(power(a[0].number().to_double(), a[1].number().to_double()));
  }});
  functions.add("parseint", {{{"number", Kind::dynamic}, {"base", Kind::number}}, {}, &parseint});
}

}  // namespace drover::hcl::detail
