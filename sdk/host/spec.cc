#include "sdk/host/spec.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/hcl/convert.h"
#include "base/hcl/eval.h"
#include "base/hcl/parser.h"

namespace drover::host {
namespace {

using hashicorp::nomad::plugins::shared::hclspec::Spec;

constexpr int depth_max = 32;  ///< of a schema; deeper ones are refused

/// One block's content: the values that a spec is applied to.
struct Body {
  const Value& value;  ///< a map
  std::string path;
};

Result<Value> decode_body(const Spec& spec, const Body& body, int depth);
Result<Value> decode(const Spec& spec, const std::string& implied, const Body& body, int depth);

std::string place(const Body& body, const std::string& name) { return body.path + "." + name; }

Result<hcl::Type> parse_type(const std::string& text) {
  if (text == "null") return hcl::Type(hcl::Kind::dynamic);
  hcl::Diagnostics problems;
  const auto source = hcl::Source::make("type", text);
  const hcl::ExpressionPtr expression = hcl::parse_expression(*source, problems);
  if (expression) {
    if (const auto type = hcl::evaluate_type(*expression, true, problems)) return *type;
  }
  return fail(Code::invalid, "the driver's schema has the unknown type \"{}\"", text);
}

Result<hcl::Datum> evaluate_literal(const std::string& text) {
  hcl::Diagnostics problems;
  const auto source = hcl::Source::make("literal", text);
  const hcl::ExpressionPtr expression = hcl::parse_expression(*source, problems);
  hcl::Datum value = expression ? hcl::evaluate(*expression, nullptr, problems) : hcl::Datum::unknown();
  if (value.is_unknown() || hcl::has_errors(problems)) return fail(Code::invalid, "the driver's schema has a default that cannot be read: {}", text);
  return value;
}

Result<Value> converted(const Value& value, const std::string& type_text, const std::string& path) {
  DROVER_LET(const hcl::Type type, parse_type(type_text));
  const Result<hcl::Datum> datum = hcl::convert(hcl::from_value(value), type);
  if (!datum) return Error{Code::invalid, path + ": " + datum.error().message};
  return hcl::to_value(*datum);
}

/// The name that a spec reads from its body; empty for those that read none themselves.
std::string name_of(const Spec& spec, const std::string& implied) {
  const std::string* own = nullptr;
  switch (spec.block_case()) {
    case Spec::kAttr: own = &spec.attr().name(); break;
    case Spec::kBlockValue: own = &spec.block_value().name(); break;
    case Spec::kBlockAttrs: own = &spec.block_attrs().name(); break;
    case Spec::kBlockList: own = &spec.block_list().name(); break;
    case Spec::kBlockSet: own = &spec.block_set().name(); break;
    case Spec::kBlockMap: own = &spec.block_map().name(); break;
    default: return {};
  }
  return own->empty() ? implied : *own;
}

/// All names that a body may have.
void collect_names(const Spec& spec, const std::string& implied, std::set<std::string>& names) {
  switch (spec.block_case()) {
    case Spec::kObject:
      for (const auto& [member, nested] : spec.object().attributes()) collect_names(nested, member, names);
      return;
    case Spec::kArray:
      for (const Spec& nested : spec.array().values()) collect_names(nested, {}, names);
      return;
    case Spec::kDefault:
      collect_names(spec.default_().primary(), implied, names);
      return collect_names(spec.default_().default_(), {}, names);
    case Spec::kLiteral:
    case Spec::BLOCK_NOT_SET: return;
    default: names.insert(name_of(spec, implied));
  }
}

/// The blocks of a name: a map is one, a list of maps several.
Result<std::vector<Body>> blocks_of(const Body& body, const std::string& name) {
  std::vector<Body> blocks;
  const Value* value = body.value.find(name);
  if (value == nullptr || value->is_null()) return blocks;
  const std::string path = place(body, name);
  if (value->is_map()) {
    blocks.push_back({*value, path});
    return blocks;
  }
  if (!value->is_list()) return fail(Code::invalid, "{} must be a block, not {}", path, to_text(value->kind()));
  for (const Value& item : value->items()) {
    const std::string item_path = path + "[" + std::to_string(blocks.size()) + "]";
    if (!item.is_map()) return fail(Code::invalid, "{} must be a block, not {}", item_path, to_text(item.kind()));
    blocks.push_back({item, item_path});
  }
  return blocks;
}

Result<std::vector<Body>> one_block_of(const Body& body, const std::string& name, bool required) {
  DROVER_LET(std::vector<Body> blocks, blocks_of(body, name));
  if (blocks.size() > 1) return fail(Code::invalid, "{}: there may be one block '{}', not {}", body.path, name, blocks.size());
  if (blocks.empty() && required) return fail(Code::invalid, "{}: the block '{}' is required", body.path, name);
  return blocks;
}

template <class Many>
Result<Value> decode_many(const Many& many, const std::string& name, const Body& body, int depth) {
  DROVER_LET(const std::vector<Body> blocks, blocks_of(body, name));
  if (blocks.size() < many.min_items()) {
    return fail(Code::invalid, "{}: at least {} blocks '{}' are required, there are {}", body.path, many.min_items(), name, blocks.size());
  }
  if (many.max_items() != 0 && blocks.size() > many.max_items()) {
    return fail(Code::invalid, "{}: at most {} blocks '{}' are allowed, there are {}", body.path, many.max_items(), name, blocks.size());
  }
  Value list = Value::list();
  for (const Body& block : blocks) {
    DROVER_LET(Value item, decode_body(many.nested(), block, depth + 1));
    list.push(std::move(item));
  }
  return list;
}

Result<Value> decode_block_set(const Spec& spec, const std::string& name, const Body& body, int depth) {
  DROVER_LET(const Value list, decode_many(spec.block_set(), name, body, depth));
  Value distinct = Value::list();
  for (const Value& item : list.items()) {
    bool seen = false;
    for (const Value& other : distinct.items()) seen = seen || other == item;
    if (!seen) distinct.push(item);
  }
  return distinct;
}

/// One level of labels, then the next, then the blocks themselves.
Result<Value> decode_labels(const Spec& nested, int labels, const std::vector<Body>& bodies, int depth) {
  std::map<std::string, Value> members;
  for (const Body& body : bodies) {
    for (const auto& [label, value] : body.value.members()) {
      DROVER_LET(const std::vector<Body> inner, blocks_of(body, label));
      if (labels > 1) {
        DROVER_LET(members[label], decode_labels(nested, labels - 1, inner, depth));
        continue;
      }
      if (inner.size() != 1) return fail(Code::invalid, "{}: there may be one block labelled '{}'", body.path, label);
      DROVER_LET(members[label], decode_body(nested, inner.front(), depth + 1));
    }
  }
  return Value(Value::Map(members.begin(), members.end()));
}

Result<Value> decode_block_attrs(const Spec& spec, const std::string& name, const Body& body) {
  DROVER_LET(const std::vector<Body> blocks, one_block_of(body, name, spec.block_attrs().required()));
  if (blocks.empty()) return Value();
  std::map<std::string, Value> members;
  for (const auto& [key, value] : blocks.front().value.members()) {
    DROVER_LET(members[key], converted(value, spec.block_attrs().type(), place(blocks.front(), key)));
  }
  return Value(Value::Map(members.begin(), members.end()));
}

Result<Value> decode_attribute(const Spec& spec, const std::string& name, const Body& body) {
  const Value* value = body.value.find(name);
  if (value == nullptr && spec.attr().required()) return fail(Code::invalid, "{}: '{}' is required", body.path, name);
  if (value == nullptr || value->is_null()) return Value();
  return converted(*value, spec.attr().type(), place(body, name));
}

Result<Value> decode_object(const Spec& spec, const Body& body, int depth) {
  std::map<std::string, const Spec*> sorted;
  for (const auto& [member, nested] : spec.object().attributes()) sorted.emplace(member, &nested);
  Value::Map members;
  for (const auto& [member, nested] : sorted) {
    DROVER_LET(Value value, decode(*nested, member, body, depth + 1));
    members.emplace_back(member, std::move(value));
  }
  return Value(std::move(members));
}

Result<Value> decode(const Spec& spec, const std::string& implied, const Body& body, int depth) {
  if (depth > depth_max) return fail(Code::invalid, "the driver's schema is nested deeper than {}", depth_max);
  const std::string name = name_of(spec, implied);
  switch (spec.block_case()) {
    case Spec::kObject: return decode_object(spec, body, depth);
    case Spec::kArray: {
      Value list = Value::list();
      for (const Spec& nested : spec.array().values()) {
        DROVER_LET(Value item, decode(nested, {}, body, depth + 1));
        list.push(std::move(item));
      }
      return list;
    }
    case Spec::kAttr: return decode_attribute(spec, name, body);
    case Spec::kBlockValue: {
      DROVER_LET(const std::vector<Body> blocks, one_block_of(body, name, spec.block_value().required()));
      if (blocks.empty()) return Value();
      return decode_body(spec.block_value().nested(), blocks.front(), depth + 1);
    }
    case Spec::kBlockAttrs: return decode_block_attrs(spec, name, body);
    case Spec::kBlockList: return decode_many(spec.block_list(), name, body, depth);
    case Spec::kBlockSet: return decode_block_set(spec, name, body, depth);
    case Spec::kBlockMap: {
      DROVER_LET(const std::vector<Body> blocks, blocks_of(body, name));
      return decode_labels(spec.block_map().nested(), spec.block_map().labels_size(), blocks, depth);
    }
    case Spec::kDefault: {
      DROVER_LET(Value value, decode(spec.default_().primary(), implied, body, depth + 1));
      if (!value.is_null()) return value;
      return decode(spec.default_().default_(), {}, body, depth + 1);
    }
    case Spec::kLiteral: {
      DROVER_LET(const hcl::Datum literal, evaluate_literal(spec.literal().value()));
      return hcl::to_value(literal);
    }
    case Spec::BLOCK_NOT_SET: break;
  }
  return fail(Code::invalid, "the driver's schema has an empty entry at {}", body.path);
}

Result<Value> decode_body(const Spec& spec, const Body& body, int depth) {
  std::set<std::string> names;
  collect_names(spec, {}, names);
  for (const auto& [name, value] : body.value.members()) {
    if (name != "//" && !names.contains(name)) {
      return fail(Code::invalid, "{}: no argument or block is named '{}'", body.path, name);
    }
  }
  return decode(spec, {}, body, depth);
}

Result<void> check(const Spec& spec, const std::string& implied, const std::string& path, int depth) {
  if (depth > depth_max) return fail(Code::invalid, "the schema is nested deeper than {}", depth_max);
  const auto named = [&]() -> Result<void> {
    if (name_of(spec, implied).empty()) return fail(Code::invalid, "an entry at {} has no name", path);
    return {};
  };
  switch (spec.block_case()) {
    case Spec::kObject:
      for (const auto& [member, nested] : spec.object().attributes()) {
        DROVER_TRY(check(nested, member, path + "." + member, depth + 1));
      }
      return {};
    case Spec::kArray:
      for (const Spec& nested : spec.array().values()) DROVER_TRY(check(nested, {}, path, depth + 1));
      return {};
    case Spec::kAttr: {
      DROVER_TRY(named());
      const Result<hcl::Type> type = parse_type(spec.attr().type());
      return type ? Result<void>() : type.error();
    }
    case Spec::kBlockAttrs: {
      DROVER_TRY(named());
      const Result<hcl::Type> type = parse_type(spec.block_attrs().type());
      return type ? Result<void>() : type.error();
    }
    case Spec::kBlockValue: DROVER_TRY(named()); return check(spec.block_value().nested(), {}, path, depth + 1);
    case Spec::kBlockList: DROVER_TRY(named()); return check(spec.block_list().nested(), {}, path, depth + 1);
    case Spec::kBlockSet: DROVER_TRY(named()); return check(spec.block_set().nested(), {}, path, depth + 1);
    case Spec::kBlockMap:
      DROVER_TRY(named());
      if (spec.block_map().labels().empty()) return fail(Code::invalid, "the labelled block at {} names no label", path);
      return check(spec.block_map().nested(), {}, path, depth + 1);
    case Spec::kDefault:
      DROVER_TRY(check(spec.default_().primary(), implied, path, depth + 1));
      return check(spec.default_().default_(), {}, path, depth + 1);
    case Spec::kLiteral: {
      const Result<hcl::Datum> literal = evaluate_literal(spec.literal().value());
      return literal ? Result<void>() : literal.error();
    }
    case Spec::BLOCK_NOT_SET: break;
  }
  return fail(Code::invalid, "an entry at {} is empty", path);
}

}  // namespace

Result<Value> apply_spec(const Spec& spec, const Value& config, const std::string& path) {
  Value merged = Value::map();
  if (config.is_list()) {  // a body in several parts
    for (const Value& part : config.items()) {
      if (!part.is_map()) return fail(Code::invalid, "{} must be a map, not {}", path, to_text(part.kind()));
      for (const auto& [name, value] : part.members()) merged.set(name, value);
    }
  } else if (config.is_map()) {
    merged = config;
  } else if (!config.is_null()) {
    return fail(Code::invalid, "{} must be a map, not {}", path, to_text(config.kind()));
  }
  return decode_body(spec, Body{merged, path}, 0);
}

Result<void> check_spec(const Spec& spec) { return check(spec, {}, "config", 0); }

}  // namespace drover::host
