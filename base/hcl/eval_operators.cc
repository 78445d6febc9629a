#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/evaluator.h"

namespace drover::hcl::detail {

std::optional<Datum> Evaluator::operand(const Datum& datum, const Type& type, const Range& at) {
  if (datum.is_unknown()) return std::nullopt;
  if (datum.is_null()) {
    error(at, "Invalid operand", "The operand is null.");
    return std::nullopt;
  }
  Result<Datum> out = convert(datum, type);
  if (!out) {
    error(at, "Invalid operand", "Unsuitable value for operand: " + out.error().message + ".");
    return std::nullopt;
  }
  return std::move(out).value();
}

Datum Evaluator::of(const Binary& node, const Expression& e, const Scope* scope) {
  const Datum left = value(*node.left, scope);
  const Datum right = value(*node.right, scope);
  switch (node.op) {
    case Operator::equal: case Operator::not_equal:
      if (left.is_unknown() || right.is_unknown()) return Datum::unknown();
      return Datum((left == right) == (node.op == Operator::equal));
    case Operator::logical_and: case Operator::logical_or: return logic(node, left, right);
    default: return arithmetic(node, e, left, right);
  }
}

Datum Evaluator::logic(const Binary& node, const Datum& left, const Datum& right) {
  const std::optional<Datum> a = operand(left, Kind::boolean, node.left->range);
  const std::optional<Datum> b = operand(right, Kind::boolean, node.right->range);
  if (!a || !b) return Datum::unknown();
  return Datum(node.op == Operator::logical_and ? a->boolean() && b->boolean() : a->boolean() || b->boolean());
}

Datum Evaluator::arithmetic(const Binary& node, const Expression& e, const Datum& left, const Datum& right) {
  const std::optional<Datum> x = operand(left, Kind::number, node.left->range);
  const std::optional<Datum> y = operand(right, Kind::number, node.right->range);
  if (!x || !y) return Datum::unknown();
  const Number &a = x->number(), &b = y->number();
  std::optional<Number> out;
  switch (node.op) {
    case Operator::greater: return Datum(a > b);
    case Operator::greater_equal: return Datum(a >= b);
    case Operator::less: return Datum(a < b);
    case Operator::less_equal: return Datum(a <= b);
    case Operator::add: out = Number::add(a, b); break;
    case Operator::subtract: out = Number::subtract(a, b); break;
    case Operator::multiply: out = Number::multiply(a, b); break;
    case Operator::divide: out = Number::divide(a, b); break;
    default: out = Number::modulo(a, b); break;
  }
  if (out) return Datum(*out);
  error(e.range, "Operation failed", "This calculation has no result.");
  return Datum::unknown();
}

Datum Evaluator::of(const Unary& node, const Expression&, const Scope* scope) {
  const Datum inner = value(*node.operand, scope);
  const bool negate = node.op == Operator::negate;
  const std::optional<Datum> x = operand(inner, negate ? Kind::number : Kind::boolean, node.operand->range);
  if (!x) return Datum::unknown();
  return negate ? Datum(x->number().negated()) : Datum(!x->boolean());
}

std::optional<bool> Evaluator::condition(const Expression& e, const Scope* scope, const char* what) {
  const Datum datum = value(e, scope);
  if (datum.is_unknown()) return std::nullopt;
  if (datum.is_null()) {
    error(e.range, text("Null {}", what), text("The {} is null. It must be true or false.", what));
    return std::nullopt;
  }
  const Result<Datum> boolean = convert(datum, Kind::boolean);
  if (!boolean) {
    error(e.range, text("Incorrect {} type", what), text("The {} must be true or false: {}.", what, boolean.error().message));
    return std::nullopt;
  }
  return boolean->boolean();
}

Datum Evaluator::of(const Conditional& node, const Expression&, const Scope* scope) {
  Diagnostics errors[2];
  Diagnostics* const outer = out_;
  out_ = &errors[0];
  const Datum when_true = value(*node.when_true, scope);
  out_ = &errors[1];
  const Datum when_false = value(*node.when_false, scope);
  out_ = outer;
  const std::optional<bool> chosen = condition(*node.condition, scope, "condition");
  std::optional<Type> type = Type();
  if (!when_true.is_unknown() && !when_false.is_unknown()) {
    type = unify({when_true.type(), when_false.type()});
    if (!type) {
      error(between(node.when_true->range, node.when_false->range), "Inconsistent conditional result types",
            text("The true and false results must have the same type: one is {}, the other is {}.", hcl::to_text(when_true.type()), hcl::to_text(when_false.type())));
      return Datum::unknown();
    }
  }
  if (!chosen) return Datum::unknown();
  for (Diagnostic& d : errors[*chosen ? 0 : 1]) out_->push_back(std::move(d));
  const Datum& arm = *chosen ? when_true : when_false;
  const Result<Datum> out = convert(arm, *type);
  if (out) return *out;
  error(*chosen ? node.when_true->range : node.when_false->range, "Invalid conditional result", out.error().message + ".");
  return Datum::unknown();
}

/// What a loop runs over: pairs of key and value.
std::vector<std::pair<Datum, Datum>> Evaluator::elements(const Expression& from, const Scope* scope, bool& failed) {
  std::vector<std::pair<Datum, Datum>> out;
  const Datum source = value(from, scope);
  failed = true;
  if (source.is_unknown()) return out;
  if (source.is_null()) {
    error(from.range, "Iteration over null value", "A null value cannot be the collection of a loop.");
    return out;
  }
  if (!source.is_sequence() && !source.is_mapping()) {
    error(from.range, "Iteration over non-iterable value", text("A value of type {} cannot be the collection of a loop: a list, set or map is required.", hcl::to_text(source.type())));
    return out;
  }
  failed = false;
  if (source.is_mapping()) {
    for (const auto& [name, item] : source.members()) out.emplace_back(Datum(name), item);
    return out;
  }
  std::int64_t index = 0;
  for (const Datum& item : source.items()) out.emplace_back(source.kind() == Kind::set ? item : Datum(index++), item);
  return out;
}

Scope Evaluator::loop_scope(const Scope* parent, const std::string& key_name, const std::string& value_name, const std::pair<Datum, Datum>& element) {
  Scope scope(parent);
  if (!key_name.empty()) scope.set(key_name, element.first);
  scope.set(value_name, element.second);
  return scope;
}

Datum Evaluator::of(const For& node, const Expression&, const Scope* scope) {
  bool failed = false;
  const auto items = elements(*node.from, scope, failed);
  if (failed) return Datum::unknown();
  return node.key ? for_object(node, items, scope) : for_tuple(node, items, scope);
}

Datum Evaluator::for_tuple(const For& node, const std::vector<std::pair<Datum, Datum>>& items, const Scope* scope) {
  Datum::List out;
  for (const auto& element : items) {
    const Scope inner = loop_scope(scope, node.key_name, node.value_name, element);
    if (node.condition) {
      const std::optional<bool> wanted = condition(*node.condition, &inner, "'for' condition");
      if (!wanted) return Datum::unknown();
      if (!*wanted) continue;
    }
    out.push_back(value(*node.value, &inner));
    if (out.back().is_unknown()) return Datum::unknown();
  }
  return Datum::tuple(std::move(out));
}

Datum Evaluator::for_object(const For& node, const std::vector<std::pair<Datum, Datum>>& items, const Scope* scope) {
  Datum::Map out;
  std::map<std::string, Datum::List> groups;
  for (const auto& element : items) {
    const Scope inner = loop_scope(scope, node.key_name, node.value_name, element);
    if (node.condition) {
      const std::optional<bool> wanted = condition(*node.condition, &inner, "'for' condition");
      if (!wanted) return Datum::unknown();
      if (!*wanted) continue;
    }
    const Datum key = value(*node.key, &inner);
    if (key.is_unknown()) return key;
    const Result<Datum> name = convert(key, Kind::string);
    if (key.is_null() || !name) {
      error(node.key->range, "Invalid object key", key.is_null() ? "The key is null." : "The key must be a string: " + name.error().message + ".");
      return Datum::unknown();
    }
    Datum member = value(*node.value, &inner);
    if (member.is_unknown()) return member;
    if (node.grouped) {
      groups[name->text()].push_back(std::move(member));
    } else if (!out.emplace(name->text(), std::move(member)).second) {
      error(node.key->range, "Duplicate object key", text("Two elements give the key \"{}\". If that is meant, write \"...\" behind the value to group them.", name->text()));
      return Datum::unknown();
    }
  }
  for (auto& [name, members] : groups) out.emplace(name, Datum::tuple(std::move(members)));
  return Datum::object(std::move(out));
}

}  // namespace drover::hcl::detail
