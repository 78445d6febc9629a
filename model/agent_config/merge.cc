#include <algorithm>
#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/duration.h"
#include "base/hcl/json_body.h"
#include "base/hcl/legacy.h"
#include "base/hcl/unicode.h"
#include "base/json/json.h"
#include "model/agent_config/keys.h"

namespace drover::model {
namespace {

using namespace agent_config;
using hcl::add_error;
using hcl::Diagnostics;
using hcl::JsonNode;
using hcl::Range;

/// A free body as a value. Nested blocks are lists of objects, however they were written.
Value free_value(const JsonNode& node) {
  switch (node.kind) {
    case JsonNode::Kind::null: return Value();
    case JsonNode::Kind::boolean: return Value(node.boolean);
    case JsonNode::Kind::text: return Value(node.text);
    case JsonNode::Kind::number: {
      const hcl::Number number = hcl::Number::parse(node.text).value_or(hcl::Number());
      return number.to_int64() ? Value(*number.to_int64()) : Value(number.to_double());
    }
    case JsonNode::Kind::list: {
      Value out = Value::list();
      for (const JsonNode& item : node.items) out.push(free_value(item));
      return out;
    }
    case JsonNode::Kind::object: {
      Value out = Value::map();
      for (const JsonNode::Member& member : node.members) {
        Value inner = free_value(member.value);
        if (!inner.is_map()) {
          out.set(member.name, std::move(inner));
          continue;
        }
        Value* list = out.find(member.name);
        if (!list || !list->is_list()) out.set(member.name, Value::list());
        out.find(member.name)->push(std::move(inner));
      }
      return out;
    }
  }
  return Value();
}

const char* name_of(JsonNode::Kind kind) {
  switch (kind) {
    case JsonNode::Kind::null: return "null";
    case JsonNode::Kind::boolean: return "a bool";
    case JsonNode::Kind::number: return "a number";
    case JsonNode::Kind::text: return "a text";
    case JsonNode::Kind::list: return "a list";
    case JsonNode::Kind::object: return "a block";
  }
  return "";
}

/// "1M", "100GB", "512" in bytes; powers of 1000, with "i" of 1024.
std::optional<std::int64_t> parse_size(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::optional<hcl::Number> number = hcl::Number::parse(text.substr(0, end));
  std::string unit = hcl::unicode::to_lower(hcl::unicode::trim(text.substr(end)));
  if (!number) return std::nullopt;
  if (unit.ends_with('b')) unit.pop_back();
  const bool binary = unit.ends_with('i');
  if (binary) unit.pop_back();
  static constexpr std::string_view units = "kmgt";
  if (unit.size() > 1 || (unit.empty() && binary)) return std::nullopt;
  double factor = 1;
  if (!unit.empty()) {
    const std::size_t at = units.find(unit[0]);
    if (at == std::string_view::npos) return std::nullopt;
    for (std::size_t i = 0; i <= at; ++i) factor *= binary ? 1024 : 1000;
  }
  const double bytes = number->to_double() * factor;
  return bytes < 9e18 ? std::optional(static_cast<std::int64_t>(bytes)) : std::nullopt;
}

class Merger {
 public:
  Merger(AgentConfig& config, Diagnostics& out) : config_(config), out_(out) {}

  void block(const JsonNode& node, const std::string& path, const std::string& shown, const std::string& label, const Range& at) {
    if (node.kind == JsonNode::Kind::list) {  // JSON writes repeated blocks as a list
      for (const JsonNode& item : node.items) block(item, path, shown, label, at);
      return;
    }
    if (node.kind != JsonNode::Kind::object) return wrong(at, shown, "a block { … }", node);
    for (const JsonNode::Member& member : node.members) {
      if (path.empty() && member.name == "//") continue;
      entry(member, path.empty() ? member.name : path + "." + member.name, shown.empty() ? member.name : shown + "." + member.name, path, label);
    }
  }

  /// Sets a key from the text of a flag.
  void flag(const Key& key, const std::string& path, const std::string& text, std::string_view flag_name) {
    JsonNode node;
    node.kind = JsonNode::Kind::text;
    node.text = text;
    if (std::holds_alternative<MapOf>(key.target)) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) return add_error(out_, {}, "Invalid flag", drover::text("{} \"{}\": write it as key=value.", flag_name, text));
      std::get<MapOf>(key.target)(config_, "")[text.substr(0, equals)] = text.substr(equals + 1);
    } else {
      value(key, node, path, "", {});
    }
    config_.set_by[path] = std::string(flag_name);
    config_.places.erase(path);
  }

