#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/hcl/ast.h"
#include "base/hcl/datum.h"
#include "base/hcl/diagnostic.h"
#include "base/hcl/function.h"

namespace drover::hcl {

/// How much one text may compute, all its expressions together: elements and pieces of text made. A text beyond it is
/// refused, so that a loop within loops cannot stop whoever reads it.
constexpr std::int64_t evaluation_steps_max = 5'000'000;
struct Budget {
  std::int64_t left = evaluation_steps_max;
};

/// The names that an expression sees: its own, then its parent's. Parents, functions and budget outlive it.
class Scope {
 public:
  explicit Scope(const Scope* parent = nullptr) : parent_(parent) {}

  void set(std::string name, Datum value) { variables_.insert_or_assign(std::move(name), std::move(value)); }
  void use(const Functions& functions) { functions_ = &functions; }
  void use(Budget& budget) { budget_ = &budget; }
  /// References whose first name is unknown are kept as the text "${…}" instead of failing: they mean something later,
  /// where the task runs.
  void keep_unknown_references() { keeps_unknown_ = true; }

  const Datum* find(std::string_view name) const;
  const Functions* functions() const;
  Budget* budget() const;
  bool keeps_unknown() const;
  /// Every name that can be seen, for suggestions.
  std::vector<std::string_view> names() const;

 private:
  const Scope* parent_;
  const Functions* functions_ = nullptr;
  Budget* budget_ = nullptr;
  bool keeps_unknown_ = false;
  std::map<std::string, Datum, std::less<>> variables_;
};

/// The value of an expression. Where a part of it fails, an error is added and the value is unknown; what depends on an
/// unknown value adds no further error. Without a scope neither variables nor functions are allowed.
Datum evaluate(const Expression& expression, const Scope* scope, Diagnostics& out);

/// What `list(string)`, `object({a = number})` and so on stand for. With `constraint`, `any` and `optional(…)` are
/// allowed. Nothing after an error.
std::optional<Type> evaluate_type(const Expression& expression, bool constraint, Diagnostics& out);

/// Adds the references of an expression, those within it too, in the order of the text.
void collect_references(const Expression& expression, std::vector<const Expression*>& out);

}  // namespace drover::hcl
