#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/eval.h"

namespace drover::hcl {
namespace {

std::nullopt_t refuse(const Range& at, std::string detail, Diagnostics& out) {
  add_error(out, at, "Invalid type specification", std::move(detail));
  return std::nullopt;
}

/// JSON writes types as text, a parenthesised type is the same type.
const Expression& unwrapped(const Expression& e) {
  if (const auto* parentheses = std::get_if<Parentheses>(&e.node)) return unwrapped(*parentheses->inner);
  return e;
}

std::optional<Type> keyword(const std::string& name, bool constraint, const Range& at, Diagnostics& out) {
  if (name == "string") return Type(Kind::string);
  if (name == "number") return Type(Kind::number);
  if (name == "bool") return Type(Kind::boolean);
  if (name == "any" && constraint) return Type(Kind::dynamic);
  if (name == "any") return refuse(at, "The keyword \"any\" cannot be used here: an exact type is required.", out);
  for (const char* wrapper : {"list", "set", "map", "tuple", "object"})
    if (name == wrapper) return refuse(at, text("The \"{}\" type needs an argument in parentheses, such as {}.", name, name == "tuple" ? "tuple([string])" : name == "object" ? "object({a = string})" : name + "(string)"), out);
  return refuse(at, text("The keyword \"{}\" is not a valid type.{}", name, did_you_mean(name, {"string", "number", "bool", "list", "set", "map", "tuple", "object"})), out);
}

std::optional<Type::Attribute> object_attribute(const ObjectItem& item, bool constraint, Diagnostics& out) {
  const auto* key = std::get_if<Reference>(&item.key->node);
  std::string name;
  if (key && key->steps.empty()) {
    name = key->root;
  } else if (const auto* literal = std::get_if<Literal>(&item.key->node); literal && !std::holds_alternative<Number>(literal->value)) {
    name = std::string(item.key->range.text());  // true, false and null are names here
  } else {
    const Datum text = evaluate(*item.key, nullptr, out);
    if (!text.is_string()) return refuse(item.key->range, "An object's attribute names must be plain names.", out);
    name = text.text();
  }
  Type::Attribute attribute{std::move(name), {}, false, {}};
  const Expression* type_part = &unwrapped(*item.value);
  const auto* call = std::get_if<Call>(&type_part->node);
  if (call && call->name == "optional") {
    if (!constraint) return refuse(call->name_range, "Optional attributes are not allowed here: an exact type is required.", out);
    if (call->arguments.size() != 1) return refuse(type_part->range, "optional() takes the attribute's type; a default is not allowed here.", out);
    attribute.optional = true;
    type_part = call->arguments[0].get();
  }
  const std::optional<Type> type = evaluate_type(*type_part, constraint, out);
  if (!type) return std::nullopt;
  attribute.type = *type;
  return attribute;
}

std::optional<Type> object_type(const Expression& argument, bool constraint, Diagnostics& out) {
  const auto* object = std::get_if<Object>(&unwrapped(argument).node);
  if (!object) return refuse(argument.range, "object() takes a map of attribute names to types.", out);
  Type::Attributes attributes;
  for (const ObjectItem& item : object->items) {
    std::optional<Type::Attribute> attribute = object_attribute(item, constraint, out);
    if (!attribute) return std::nullopt;
    std::erase_if(attributes, [&](const Type::Attribute& other) { return other.name == attribute->name; });
    attributes.push_back(std::move(*attribute));
  }
  return Type::object(std::move(attributes));
}

std::optional<Type> tuple_type(const Expression& argument, bool constraint, Diagnostics& out) {
  const auto* tuple = std::get_if<Tuple>(&unwrapped(argument).node);
  if (!tuple) return refuse(argument.range, "tuple() takes a list of types.", out);
  std::vector<Type> items;
  for (const ExpressionPtr& item : tuple->items) {
    const std::optional<Type> type = evaluate_type(*item, constraint, out);
    if (!type) return std::nullopt;
    items.push_back(*type);
  }
  return Type::tuple(std::move(items));
}

}  // namespace

std::optional<Type> evaluate_type(const Expression& written, bool constraint, Diagnostics& out) {
  const Expression& e = unwrapped(written);
  if (const auto* reference = std::get_if<Reference>(&e.node); reference && reference->steps.empty()) return keyword(reference->root, constraint, e.range, out);
  const auto* call = std::get_if<Call>(&e.node);
  if (!call) return refuse(e.range, "A type is a keyword such as string, or a call such as list(string).", out);
  if (call->arguments.size() != 1) return refuse(e.range, text("{}() takes one argument.", call->name), out);
  const Expression& argument = *call->arguments[0];
  if (call->name == "object") return object_type(argument, constraint, out);
  if (call->name == "tuple") return tuple_type(argument, constraint, out);
  if (call->name != "list" && call->name != "set" && call->name != "map")
    return refuse(call->name_range, text("\"{}\" is not a type.{}", call->name, did_you_mean(call->name, {"list", "set", "map", "tuple", "object"})), out);
  const std::optional<Type> element = evaluate_type(argument, constraint, out);
  if (!element) return std::nullopt;
  return call->name == "list" ? Type::list(*element) : call->name == "set" ? Type::set(*element) : Type::map(*element);
}

namespace {

void collect(const ExpressionPtr& e, std::vector<const Expression*>& out) {
  if (e) collect_references(*e, out);
}

struct ReferenceCollector {
  const Expression& e;
  std::vector<const Expression*>& out;

  void operator()(const Literal&) const {}
  void operator()(const Item&) const {}
  void operator()(const Text&) const {}
  void operator()(const Reference&) const { out.push_back(&e); }
  void operator()(const Access& n) const { collect(n.from, out); }
  void operator()(const Index& n) const { collect(n.from, out), collect(n.key, out); }
  void operator()(const Splat& n) const { collect(n.from, out), collect(n.each, out); }
  void operator()(const Call& n) const { for (const auto& a : n.arguments) collect(a, out); }
  void operator()(const Tuple& n) const { for (const auto& i : n.items) collect(i, out); }
  void operator()(const Object& n) const {
    for (const auto& i : n.items) {
      const auto* name = std::get_if<Reference>(&i.key->node);
      if (!name || !name->steps.empty()) collect(i.key, out);
      collect(i.value, out);
    }
  }
  void operator()(const For& n) const { collect(n.from, out), collect(n.key, out), collect(n.value, out), collect(n.condition, out); }
  void operator()(const Conditional& n) const { collect(n.condition, out), collect(n.when_true, out), collect(n.when_false, out); }
  void operator()(const Binary& n) const { collect(n.left, out), collect(n.right, out); }
  void operator()(const Unary& n) const { collect(n.operand, out); }
  void operator()(const Parentheses& n) const { collect(n.inner, out); }
  void operator()(const Interpolation& n) const { collect(n.inner, out); }
  void operator()(const TextIf& n) const { collect(n.condition, out), collect(n.when_true, out), collect(n.when_false, out); }
  void operator()(const TextFor& n) const { collect(n.from, out), collect(n.body, out); }
  void operator()(const Template& n) const { for (const auto& p : n.parts) collect(p, out); }
};

}  // namespace

void collect_references(const Expression& expression, std::vector<const Expression*>& out) { std::visit(ReferenceCollector{expression, out}, expression.node); }

}  // namespace drover::hcl
