#include "base/hcl/content.h"

#include <algorithm>

#include "base/hcl/convert.h"

namespace drover::hcl {
namespace {

const BlockSchema* find_block(const Schema& schema, std::string_view type) {
  for (const BlockSchema& block : schema.blocks)
    if (block.type == type) return &block;
  return nullptr;
}

const AttributeSchema* find_attribute(const Schema& schema, std::string_view name) {
  for (const AttributeSchema& attribute : schema.attributes)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

std::vector<std::string_view> block_types(const Schema& schema) {
  std::vector<std::string_view> out;
  for (const BlockSchema& block : schema.blocks) out.push_back(block.type);
  return out;
}

std::vector<std::string_view> attribute_names(const Schema& schema) {
  std::vector<std::string_view> out;
  for (const AttributeSchema& attribute : schema.attributes) out.push_back(attribute.name);
  return out;
}

void refuse_attribute(const std::string& name, const Range& at, const Schema& schema, Diagnostics& out) {
  // In JSON, and after an equals sign, a misspelt block looks like an argument.
  std::vector<std::string_view> known = attribute_names(schema);
  for (const BlockSchema& block : schema.blocks) known.push_back(block.type);
  std::string hint = did_you_mean(name, known);
  if (find_block(schema, name)) hint = text(" Did you mean to define a block of type \"{}\"? Then leave out the equals sign.", name);
  add_error(out, at, "Unsupported argument", text("An argument named \"{}\" is not expected here.{}", name, hint));
}

void refuse_block(const std::string& type, const Range& at, const Schema& schema, Diagnostics& out) {
  std::string hint = did_you_mean(type, block_types(schema));
  if (find_attribute(schema, type)) hint = text(" Did you mean to define argument \"{}\"? Then write it with an equals sign.", type);
  add_error(out, at, "Unsupported block type", text("Blocks of type \"{}\" are not expected here.{}", type, hint));
}

/// Names the labels in words: "name", "type, name".
std::string listed(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

bool check_labels(const BlockSchema& schema, const std::vector<Label>& labels, const Range& missing_at, Diagnostics& out) {
  const int wanted = static_cast<int>(schema.labels.size());
  if (labels.size() > schema.labels.size()) {
    const std::string detail = wanted == 0 ? text("No labels are expected for {} blocks.", schema.type)
                                           : text("Only {} label(s) ({}) are expected for {} blocks.", wanted, listed(schema.labels), schema.type);
    add_error(out, labels[schema.labels.size()].range, text("Extraneous label for {}", schema.type), detail);
    return false;
  }
  if (labels.size() < schema.labels.size()) {
    add_error(out, missing_at, text("Missing {} for {}", schema.labels[labels.size()], schema.type),
              text("All {} blocks must have {} label(s) ({}), such as {} \"…\" { … }.", schema.type, wanted, listed(schema.labels), schema.type));
    return false;
  }
  return true;
}

/// Expands one `dynamic` block.
class Expansion {
 public:
  Expansion(const FoundBlock& written, const BlockSchema& target, Content& content, Diagnostics& out)
      : written_(written), target_(target), content_(content), out_(out) {}

  void run() {
    const Schema schema{{{"for_each", true}, {"iterator", false}, {"labels", false}}, {{"content", {}}}, false};
    const std::size_t errors_before = out_.size();
    const Content inner = read_content(written_.body, schema, out_);
    if (out_.size() != errors_before) return;
    if (inner.blocks.size() != 1) {
      const bool none = inner.blocks.empty();
      add_error(out_, none ? written_.body.missing_at() : inner.blocks[1].header, none ? "Missing content block" : "Extraneous dynamic content block",
                text("A dynamic block must have exactly one nested block \"content\"."));
      return;
    }
    std::string iterator = std::string(target_.type);
    if (const FoundAttribute* name = inner.find("iterator")) {
      const auto* reference = std::get_if<Reference>(&name->value->node);
      if (!reference || !reference->steps.empty()) {
        add_error(out_, name->value->range, "Invalid expression", "The iterator's name must be a single bare name.");
        return;
      }
      iterator = reference->root;
    }
    generate(inner, iterator);
  }

 private:
  void generate(const Content& inner, const std::string& iterator) {
    const FoundAttribute& for_each = *inner.find("for_each");
    const Datum source = for_each.evaluate(out_);
    if (source.is_unknown()) return;
    if (source.is_null() || (!source.is_sequence() && !source.is_mapping())) {
      add_error(out_, for_each.value->range, "Invalid dynamic for_each value",
                source.is_null() ? "A null value cannot be iterated over." : text("A value of type {} cannot be iterated over: a list, set or map is required.", to_text(source.type())));
      return;
    }
    if (source.is_mapping()) {
      for (const auto& [key, value] : source.members())
        if (!add(inner, iterator, Datum(key), value)) return;
      return;
    }
    std::int64_t index = 0;
    for (const Datum& value : source.items())
      if (!add(inner, iterator, source.kind() == Kind::set ? value : Datum(index++), value)) return;
  }

  bool add(const Content& inner, const std::string& iterator, const Datum& key, const Datum& value) {
    auto scope = std::make_shared<OwningScope>(written_.body.scope);
    Datum::Map element;
    element.emplace("key", key);
    element.emplace("value", value);
    scope->set(iterator, Datum::object(std::move(element)));
    if (Budget* budget = scope->budget(); budget && (budget->left -= blocks_cost) < 0) {
      add_error(out_, written_.header, "Evaluation too large", "The dynamic blocks of this text generate too much.");
      return false;
    }
    FoundBlock block = inner.blocks[0];
    block.type = std::string(target_.type);
    block.header = written_.header;
    block.body.scope = scope;
    if (!labels(inner, scope, block.labels)) return false;
    if (check_labels(target_, block.labels, written_.header, out_)) content_.blocks.push_back(std::move(block));
    return true;
  }

  bool labels(const Content& inner, const ScopePtr& scope, std::vector<Label>& labels) {
    const FoundAttribute* written = inner.find("labels");
    if (!written) return true;
    const Datum list = hcl::evaluate(*written->value, scope.get(), out_);
    if (list.is_unknown()) return false;
    if (!list.is_sequence()) {
      add_error(out_, written->value->range, "Invalid dynamic block label", "The labels must be a list of texts.");
      return false;
    }
    for (const Datum& item : list.items()) {
      const Result<Datum> label = convert(item, Kind::string);
      if (item.is_null() || !label) {
        add_error(out_, written->value->range, "Invalid dynamic block label", "Each label must be a text, and not null.");
        return false;
      }
      labels.push_back(Label{label->text(), written->value->range, true});
    }
    return true;
  }

  /// What one generated block costs of the budget: it stands for everything that is read from it.
  static constexpr std::int64_t blocks_cost = 100;

  /// A scope that keeps its parent alive.
  struct OwningScope : Scope {
    explicit OwningScope(ScopePtr outer) : Scope(outer.get()), parent(std::move(outer)) {}
    ScopePtr parent;
  };

  const FoundBlock& written_;
  const BlockSchema& target_;
  Content& content_;
  Diagnostics& out_;
};

void add_block(FoundBlock block, const Schema& schema, Content& content, Diagnostics& out) {
  if (block.type == "dynamic" && schema.allow_dynamic && !find_block(schema, "dynamic")) {
    if (block.labels.size() != 1) {
      add_error(out, block.header, "Missing name for dynamic", "A dynamic block needs one label: the type of the blocks to generate.");
      return;
    }
    const BlockSchema* target = find_block(schema, block.labels[0].text);
    if (!target) return refuse_block(block.labels[0].text, block.labels[0].range, schema, out);
    return Expansion(block, *target, content, out).run();
  }
  const BlockSchema* found = find_block(schema, block.type);
  if (!found) return refuse_block(block.type, block.type_range, schema, out);
  const Range missing_at = block.body.native ? Range{block.header.source, block.body.native->range.start, block.body.native->range.start} : block.header;
  Range brace = missing_at;
  if (block.body.native) ++brace.end.column, ++brace.end.byte;
  if (check_labels(*found, block.labels, brace, out)) content.blocks.push_back(std::move(block));
}

void read_native(const BodyView& body, const Schema& schema, Content& content, Diagnostics& out) {
  for (const Attribute& attribute : body.native->attributes) {
    if (!find_attribute(schema, attribute.name)) {
      refuse_attribute(attribute.name, attribute.name_range, schema, out);
      continue;
    }
    content.attributes.push_back(FoundAttribute{attribute.name, attribute.name_range, attribute.value.get(), body.scope});
  }
  for (const Block& block : body.native->blocks)
    add_block(FoundBlock{block.type, block.labels, block.type_range, block.header(), BodyView{&block.body, nullptr, body.scope}}, schema, content, out);
}

/// Objects of a JSON body: itself, or those of a list.
std::vector<const JsonNode*> json_objects(const JsonNode& node, Diagnostics& out) {
  std::vector<const JsonNode*> objects;
  if (node.kind == JsonNode::Kind::object) objects.push_back(&node);
  if (node.kind == JsonNode::Kind::list)
    for (const JsonNode& item : node.items)
      item.kind == JsonNode::Kind::object ? objects.push_back(&item) : add_error(out, item.range, "Incorrect JSON value type", "An object is required here, which represents a block.");
  if (node.kind != JsonNode::Kind::object && node.kind != JsonNode::Kind::list && node.kind != JsonNode::Kind::null)
    add_error(out, node.range, "Incorrect JSON value type", "Either an object or a list of objects is required here, which represents the content of a block.");
  return objects;
}

/// Walks the levels of labels, then adds one block an object.
void json_blocks(const BlockSchema& target, std::size_t level, FoundBlock block, const JsonNode& node, const Schema& schema, Content& content, Diagnostics& out) {
  if (level == target.labels.size()) {
    if (node.kind == JsonNode::Kind::null) return;
    if (node.kind == JsonNode::Kind::list) {
      for (const JsonNode& item : node.items) json_blocks(target, level, block, item, schema, content, out);
      return;
    }
    if (node.kind != JsonNode::Kind::object) {
      add_error(out, node.range, "Incorrect JSON value type", "Either an object or a list of objects is required here, which represents the content of a block.");
      return;
    }
    block.body.json = &node;
    return add_block(std::move(block), schema, content, out);
  }
  for (const JsonNode* object : json_objects(node, out)) {
    if (object->members.empty())
      add_error(out, object->range, text("Missing {} for {}", target.labels[level], target.type), text("At least one property is required here, whose name is the {} of the block.", target.labels[level]));
    for (const JsonNode::Member& member : object->members) {
      FoundBlock labelled = block;
      labelled.labels.push_back(Label{member.name, member.name_range, true});
      labelled.header.end = member.name_range.end;
      json_blocks(target, level + 1, std::move(labelled), member.value, schema, content, out);
    }
  }
}

void read_json(const BodyView& body, const Schema& schema, Content& content, Diagnostics& out) {
  const BlockSchema dynamic{"dynamic", {"block type"}};
  for (const JsonNode* object : json_objects(*body.json, out)) {
    for (const JsonNode::Member& member : object->members) {
      if (member.name == "//") continue;
      const BlockSchema* target = find_block(schema, member.name);
      if (!target && member.name == "dynamic" && schema.allow_dynamic) target = &dynamic;
      if (target) {
        json_blocks(*target, 0, FoundBlock{member.name, {}, member.name_range, member.name_range, BodyView{nullptr, nullptr, body.scope}}, member.value, schema, content, out);
      } else if (!find_attribute(schema, member.name)) {
        refuse_attribute(member.name, member.name_range, schema, out);
      } else if (content.find(member.name)) {
        add_error(out, member.name_range, "Duplicate argument", text("The argument \"{}\" was already set.", member.name));
      } else {
        content.attributes.push_back(FoundAttribute{member.name, member.name_range, &member.value.expression(out), body.scope});
      }
    }
  }
}

}  // namespace

Range BodyView::range() const { return native ? native->range : json ? json->range : Range{}; }

Range BodyView::missing_at() const {
  Range at = range();
  if (json) {  // the closing brace
    at.start = at.end;
    if (at.start.byte > 0) --at.start.byte, --at.start.column;
    return at;
  }
  at.end = at.start;
  return at;
}

const FoundAttribute* Content::find(std::string_view name) const {
  for (const FoundAttribute& attribute : attributes)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

Content read_content(const BodyView& body, const Schema& schema, Diagnostics& out) {
  Content content;
  if (body.native) read_native(body, schema, content, out);
  if (body.json) read_json(body, schema, content, out);
  for (const AttributeSchema& attribute : schema.attributes)
    if (attribute.required && !content.find(attribute.name))
      add_error(out, body.missing_at(), "Missing required argument", text("The argument \"{}\" is required, but no definition was found.", attribute.name));
  return content;
}

std::vector<FoundAttribute> read_attributes(const BodyView& body, Diagnostics& out) {
  std::vector<FoundAttribute> found;
  if (body.native) {
    for (const Attribute& a : body.native->attributes) found.push_back(FoundAttribute{a.name, a.name_range, a.value.get(), body.scope});
    for (const Block& block : body.native->blocks)
      add_error(out, block.type_range, text("Unexpected \"{}\" block", block.type), "Blocks are not allowed here.");
  }
  if (body.json)
    for (const JsonNode* object : json_objects(*body.json, out))
      for (const JsonNode::Member& member : object->members)
        if (member.name != "//") found.push_back(FoundAttribute{member.name, member.name_range, &member.value.expression(out), body.scope});
  return found;
}

}  // namespace drover::hcl