 private:
  void wrong(const Range& at, const std::string& shown, const std::string& wanted, const JsonNode& found) {
    add_error(out_, at, "Wrong type", text("{} must be {}, not {}.", shown, wanted, name_of(found.kind)));
  }

  void entry(const JsonNode::Member& member, const std::string& path, const std::string& shown, const std::string& parent, const std::string& label) {
    const Key* key = find_key(path);
    if (!key) {
      const std::vector<std::string_view> known = names_in(parent);
      const std::string where = parent.empty() ? "" : text(" in {}", shown.substr(0, shown.size() - member.name.size() - 1));
      return add_error(out_, member.name_range, "Unknown key", text("There is no key \"{}\"{}.{}", member.name, where, hcl::did_you_mean(member.name, known)));
    }
    if (std::holds_alternative<Accepted>(key->target)) return;
    if (std::holds_alternative<Block>(key->target)) return block(member.value, path, shown, label, member.name_range);
    if (std::holds_alternative<LabelledBlock>(key->target)) return labelled(member.value, path, shown, member.name_range);
    value(*key, member.value, shown, label, member.value.range);
    config_.set_by[shown] = hcl::to_text(member.name_range);
    config_.places[shown] = member.value.range;
  }

  void labelled(const JsonNode& node, const std::string& path, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::list) {
      for (const JsonNode& item : node.items) labelled(item, path, shown, at);
      return;
    }
    if (node.kind != JsonNode::Kind::object) return wrong(at, shown, "a block with a label, such as " + path.substr(path.rfind('.') + 1) + " \"name\" { … }", node);
    for (const JsonNode::Member& member : node.members) {
      if (member.value.kind != JsonNode::Kind::object && member.value.kind != JsonNode::Kind::list) {
        add_error(out_, member.name_range, "Missing label", text("A {} block needs a label: {} \"name\" { … }.", shown, shown));
        continue;
      }
      if (path == "plugin") config_.plugins[member.name];
      if (path == "client.host_volume") config_.client.host_volumes[member.name];
      if (path == "client.host_network") config_.client.host_networks[member.name];
      block(member.value, path + ".*", shown + "." + member.name, member.name, member.name_range);
    }
  }

  /// Texts stand for numbers and bools too, as in the files people have.
  void value(const Key& key, const JsonNode& node, const std::string& shown, const std::string& label, const Range& at) {
    if (const auto* f = std::get_if<TextOf>(&key.target)) return set_text((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<BoolOf>(&key.target)) return set_bool((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<IntegerOf>(&key.target)) return set_integer((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<RealOf>(&key.target)) return set_real((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<DurationOf>(&key.target)) return set_duration((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<ListOf>(&key.target)) return add_texts((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<MapOf>(&key.target)) return add_entries((*f)(config_, label), node, shown, at);
    if (const auto* f = std::get_if<SizeInBytes>(&key.target)) return set_size(f->bytes(config_, label), node, shown, at);
    if (const auto* f = std::get_if<FreeBlock>(&key.target)) return merge_free(f->json(config_, label), node, shown, at);
    if (const auto* f = std::get_if<ReplacedList>(&key.target)) {
      f->list(config_, label).clear();
      add_texts(f->list(config_, label), node, shown, at);
    }
  }

  void set_text(std::string& out, const JsonNode& node, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::text || node.kind == JsonNode::Kind::number) {
      out = node.text;
    } else {
      wrong(at, shown, "a text in quotes", node);
    }
  }

  void set_bool(bool& out, const JsonNode& node, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::boolean) {
      out = node.boolean;
    } else if (node.kind == JsonNode::Kind::text && (node.text == "true" || node.text == "false" || node.text == "1" || node.text == "0")) {
      out = node.text == "true" || node.text == "1";
    } else {
      wrong(at, shown, "true or false", node);
    }
  }

  std::optional<hcl::Number> number(const JsonNode& node) {
    if (node.kind != JsonNode::Kind::number && node.kind != JsonNode::Kind::text) return std::nullopt;
    return hcl::Number::parse(node.text);
  }

  void set_integer(std::int64_t& out, const JsonNode& node, const std::string& shown, const Range& at) {
    const std::optional<hcl::Number> value = number(node);
    if (value && value->to_int64()) {
      out = *value->to_int64();
    } else {
      wrong(at, shown, "a whole number", node);
    }
  }

  void set_real(double& out, const JsonNode& node, const std::string& shown, const Range& at) {
    const std::optional<hcl::Number> value = number(node);
    if (value && !value->is_infinite()) {
      out = value->to_double();
    } else {
      wrong(at, shown, "a number", node);
    }
  }

  void set_duration(Duration& out, const JsonNode& node, const std::string& shown, const Range& at) {
    const std::optional<std::int64_t> value = node.kind == JsonNode::Kind::text ? hcl::parse_duration(node.text) : std::nullopt;
    if (value) {
      out = Duration(*value);
    } else {
      add_error(out_, at, "Wrong type", text("{} must be a duration in quotes, such as \"30s\" or \"1h30m\".", shown));
    }
  }

  void set_size(std::int64_t& out, const JsonNode& node, const std::string& shown, const Range& at) {
    const bool written = node.kind == JsonNode::Kind::text || node.kind == JsonNode::Kind::number;
    const std::optional<std::int64_t> value = written ? parse_size(node.text) : std::nullopt;
    if (value) {
      out = *value;
    } else {
      add_error(out_, at, "Wrong type", text("{} must be a size, such as \"1M\" or \"100GB\".", shown));
    }
  }

  void add_texts(std::vector<std::string>& out, const JsonNode& node, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::text) {  // one, without brackets
      out.push_back(node.text);
      return;
    }
    if (node.kind != JsonNode::Kind::list) return wrong(at, shown, "a list of texts", node);
    for (const JsonNode& item : node.items) {
      std::string text;
      set_text(text, item, shown, item.range);
      out.push_back(std::move(text));
    }
  }

  void add_entries(std::map<std::string, std::string>& out, const JsonNode& node, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::list) {
      for (const JsonNode& item : node.items) add_entries(out, item, shown, item.range);
      return;
    }
    if (node.kind != JsonNode::Kind::object) return wrong(at, shown, "a block of texts", node);
    for (const JsonNode::Member& member : node.members) {
      if (member.value.kind == JsonNode::Kind::boolean) {
        out[member.name] = member.value.boolean ? "true" : "false";
      } else {
        set_text(out[member.name], member.value, shown + "." + member.name, member.value.range);
      }
    }
  }

  /// A later file's keys replace those of an earlier one; the others stay.
  void merge_free(std::string& json, const JsonNode& node, const std::string& shown, const Range& at) {
    if (node.kind == JsonNode::Kind::list) {
      for (const JsonNode& item : node.items) merge_free(json, item, shown, item.range);
      return;
    }
    if (node.kind != JsonNode::Kind::object) return wrong(at, shown, "a block { … }", node);
    const Result<Value> before = json.empty() ? Result<Value>(Value::map()) : json::parse(json);
    Value merged = before ? *before : Value::map();
    const Value added = free_value(node);
    for (const auto& [name, inner] : added.members()) merged.set(name, inner);
    json = json::write(merged);
  }

  AgentConfig& config_;
  Diagnostics& out_;
};

}  // namespace

void merge_agent_config(AgentConfig& config, std::string name, std::string text, Diagnostics& out) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string::npos && text[first] == '{';
  const std::size_t errors_before = out.size();
  hcl::JsonFile file = is_json ? hcl::parse_json_file(std::move(name), std::move(text), out) : hcl::parse_legacy_file(std::move(name), std::move(text), out);
  config.sources.push_back(file.source);
  if (out.size() != errors_before) return;
  Merger(config, out).block(file.root, "", "", "", file.root.range);
}

void set_agent_config(AgentConfig& config, std::string_view path, std::string_view value, std::string_view flag, Diagnostics& out) {
  const Key* key = find_key(path);
  DROVER_ASSERT(key != nullptr);  // flags name keys of the table
  Diagnostics errors;
  Merger(config, errors).flag(*key, std::string(path), std::string(value), flag);
  for (hcl::Diagnostic& error : errors) {
    error.detail = text("{} {}: {}", flag, value, error.detail);
    out.push_back(std::move(error));
  }
}

}  // namespace drover::model
