#include <charconv>
#include <cmath>
#include <limits>

#include "base/hcl/functions_impl.h"

namespace drover::hcl::detail {

Result<std::int64_t> whole_number(const Datum& datum) {
  if (const auto value = datum.number().to_int64()) return *value;
  return fail(Code::invalid, "value must be a whole number, between -9223372036854775808 and 9223372036854775807");
}

namespace {

const Parameter number{"num", Kind::number};

/// The shortest decimal that is this double: these functions are no more exact than that.
Result<Datum> from_double(double value) {
  if (std::isnan(value)) return fail(Code::invalid, "the result is not a number");
  if (std::isinf(value)) return Datum(Number(value));
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return Datum(Number::parse(std::string_view(digits, static_cast<std::size_t>(end - digits))).value_or(Number(value)));
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
    return from_double(std::pow(a[0].number().to_double(), a[1].number().to_double()));
  }});
  functions.add("parseint", {{{"number", Kind::dynamic}, {"base", Kind::number}}, {}, &parseint});
}

}  // namespace drover::hcl::detail
