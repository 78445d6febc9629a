#include <algorithm>

#include "base/hcl/convert.h"
#include "base/hcl/functions_impl.h"

namespace drover::hcl::detail {
namespace {

/// How many combinations setproduct() may make.
constexpr std::size_t product_max = 100'000;

/// All arguments as sets of one element type.
Result<std::vector<Datum>> as_sets(Arguments args) {
  if (args.empty()) return fail(Code::invalid, "at least one set is required");
  std::vector<Type> types;
  for (const Datum& datum : args) types.push_back(datum.type().element());
  const std::optional<Type> element = unify(types);
  if (!element) return fail(Code::invalid, "given sets must all have compatible element types");
  std::vector<Datum> out;
  for (const Datum& datum : args) {
    DROVER_LET(Datum set, convert(datum, Type::set(*element)));
    out.push_back(std::move(set));
  }
  return out;
}

bool holds(const Datum& set, const Datum& item) { return std::find(set.items().begin(), set.items().end(), item) != set.items().end(); }

Result<Datum> setunion(const World&, Arguments a) {
  DROVER_LET(const std::vector<Datum> sets, as_sets(a));
  Datum::List out;
  for (const Datum& set : sets) out.insert(out.end(), set.items().begin(), set.items().end());
  return Datum::set(sets[0].type().element(), std::move(out));
}

Result<Datum> setintersection(const World&, Arguments a) {
  DROVER_LET(const std::vector<Datum> sets, as_sets(a));
  Datum::List out;
  for (const Datum& item : sets[0].items())
    if (std::all_of(sets.begin(), sets.end(), [&](const Datum& set) { return holds(set, item); })) out.push_back(item);
  return Datum::set(sets[0].type().element(), std::move(out));
}

Result<Datum> setproduct(const World&, Arguments a) {
  if (a.size() < 2) return fail(Code::invalid, "at least two arguments are required");
  bool ordered = true;
  std::size_t total = 1;
  std::vector<Type> types;
  for (const Datum& datum : a) {
    if (!datum.is_sequence()) return fail(Code::invalid, "a set or a list is required, but {} was given", to_text(datum.type()));
    ordered = ordered && datum.kind() != Kind::set;
    std::vector<Type> inner;
    for (const Datum& item : datum.items()) inner.push_back(item.type());
    const std::optional<Type> element = datum.kind() == Kind::tuple ? unify(inner) : datum.type().element();
    if (!element) return fail(Code::invalid, "all elements must be of the same type");
    types.push_back(*element);
    total *= datum.items().size();
    if (total > product_max) return fail(Code::exhausted, "the product has more than {} elements", product_max);
  }
  std::vector<Datum::List> rows{{}};
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<Datum::List> longer;
    for (const Datum::List& row : rows) {
      for (const Datum& item : a[i].items()) {
        longer.push_back(row);
        DROVER_LET(Datum fitting, convert(item, types[i]));
        longer.back().push_back(std::move(fitting));
      }
    }
    rows = std::move(longer);
  }
  Datum::List out;
  for (Datum::List& row : rows) out.push_back(Datum::tuple(std::move(row)));
  Type element = Type::tuple(types);
  return ordered ? Datum::list(std::move(element), std::move(out)) : Datum::set(std::move(element), std::move(out));
}

}  // namespace

void add_set_functions(Functions& functions) {
  const Parameter sets{"sets", Type::set(Kind::dynamic)};
  functions.add("setunion", {{}, sets, &setunion});
  functions.add("setintersection", {{}, sets, &setintersection});
  functions.add("setproduct", {{}, Parameter{"sets", Kind::dynamic}, &setproduct});
}

}  // namespace drover::hcl::detail
