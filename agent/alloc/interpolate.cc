#include "agent/alloc/interpolate.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/hcl/convert.h"
#include "base/hcl/eval.h"
#include "base/hcl/parser.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

bool is_reference_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
}

/// The length of the reference name that starts at `text`, when it is followed by "}"; else 0.
std::size_t reference_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && is_reference_character(text[length])) ++length;
  return length > 0 && length < text.size() && text[length] == '}' ? length : 0;
}

const std::string* find(const Texts& texts, std::string_view name) {
  const auto found = texts.find(std::string(name));
  return found == texts.end() ? nullptr : &found->second;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Puts a value at "a.b.c" into nested maps. Where a name is both a value and a prefix of others, the others win: they
/// are what an expression can only reach this way.
void put(Value& root, std::string_view name, const std::string& text) {
  Value* at = &root;
  for (;;) {
    const auto dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    Value* member = at->find(part);
    if (dot == std::string_view::npos) {
      if (member == nullptr) at->set(part, text);
      return;
    }
    if (member == nullptr || !member->is_map()) member = at->set(part, Value::map()).find(part);
    at = member;
    name.remove_prefix(dot + 1);
  }
}

/// The names of secrets anywhere in an expression.
std::set<std::string> secrets_named_in(std::string_view text) {
  std::set<std::string> names;
  for (auto at = text.find(secret_prefix); at != std::string_view::npos; at = text.find(secret_prefix, at + 1)) {
    std::size_t end = at;
    while (end < text.size() && is_reference_character(text[end])) ++end;
    names.emplace(text.substr(at, end - at));
  }
  return names;
}

/// The functions that a task's configuration may call.
constexpr std::array<std::string_view, 15> config_functions = {
    "abs",   "coalesce", "concat", "hasindex", "int",    "jsondecode", "jsonencode", "length",
    "lower", "max",      "min",    "reverse",  "strlen", "substr",     "upper"};

struct Evaluation {
  const Texts& env;
  const Texts& node;

  /// A text of plain references is put together here, which is what nearly all are; anything else is an expression.
  Result<std::string> evaluate_text(std::string_view text) const {
    const std::string_view whole = text;
    std::string out;
    while (!text.empty()) {
      if (text.starts_with("$${")) {
        out += "${";
        text.remove_prefix(3);
      } else if (text.starts_with("%{")) {
        return evaluate_expression(whole);
      } else if (text.starts_with("${")) {
        const auto close = text.find('}');
        if (close == std::string_view::npos) return fail(Code::invalid, "\"{}\" has no closing brace", text);
        const std::string_view name = trimmed(text.substr(2, close - 2));
        if (!std::all_of(name.begin(), name.end(), is_reference_character)) return evaluate_expression(whole);
        const std::string* value = find(env, name);
        if (value == nullptr) value = find(node, name);
        if (value == nullptr && !name.starts_with(secret_prefix))
          return fail(Code::invalid, "unknown reference ${{}}", name);
        out += value != nullptr ? *value : std::string(text.substr(0, close + 1));
        text.remove_prefix(close + 1);
      } else {
        out += text.front();
        text.remove_prefix(1);
      }
    }
    return out;
  }

  Result<std::string> evaluate_expression(std::string_view text) const {
    Value names = Value::map();
    for (const auto& [name, value] : node) put(names, name, value);
    for (const auto& [name, value] : env) put(names, name, value);
    for (const std::string& secret : secrets_named_in(text)) {
      if (!env.contains(secret)) put(names, secret, "${" + secret + "}");
    }
    hcl::Datum::Map variables;
    for (const auto& [name, value] : env) variables.insert_or_assign(name, hcl::Datum(value));

    const hcl::Functions all = hcl::standard_functions({});
    hcl::Functions allowed;
    for (const std::string_view name : config_functions) {
      if (const hcl::Function* function = all.find(name)) allowed.add(name, *function);
    }
    hcl::Budget budget;
    hcl::Scope scope;
    scope.use(allowed);
    scope.use(budget);
    for (const auto& [name, value] : names.members()) scope.set(name, hcl::from_value(value));
    scope.set("env", hcl::Datum::object(std::move(variables)));

    hcl::Diagnostics problems;
    const auto source = hcl::Source::make("config", std::string(text));
    const hcl::ExpressionPtr expression = hcl::parse_template_part(*source, {}, text.size(), problems);
    if (!hcl::has_errors(problems) && expression) {
      const hcl::Datum datum = hcl::evaluate(*expression, &scope, problems);
      if (!hcl::has_errors(problems)) return as_text(datum);
    }
    return fail(
        Code::invalid, "\"{}\": {}", text,
        problems.empty() ? "it cannot be evaluated" : problems.front().summary + ": " + problems.front().detail);
  }

  static Result<std::string> as_text(const hcl::Datum& datum) {
    DROVER_LET(const hcl::Datum text, hcl::convert(datum, hcl::Kind::string));
    DROVER_LET(const Value value, hcl::to_value(text));
    return value.is_text() ? value.text() : "";
  }

  Result<Value> evaluate(const Value& value) const {
    if (value.is_text()) {
      DROVER_LET(std::string text, evaluate_text(value.text()));
      return Value(std::move(text));
    }
    if (value.is_list()) return evaluate_list(value);
    if (value.is_map()) return evaluate_map(value);
    return value;
  }

  Result<Value> evaluate_list(const Value& value) const {
    Value out = Value::list();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      Result<Value> item = evaluate(value.items()[i]);
      if (!item) return item.error().within(text("[{}]", i));
      out.push(std::move(item).value());
    }
    return out;
  }

  Result<Value> evaluate_map(const Value& value) const {
    Value out = Value::map();
    for (const auto& [key, member] : value.members()) {
      DROVER_LET(const std::string name, evaluate_text(key));
      Result<Value> evaluated = evaluate(member);
      if (!evaluated) return evaluated.error().within(name);
      out.set(name, std::move(evaluated).value());
    }
    return out;
  }
};

}  // namespace

