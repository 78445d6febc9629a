#include <algorithm>
#include <set>

#include "base/hcl/convert.h"
#include "base/hcl/functions_impl.h"

namespace drover::hcl::detail {
namespace {

constexpr std::int64_t range_items_max = 1024;

const Parameter any_list{"list", Kind::dynamic};

Error not_a(const char* what, const Datum& datum) { return fail(Code::invalid, "a {} is required, not {}", what, datum.is_null() ? "null" : to_text(datum.type())); }

std::optional<Type> common_type(const Datum::List& items) {
  std::vector<Type> types;
  for (const Datum& item : items) types.push_back(item.type());
  return unify(types);
}

/// Lists stay lists; what a tuple's parts are is a list where they unify.
Result<Datum> as_list(const Datum& datum) {
  if (!datum.is_sequence()) return not_a("list", datum);
  if (datum.kind() == Kind::list) return datum;
  return convert(datum, Type::list(datum.kind() == Kind::set ? datum.type().element() : Type()));
}

Result<Datum> length(const World&, Arguments a) {
  const Datum& c = a[0];
  if (c.is_sequence()) return Datum(static_cast<std::int64_t>(c.items().size()));
  if (c.is_mapping() && c.kind() == Kind::map) return Datum(static_cast<std::int64_t>(c.members().size()));
  return not_a("list, set, tuple or map", c);
}

Result<Datum> element(const World&, Arguments a) {
  if (!a[0].is_sequence() || a[0].kind() == Kind::set) return not_a("list", a[0]);
  DROVER_LET(std::int64_t index, whole_number(a[1]));
  const auto size = static_cast<std::int64_t>(a[0].items().size());
  if (size == 0) return fail(Code::invalid, "cannot use element function with an empty list");
  index %= size;
  return a[0].items()[static_cast<std::size_t>(index < 0 ? index + size : index)];
}

Result<Datum> index(const World&, Arguments a) {
  if (a[0].is_mapping() && a[0].kind() == Kind::map) {
    if (a[1].kind() != Kind::string) return fail(Code::invalid, "the key of a map must be a string");
    const Datum& key = a[1];
    const auto at = a[0].members().find(key.text());
    if (at == a[0].members().end()) return fail(Code::invalid, "there is no element with the key \"{}\"", key.text());
    return at->second;
  }
  if (!a[0].is_sequence() || a[0].kind() == Kind::set) return not_a("list or map", a[0]);
  if (a[1].kind() != Kind::number) return fail(Code::invalid, "the key of a list must be a number");
  DROVER_LET(const std::int64_t at, whole_number(a[1]));
  if (at < 0 || at >= static_cast<std::int64_t>(a[0].items().size())) return fail(Code::invalid, "index out of range");
  return a[0].items()[static_cast<std::size_t>(at)];
}

Result<Datum> lookup(const World&, Arguments a) {
  if (!a[0].is_mapping()) return not_a("map", a[0]);
  const auto at = a[0].members().find(a[1].text());
  if (at != a[0].members().end()) return at->second;
  if (a[0].kind() == Kind::object) return a[2];
  if (Result<Datum> fallback = convert(a[2], a[0].type().element())) return fallback;
  return fail(Code::invalid, "the default value must have the type of the map's elements");
}

Result<Datum> contains(const World&, Arguments a) {
  if (!a[0].is_sequence()) return not_a("list, set or tuple", a[0]);
  const Datum::List& items = a[0].items();
  return Datum(std::find(items.begin(), items.end(), a[1]) != items.end());
}

Result<Datum> coalesce(const World&, Arguments a) {
  const Datum::List all(a.begin(), a.end());
  const std::optional<Type> type = common_type(all);
  if (!type) return fail(Code::invalid, "all arguments must have the same type");
  for (const Datum& datum : all)
    if (!datum.is_null()) return convert(datum, *type);
  return fail(Code::invalid, "no non-null arguments");
}

Result<Datum> coalescelist(const World&, Arguments a) {
  if (a.empty()) return fail(Code::invalid, "at least one argument is required");
  for (const Datum& datum : a) {
    if (!datum.is_sequence() || datum.kind() == Kind::set) return not_a("list or tuple", datum);
    if (!datum.items().empty()) return datum;
  }
  return fail(Code::invalid, "no non-null arguments");
}

Result<Datum> compact(const World&, Arguments a) {
  Datum::List out;
  for (const Datum& item : a[0].items())
    if (!item.is_null() && !item.text().empty()) out.push_back(item);
  return Datum::list(Kind::string, std::move(out));
}

Result<Datum> concat(const World&, Arguments a) {
  if (a.empty()) return fail(Code::invalid, "at least one list is required");
  Datum::List out;
  bool lists = true;
  for (const Datum& datum : a) {
    if (!datum.is_sequence()) return not_a("list or tuple", datum);
    lists = lists && datum.kind() == Kind::list && datum.type() == a[0].type();
    out.insert(out.end(), datum.items().begin(), datum.items().end());
  }
  if (lists) return Datum::list(a[0].type().element(), std::move(out));
  return Datum::tuple(std::move(out));
}

Result<Datum> distinct(const World&, Arguments a) {
  DROVER_LET(const Datum list, as_list(a[0]));
  Datum::List out;
  std::set<Datum, decltype(&Datum::before)> seen(&Datum::before);
  for (const Datum& item : list.items())
    if (seen.insert(item).second) out.push_back(item);
  return Datum::list(list.type().element(), std::move(out));
}

void flatten_into(const Datum& datum, Datum::List& out) {
  for (const Datum& item : datum.items()) item.is_sequence() ? flatten_into(item, out) : out.push_back(item);
}

Result<Datum> flatten(const World&, Arguments a) {
  if (!a[0].is_sequence()) return not_a("list, set or tuple", a[0]);
  Datum::List out;
  flatten_into(a[0], out);
  return Datum::tuple(std::move(out));
}

Result<Datum> chunklist(const World&, Arguments a) {
  DROVER_LET(const Datum list, as_list(a[0]));
  DROVER_LET(const std::int64_t size, whole_number(a[1]));
  if (size < 0) return fail(Code::invalid, "the size argument must be positive");
  Datum::List out, chunk;
  for (const Datum& item : list.items()) {
    chunk.push_back(item);
    if (size != 0 && static_cast<std::int64_t>(chunk.size()) == size) out.push_back(Datum::list(list.type().element(), std::exchange(chunk, {})));
  }
  if (!chunk.empty()) out.push_back(Datum::list(list.type().element(), std::move(chunk)));
  return Datum::list(list.type(), std::move(out));
}

Result<Datum> slice(const World&, Arguments a) {
  if (!a[0].is_sequence() || a[0].kind() == Kind::set) return not_a("list or tuple", a[0]);
  DROVER_LET(const std::int64_t from, whole_number(a[1]));
  DROVER_LET(const std::int64_t to, whole_number(a[2]));
  const auto size = static_cast<std::int64_t>(a[0].items().size());
  if (from < 0 || to < from || to > size) return fail(Code::invalid, "the indexes must lie within the list and must not cross: {} to {} of {}", from, to, size);
  Datum::List out(a[0].items().begin() + from, a[0].items().begin() + to);
  return a[0].kind() == Kind::list ? Datum::list(a[0].type().element(), std::move(out)) : Datum::tuple(std::move(out));
}

Result<Datum> sort(const World&, Arguments a) {
  Datum::List out = a[0].items();
  for (const Datum& item : out)
    if (item.is_null()) return fail(Code::invalid, "given list element is null; a null string cannot be sorted");
  std::sort(out.begin(), out.end(), &Datum::before);
  return Datum::list(Kind::string, std::move(out));
}

Result<Datum> keys(const World&, Arguments a) {
  if (!a[0].is_mapping()) return not_a("map", a[0]);
  Datum::List out;
  for (const auto& [name, item] : a[0].members()) out.push_back(Datum(name));
  return a[0].kind() == Kind::map ? Datum::list(Kind::string, std::move(out)) : Datum::tuple(std::move(out));
}

Result<Datum> values(const World&, Arguments a) {
  if (!a[0].is_mapping()) return not_a("map", a[0]);
  Datum::List out;
  for (const auto& [name, item] : a[0].members()) out.push_back(item);
  return a[0].kind() == Kind::map ? Datum::list(a[0].type().element(), std::move(out)) : Datum::tuple(std::move(out));
}

Result<Datum> merge(const World&, Arguments a) {
  Datum::Map out;
  std::optional<Type> element;
  bool maps = true;
  for (const Datum& datum : a) {
    if (datum.is_null()) continue;
    if (!datum.is_mapping()) return not_a("map or object", datum);
    maps = maps && datum.kind() == Kind::map && (!element || *element == datum.type().element());
    if (datum.kind() == Kind::map && !element) element = datum.type().element();
    for (const auto& [name, item] : datum.members()) out.insert_or_assign(name, item);
  }
  if (maps && element) return Datum::map(*element, std::move(out));
  return Datum::object(std::move(out));
}

Result<Datum> zipmap(const World&, Arguments a) {
  if (!a[1].is_sequence() || a[1].kind() == Kind::set) return not_a("list of values", a[1]);
  const Datum::List &names = a[0].items(), &items = a[1].items();
  if (names.size() != items.size()) return fail(Code::invalid, "number of keys ({}) does not match number of values ({})", names.size(), items.size());
  Datum::Map out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].is_null()) return fail(Code::invalid, "a key is null");
    out.insert_or_assign(names[i].text(), items[i]);
  }
  return a[1].kind() == Kind::list ? Datum::map(a[1].type().element(), std::move(out)) : Datum::object(std::move(out));
}

