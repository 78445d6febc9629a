#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/evaluator.h"

namespace drover::hcl {

void Functions::add(std::string_view name, Function function) {
  if (table_.use_count() > 1) table_ = std::make_shared<Table>(*table_);
  table_->insert_or_assign(std::string(name), std::move(function));
}

const Function* Functions::find(std::string_view name) const {
  const auto at = table_->find(name);
  return at == table_->end() ? nullptr : &at->second;
}

std::vector<std::string_view> Functions::names() const {
  std::vector<std::string_view> out{"can", "convert", "try"};
  for (const auto& [name, function] : *table_) out.push_back(name);
  return out;
}

namespace detail {

Datum Evaluator::of(const Call& node, const Expression& e, const Scope* scope) {
  const Functions* functions = scope ? scope->functions() : nullptr;
  if (!functions) {
    error(e.range, "Function calls not allowed", "Functions may not be called here.");
    return Datum::unknown();
  }
  if (node.name == "try" || node.name == "can") return try_first(node, scope);
  if (node.name == "convert") return converted(node, scope);
  const Function* function = functions->find(node.name);
  if (!function) {
    error(node.name_range, "Call to unknown function", text("There is no function named \"{}\".{}", node.name, did_you_mean(node.name, functions->names())));
    return Datum::unknown();
  }
  const std::optional<std::vector<Datum>> values = arguments(node, *function, scope);
  if (!values) return Datum::unknown();
  Result<Datum> out = function->run(functions->world(), *values);
  if (!out) {
    error(e.range, "Error in function call", text("Call to function \"{}\" failed: {}.", node.name, out.error().message));
    return Datum::unknown();
  }
  return spend(weight(*out), e.range) ? std::move(out).value() : Datum::unknown();
}

/// Replaces the last argument by its elements.
bool Evaluator::expand(const Call& node, std::vector<Datum>& values, std::vector<Range>& ranges) {
  const Datum last = std::move(values.back());
  const Range at = ranges.back();
  values.pop_back();
  ranges.pop_back();
  if (last.is_unknown()) return false;
  if (last.is_null() || !last.is_sequence()) {
    error(at, "Invalid expanding argument value", text("The argument that \"...\" expands must be a list, not {}.", last.is_null() ? "null" : hcl::to_text(last.type())));
    return false;
  }
  for (const Datum& item : last.items()) {
    values.push_back(item);
    ranges.push_back(at);
  }
  return spend(static_cast<std::int64_t>(values.size()), node.name_range);
}

bool Evaluator::check_argument(const Call& node, const Parameter& parameter, Datum& value, const Range& at) {
  const auto refuse = [&](const std::string& why) {
    error(at, "Invalid function argument", text("Invalid value for \"{}\" of {}(): {}.", parameter.name, node.name, why));
    return false;
  };
  if (value.is_unknown()) return false;
  if (value.is_null() && !parameter.may_be_null) return refuse("argument must not be null");
  Result<Datum> fitting = convert(value, parameter.type);
  if (!fitting) return refuse(fitting.error().message);
  value = std::move(fitting).value();
  return true;
}

std::optional<std::vector<Datum>> Evaluator::arguments(const Call& node, const Function& function, const Scope* scope) {
  std::vector<Datum> values;
  std::vector<Range> ranges;
  for (const ExpressionPtr& argument : node.arguments) {
    values.push_back(value(*argument, scope));
    ranges.push_back(argument->range);
  }
  if (node.expand_last && !values.empty() && !expand(node, values, ranges)) return std::nullopt;
  const std::size_t wanted = function.parameters.size();
  if (values.size() < wanted) {
    error(node.close_paren, "Not enough function arguments", text("Function \"{}\" needs {} argument(s); \"{}\" is missing.", node.name, static_cast<int>(wanted), function.parameters[values.size()].name));
    return std::nullopt;
  }
  if (values.size() > wanted && !function.rest) {
    error(ranges[wanted], "Too many function arguments", text("Function \"{}\" takes {} argument(s).", node.name, static_cast<int>(wanted)));
    return std::nullopt;
  }
  bool good = true;
  for (std::size_t i = 0; i < values.size(); ++i) good = check_argument(node, i < wanted ? function.parameters[i] : *function.rest, values[i], ranges[i]) && good;
  if (!good) return std::nullopt;
  return values;
}

/// try(a, b…) is the first that evaluates without an error, can(a) whether it does.
Datum Evaluator::try_first(const Call& node, const Scope* scope) {
  const bool can = node.name == "can";
  if (node.arguments.empty() || (can && node.arguments.size() != 1)) {
    error(node.close_paren, "Not enough function arguments", text("Function \"{}\" needs {}.", node.name, can ? "one argument" : "at least one argument"));
    return Datum::unknown();
  }
  Diagnostics* const outer = out_;
  std::string reasons;
  for (const ExpressionPtr& argument : node.arguments) {
    Diagnostics errors;
    out_ = &errors;
    Datum out = value(*argument, scope);
    out_ = outer;
    if (!spend(0, argument->range)) return Datum::unknown();
    if (!has_errors(errors)) return can ? Datum(true) : out;
    for (const Diagnostic& d : errors) reasons += "\n- " + one_line(d);
  }
  if (can) return Datum(false);
  error(node.name_range, "Error in function call", "No expression of try() succeeded:" + reasons);
  return Datum::unknown();
}

Datum Evaluator::converted(const Call& node, const Scope* scope) {
  if (node.arguments.size() != 2) {
    error(node.close_paren, node.arguments.size() < 2 ? "Not enough function arguments" : "Too many function arguments", "Function \"convert\" takes a value and a type.");
    return Datum::unknown();
  }
  const Datum from = value(*node.arguments[0], scope);
  const std::optional<Type> type = evaluate_type(*node.arguments[1], true, *out_);
  if (!type || from.is_unknown()) return Datum::unknown();
  Result<Datum> out = convert(from, *type);
  if (out) return std::move(out).value();
  error(node.arguments[0]->range, "Invalid function argument", "Invalid value for \"value\" of convert(): " + out.error().message + ".");
  return Datum::unknown();
}

Datum Evaluator::of(const Text& node, const Expression&, const Scope*) { return Datum(node.text); }

/// An unknown reference keeps the blanks around it: "${ env["X"] }" stays exactly that.
Datum Evaluator::of(const Interpolation& node, const Expression&, const Scope* scope) {
  const auto* reference = std::get_if<Reference>(&node.inner->node);
  if (reference && scope && scope->keeps_unknown() && !scope->find(reference->root)) {
    const std::string_view written = node.between.text();
    std::string_view inner = written;
    while (inner.starts_with(' ')) inner.remove_prefix(1);
    while (inner.ends_with(' ')) inner.remove_suffix(1);
    const std::string_view exact = node.inner->range.text();
    return Datum("${" + std::string(inner == exact ? written : exact) + "}");
  }
  return value(*node.inner, scope);
}

bool Evaluator::append_text(std::string& text, const Datum& part, const Range& at) {
  if (part.is_unknown()) return false;
  if (part.is_null()) {
    error(at, "Invalid template interpolation value", "The expression's value is null, which cannot stand in a text.");
    return false;
  }
  const Result<Datum> piece = convert(part, Kind::string);
  if (!piece) {
    error(at, "Invalid template interpolation value", "This value cannot stand in a text: " + piece.error().message + ". Use join(\", \", …) for a list, or jsonencode(…).");
    return false;
  }
  text += piece->text();
  return spend(static_cast<std::int64_t>(piece->text().size() / 64), at);
}

Datum Evaluator::of(const Template& node, const Expression&, const Scope* scope) {
  if (node.parts.size() == 1 && std::holds_alternative<Interpolation>(node.parts[0]->node)) return value(*node.parts[0], scope);
  std::string out;
  bool good = true;
  for (const ExpressionPtr& part : node.parts) {
    const auto* interpolation = std::get_if<Interpolation>(&part->node);
    const Range& at = interpolation ? interpolation->inner->range : part->range;
    good = append_text(out, value(*part, scope), at) && good;
  }
  return good ? Datum(out) : Datum::unknown();
}

Datum Evaluator::of(const TextIf& node, const Expression&, const Scope* scope) {
  const std::optional<bool> chosen = condition(*node.condition, scope, "condition");
  if (!chosen) return Datum::unknown();
  std::string out;
  const Expression& arm = *chosen ? *node.when_true : *node.when_false;
  return append_text(out, value(arm, scope), arm.range) ? Datum(out) : Datum::unknown();
}

Datum Evaluator::of(const TextFor& node, const Expression&, const Scope* scope) {
  bool failed = false;
  std::string out;
  for (const auto& element : elements(*node.from, scope, failed)) {
    const Scope inner = loop_scope(scope, node.key_name, node.value_name, element);
    if (!append_text(out, value(*node.body, &inner), node.body->range)) return Datum::unknown();
  }
  return failed ? Datum::unknown() : Datum(out);
}

}  // namespace detail
}  // namespace drover::hcl