Texts node_references(const model::Node& node, const std::string& region) {
  Texts references;
  references["node.unique.id"] = node.id();
  references["node.unique.name"] = node.name();
  references["node.datacenter"] = node.datacenter();
  references["node.class"] = node.node_class();
  references["node.pool"] = node.node_pool();
  references["node.region"] = region;
  for (const auto& [name, value] : node.attributes()) references["attr." + name] = value;
  for (const auto& [name, value] : node.meta()) references["meta." + name] = value;
  return references;
}

std::string replace_references(std::string_view text, const Texts& first, const Texts& second) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = text.starts_with("${") ? reference_length(text.substr(2)) : 0;
    const std::string_view name = text.substr(length > 0 ? 2 : 0, length);
    const std::string* value = length > 0 ? find(first, name) : nullptr;
    if (length > 0 && value == nullptr) value = find(second, name);
    if (value != nullptr) {
      out += *value;
      text.remove_prefix(length + 3);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

void find_secrets(std::string_view text, std::set<std::string>& names) {
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
    const std::string_view after = text.substr(at + 2);
    if (after.starts_with(secret_prefix)) names.emplace(after.substr(0, reference_length(after)));
  }
  names.erase("");
}

void find_all_secrets(const Value& value, std::set<std::string>& names) {
  if (value.is_text()) return find_secrets(value.text(), names);
  if (value.is_list()) {
    for (const Value& item : value.items()) find_all_secrets(item, names);
  }
  if (!value.is_map()) return;
  for (const auto& [key, member] : value.members()) {
    find_secrets(key, names);
    find_all_secrets(member, names);
  }
}

Result<Value> evaluate_config(const Value& config, const Texts& env, const Texts& node) {
  return Evaluation{env, node}.evaluate(config);
}

}  // namespace drover::agent