Result<Datum> range(const World&, Arguments a) {
  if (a.empty() || a.size() > 3) return fail(Code::invalid, "must have one, two or three arguments");
  const Number start = a.size() > 1 ? a[0].number() : Number(), end = a.size() > 1 ? a[1].number() : a[0].number();
  const bool down = end < start;
  const Number step = a.size() == 3 ? a[2].number() : Number(down ? -1 : 1);
  if (step == Number()) return fail(Code::invalid, "step must not be zero");
  if (start != end && step.is_negative() != down) return fail(Code::invalid, "end must be {} than start for {} step", down ? "greater" : "less", down ? "positive" : "negative");
  Datum::List out;
  for (Number at = start; down ? at > end : at < end;) {
    if (static_cast<std::int64_t>(out.size()) >= range_items_max) return fail(Code::exhausted, "more than {} values were generated; either decrease the difference between start and end or use a larger step", range_items_max);
    out.push_back(Datum(at));
    const std::optional<Number> next = Number::add(at, step);
    if (!next) return fail(Code::invalid, "the step is too large");
    at = *next;
  }
  return Datum::list(Kind::number, std::move(out));
}

}  // namespace

void add_collection_functions(Functions& functions) {
  const Type strings = Type::list(Kind::string);
  const Parameter anything{"value", Kind::dynamic, true}, map{"map", Kind::dynamic};
  functions.add("length", {{{"collection", Kind::dynamic}}, {}, &length});
  functions.add("element", {{any_list, {"index", Kind::number}}, {}, &element});
  functions.add("index", {{{"collection", Kind::dynamic}, {"key", Kind::dynamic}}, {}, &index});
  functions.add("lookup", {{map, {"key", Kind::string}, {"default", Kind::dynamic}}, {}, &lookup});
  functions.add("contains", {{any_list, anything}, {}, &contains});
  functions.add("coalesce", {{}, Parameter{"vals", Kind::dynamic, true}, &coalesce});
  functions.add("coalescelist", {{}, Parameter{"vals", Kind::dynamic}, &coalescelist});
  functions.add("compact", {{{"list", strings}}, {}, &compact});
  functions.add("concat", {{}, Parameter{"seqs", Kind::dynamic}, &concat});
  functions.add("distinct", {{any_list}, {}, &distinct});
  functions.add("flatten", {{any_list}, {}, &flatten});
  functions.add("chunklist", {{any_list, {"size", Kind::number}}, {}, &chunklist});
  functions.add("slice", {{any_list, {"start_index", Kind::number}, {"end_index", Kind::number}}, {}, &slice});
  functions.add("sort", {{{"list", strings}}, {}, &sort});
  functions.add("keys", {{map}, {}, &keys});
  functions.add("values", {{map}, {}, &values});
  functions.add("merge", {{}, Parameter{"maps", Kind::dynamic, true}, &merge});
  functions.add("zipmap", {{{"keys", strings}, {"values", Kind::dynamic}}, {}, &zipmap});
  functions.add("range", {{}, Parameter{"params", Kind::number}, &range});
}

}  // namespace drover::hcl::detail
