#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hcl/ast.h"
#include "base/hcl/diagnostic.h"
#include "base/hcl/eval.h"
#include "base/hcl/json_body.h"

/// What a body holds, checked against what it may hold: one view for native text, JSON, and blocks that a `dynamic`
/// block generates.
namespace drover::hcl {

using ScopePtr = std::shared_ptr<const Scope>;

/// A body and the scope that its expressions are evaluated in. The file outlives it.
struct BodyView {
  const Body* native = nullptr;
  const JsonNode* json = nullptr;
  ScopePtr scope;

  Range range() const;
  /// Where an argument that is missing would have to be.
  Range missing_at() const;
};

struct FoundAttribute {
  std::string name;
  Range name_range;
  const Expression* value = nullptr;
  ScopePtr scope;

  Datum evaluate(Diagnostics& out) const { return hcl::evaluate(*value, scope.get(), out); }
};

struct FoundBlock {
  std::string type;
  std::vector<Label> labels;
  Range type_range;
  Range header;
  BodyView body;
};

struct AttributeSchema {
  std::string_view name;
  bool required = false;
};
struct BlockSchema {
  std::string_view type;
  std::vector<std::string_view> labels;  ///< what each label means, for messages
};
struct Schema {
  std::vector<AttributeSchema> attributes;
  std::vector<BlockSchema> blocks;
  bool allow_dynamic = true;  ///< expand `dynamic "type"` blocks
};

struct Content {
  std::vector<FoundAttribute> attributes;
  std::vector<FoundBlock> blocks;

  const FoundAttribute* find(std::string_view name) const;
};

/// Everything in the body, in the order of the text. What the schema does not allow, and what it requires and is
/// missing, is an error each.
Content read_content(const BodyView& body, const Schema& schema, Diagnostics& out);

/// The attributes of a body that may hold any, but no blocks.
std::vector<FoundAttribute> read_attributes(const BodyView& body, Diagnostics& out);

}  // namespace drover::hcl
