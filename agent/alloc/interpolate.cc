#include "agent/alloc/interpolate.h"

#include <cctype>

#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

bool is_reference_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-'; }

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

/// env["a key"] and env['…'] stand for a variable by its raw name.
std::string_view variable_name(std::string_view expression) {
  if (expression.starts_with("env[\"") && expression.ends_with("\"]")) return expression.substr(5, expression.size() - 7);
  if (expression.starts_with("env.")) return expression.substr(4);
  return expression;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct Evaluation {
  const Texts& env;
  const Texts& node;

  Result<std::string> evaluate_text(std::string_view text) const {
    std::string out;
    while (!text.empty()) {
      if (text.starts_with("$${")) {
        out += "${";
        text.remove_prefix(3);
        continue;
      }
      if (!text.starts_with("${")) {
        out += text.front();
        text.remove_prefix(1);
        continue;
      }
      const auto close = text.find('}');
      if (close == std::string_view::npos) return fail(Code::invalid, "\"{}\" has no closing brace", text);
      const std::string_view expression = trimmed(text.substr(2, close - 2));
      const std::string* value = find(env, variable_name(expression));
      if (value == nullptr) value = find(node, expression);
      if (value == nullptr) return fail(Code::invalid, "unknown reference ${{}}", expression);
      out += *value;
      text.remove_prefix(close + 1);
    }
    return out;
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

Result<Value> evaluate_config(const Value& config, const Texts& env, const Texts& node) {
  return Evaluation{env, node}.evaluate(config);
}

}  // namespace drover::agent
