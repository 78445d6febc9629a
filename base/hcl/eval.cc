#include "base/hcl/eval.h"

#include <algorithm>
#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/evaluator.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {

const Datum* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    if (const auto at = scope->variables_.find(name); at != scope->variables_.end()) return &at->second;
  return nullptr;
}

const Functions* Scope::functions() const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    if (scope->functions_) return scope->functions_;
  return nullptr;
}

Budget* Scope::budget() const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    if (scope->budget_) return scope->budget_;
  return nullptr;
}

bool Scope::keeps_unknown() const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    if (scope->keeps_unknown_) return true;
  return false;
}

std::vector<std::string_view> Scope::names() const {
  std::vector<std::string_view> out;
  for (const Scope* scope = this; scope; scope = scope->parent_)
    for (const auto& [name, value] : scope->variables_) out.push_back(name);
  return out;
}

namespace detail {

bool Evaluator::spend(std::int64_t steps, const Range& at) {
  budget_.left -= steps;
  if (budget_.left >= 0) return true;
  // Once in each list: one that is thrown away later (an arm not taken, an argument of try) must not swallow it.
  static constexpr std::string_view summary = "Evaluation too large";
  if (out_->empty() || out_->back().summary != summary) error(at, std::string(summary), text("The expressions of this text make more than {} values.", evaluation_steps_max));
  return false;
}

std::int64_t Evaluator::weight(const Datum& datum, int depth) {
  if (!datum.is_known()) return 1;
  if (depth > value_depth_max) return evaluation_steps_max;
  std::int64_t sum = 1;
  if (datum.kind() == Kind::string) return 1 + static_cast<std::int64_t>(datum.text().size() / 64);
  if (datum.type().is_sequence())
    for (const Datum& item : datum.items()) sum += weight(item, depth + 1);
  if (datum.kind() == Kind::map || datum.kind() == Kind::object)
    for (const auto& [name, item] : datum.members()) sum += weight(item, depth + 1);
  return sum;
}

Datum Evaluator::value(const Expression& e, const Scope* scope) {
  if (!spend(1, e.range)) return Datum::unknown();
  return std::visit([&](const auto& node) { return of(node, e, scope); }, e.node);
}

Datum Evaluator::of(const Literal& node, const Expression&, const Scope*) {
  if (const auto* number = std::get_if<Number>(&node.value)) return Datum(*number);
  if (const auto* boolean = std::get_if<bool>(&node.value)) return Datum(*boolean);
  return Datum::null();
}

Datum Evaluator::of(const Reference& node, const Expression& e, const Scope* scope) {
  const Datum* root = scope ? scope->find(node.root) : nullptr;
  if (root) {
    // By pointer as far as possible: `var` holds all variables, and must not be copied for one.
    const Datum* at = root;
    std::size_t taken = 0;
    for (; taken < node.steps.size(); ++taken) {
      const Datum* next = child(*at, node.steps[taken]);
      if (!next) break;
      at = next;
    }
    if (!spend(weight(*at), e.range)) return Datum::unknown();
    if (taken == node.steps.size()) return *at;
    return stepped(*at, node.steps[taken]);  // fails, or is unknown
  }
  if (scope && scope->keeps_unknown()) return Datum("${" + std::string(e.range.text()) + "}");
  const std::vector<std::string_view> names = scope ? scope->names() : std::vector<std::string_view>{};
  if (names.empty()) {
    error(e.range, "Variables not allowed", "Variables may not be used here.");
  } else {
    error(node.root_range, "Unknown variable", text("There is no variable named \"{}\".{}", node.root, did_you_mean(node.root, names)));
  }
  return Datum::unknown();
}

Datum Evaluator::of(const Access& node, const Expression&, const Scope* scope) {
  Datum out = value(*node.from, scope);
  for (const Step& step : node.steps) out = stepped(out, step);
  return out;
}

Datum Evaluator::of(const Index& node, const Expression&, const Scope* scope) {
  const Datum from = value(*node.from, scope);
  const Datum key = value(*node.key, scope);
  return indexed(from, key, node.brackets);
}

Datum Evaluator::of(const Item&, const Expression&, const Scope*) {
  DROVER_ASSERT(!items_.empty());
  return items_.back();
}

Datum Evaluator::of(const Parentheses& node, const Expression&, const Scope* scope) { return value(*node.inner, scope); }

/// What a step leads to, where it leads anywhere.
const Datum* Evaluator::child(const Datum& from, const Step& step) {
  if (step.kind == Step::Kind::number) {
    const std::optional<std::int64_t> index = step.index.to_int64();
    const bool indexed = from.is_known() && (from.kind() == Kind::list || from.kind() == Kind::tuple);
    if (!indexed || !index || *index < 0 || *index >= static_cast<std::int64_t>(from.items().size())) return nullptr;
    return &from.items()[static_cast<std::size_t>(*index)];
  }
  if (!from.is_mapping()) return nullptr;
  const auto at = from.members().find(unicode::normalize(step.name));
  return at == from.members().end() ? nullptr : &at->second;
}

Datum Evaluator::stepped(const Datum& from, const Step& step) {
  if (const Datum* found = child(from, step)) return *found;
  if (step.kind == Step::Kind::number) return indexed(from, Datum(step.index), step.range);
  if (step.kind == Step::Kind::key) return indexed(from, Datum(step.name), step.range);
  if (from.is_unknown()) return from;
  if (from.is_null()) {
    error(step.range, "Attempt to get attribute from null value", "This value is null, so it has no attributes.");
    return Datum::unknown();
  }
  if (from.is_mapping()) {
    std::vector<std::string_view> names;
    for (const auto& [name, item] : from.members()) names.push_back(name);
    const bool map = from.kind() == Kind::map;
    error(step.range, map ? "Missing map element" : "Unsupported attribute",
          text(map ? "This map has no element with the key \"{}\".{}" : "This object has no attribute named \"{}\".{}", step.name, did_you_mean(step.name, names)));
    return Datum::unknown();
  }
  const bool sequence = from.type().is_sequence();
  error(step.range, "Unsupported attribute",
        sequence ? text("A {} has no attributes: use an index, or [*] for the attribute of every element.", hcl::to_text(from.type()))
                 : text("A value of type {} has no attributes.", hcl::to_text(from.type())));
  return Datum::unknown();
}

Datum Evaluator::indexed(const Datum& from, const Datum& key, const Range& at) {
  const auto refuse = [&](std::string detail, const char* summary = "Invalid index") {
    error(at, summary, std::move(detail));
    return Datum::unknown();
  };
  if (from.is_null()) return refuse("This value is null, so it has no elements.", "Attempt to index null value");
  if (key.is_null()) return refuse("A null value cannot be an index.");
  if (from.is_unknown() || key.is_unknown()) return Datum::unknown();
  if (from.kind() == Kind::list || from.kind() == Kind::tuple) {
    const Result<Datum> number = convert(key, Kind::number);
    if (!number) return refuse("The index of a list must be a whole number.");
    const std::optional<std::int64_t> index = number->number().to_int64();
    if (!index) return refuse("The index of a list must be a whole number.");
    if (*index < 0) return refuse("A negative number is not a valid index.");
    const auto size = static_cast<std::int64_t>(from.items().size());
    if (*index >= size) return refuse(text("The index {} is beyond the end: there are {} elements.", *index, size));
    return from.items()[static_cast<std::size_t>(*index)];
  }
  if (from.is_mapping()) {
    const Result<Datum> name = convert(key, Kind::string);
    if (!name) return refuse("The key of a map must be a text.");
    const auto found = from.members().find(name->text());
    if (found != from.members().end()) return found->second;
    return refuse(text("There is no element with the key \"{}\".", name->text()));
  }
  if (from.kind() == Kind::set) return refuse("The elements of a set have no index, because they have no order.");
  return refuse("This value does not have any indices.");
}

Datum Evaluator::of(const Splat& node, const Expression& e, const Scope* scope) {
  Datum from = value(*node.from, scope);
  if (from.is_unknown()) return from;
  if (from.is_null()) {
    if (!from.type().is_sequence()) return Datum::tuple({});
    error(node.from->range, "Splat of null value", "Splat expressions cannot be applied to a null list.");
    return Datum::unknown();
  }
  const bool single = !from.type().is_sequence();
  const bool makes_tuple = single || from.kind() == Kind::tuple;
  const Datum::List sources = single ? Datum::List{from} : from.items();
  Datum::List out;
  bool failed = false;
  for (const Datum& source : sources) {
    items_.push_back(source);
    out.push_back(value(*node.each, scope));
    items_.pop_back();
    failed = failed || out.back().is_unknown();
    if (!spend(1, e.range)) break;
  }
  if (failed) return Datum::unknown();
  if (makes_tuple) return Datum::tuple(std::move(out));
  const Type element = out.empty() ? Type() : out[0].type();
  const bool uniform = std::all_of(out.begin(), out.end(), [&](const Datum& d) { return d.type() == element; });
  return uniform ? Datum::list(element, std::move(out)) : Datum::tuple(std::move(out));
}

Datum Evaluator::of(const Tuple& node, const Expression&, const Scope* scope) {
  Datum::List out;
  bool failed = false;
  for (const ExpressionPtr& item : node.items) {
    out.push_back(value(*item, scope));
    failed = failed || out.back().is_unknown();
  }
  return failed ? Datum::unknown() : Datum::tuple(std::move(out));
}

std::optional<std::string> Evaluator::object_key(const Expression& key, const Scope* scope, bool& failed) {
  if (const auto* reference = std::get_if<Reference>(&key.node)) {
    if (reference->steps.empty()) return unicode::normalize(reference->root);
    error(key.range, "Ambiguous attribute key", "To use this reference as a key, put parentheses around it. To use it as a text, put it in quotes.");
    failed = true;
    return std::nullopt;
  }
  if (const auto* literal = std::get_if<Literal>(&key.node); literal && !std::holds_alternative<Number>(literal->value)) return std::string(key.range.text());
  const Datum name = value(key, scope);
  failed = failed || name.is_unknown();
  if (name.is_unknown()) return std::nullopt;
  const Result<Datum> converted = convert(name, Kind::string);
  if (name.is_null() || !converted) {
    error(key.range, name.is_null() ? "Null value as key" : "Incorrect key type", name.is_null() ? "Null cannot be a key." : "This value cannot be a key: a string is required.");
    failed = true;
    return std::nullopt;
  }
  return converted->text();
}

Datum Evaluator::of(const Object& node, const Expression&, const Scope* scope) {
  Datum::Map out;
  bool failed = false;
  for (const ObjectItem& item : node.items) {
    std::optional<std::string> key = object_key(*item.key, scope, failed);
    Datum member = value(*item.value, scope);
    failed = failed || member.is_unknown();
    if (!key) continue;
    if (node.unique_keys && out.contains(*key)) {
      error(item.key->range, "Duplicate object attribute", text("The attribute \"{}\" was already given.", *key));
      failed = true;
    }
    out.insert_or_assign(std::move(*key), std::move(member));
  }
  return failed ? Datum::unknown() : Datum::object(std::move(out));
}

}  // namespace detail

Datum evaluate(const Expression& expression, const Scope* scope, Diagnostics& out) {
  Budget own;
  Budget* budget = scope ? scope->budget() : nullptr;
  return detail::Evaluator(budget ? *budget : own, out).value(expression, scope);
}

}  // namespace drover::hcl
