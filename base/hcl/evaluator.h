#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/hcl/eval.h"

/// The evaluator's parts share this class: references, splats and constructors in eval.cc, operators and loops in
/// eval_operators.cc, calls and templates in eval_calls.cc.
namespace drover::hcl::detail {

/// Values nested deeper than this cost everything: they are walked by recursion.
constexpr int value_depth_max = 500;

class Evaluator {
 public:
  Evaluator(Budget& budget, Diagnostics& out) : budget_(budget), out_(&out) {}

  Datum value(const Expression& e, const Scope* scope);

 private:
  Datum of(const Literal& node, const Expression& e, const Scope* scope);
  Datum of(const Reference& node, const Expression& e, const Scope* scope);
  Datum of(const Access& node, const Expression& e, const Scope* scope);
  Datum of(const Index& node, const Expression& e, const Scope* scope);
  Datum of(const Splat& node, const Expression& e, const Scope* scope);
  Datum of(const Item& node, const Expression& e, const Scope* scope);
  Datum of(const Call& node, const Expression& e, const Scope* scope);
  Datum of(const Tuple& node, const Expression& e, const Scope* scope);
  Datum of(const Object& node, const Expression& e, const Scope* scope);
  Datum of(const For& node, const Expression& e, const Scope* scope);
  Datum of(const Conditional& node, const Expression& e, const Scope* scope);
  Datum of(const Binary& node, const Expression& e, const Scope* scope);
  Datum of(const Unary& node, const Expression& e, const Scope* scope);
  Datum of(const Parentheses& node, const Expression& e, const Scope* scope);
  Datum of(const Text& node, const Expression& e, const Scope* scope);
  Datum of(const Interpolation& node, const Expression& e, const Scope* scope);
  Datum of(const TextIf& node, const Expression& e, const Scope* scope);
  Datum of(const TextFor& node, const Expression& e, const Scope* scope);
  Datum of(const Template& node, const Expression& e, const Scope* scope);

  static const Datum* child(const Datum& from, const Step& step);
  Datum stepped(const Datum& from, const Step& step);
  Datum indexed(const Datum& from, const Datum& key, const Range& at);
  std::optional<std::string> object_key(const Expression& key, const Scope* scope, bool& failed);

  Datum arithmetic(const Binary& node, const Expression& e, const Datum& left, const Datum& right);
  Datum logic(const Binary& node, const Datum& left, const Datum& right);
  /// The operand as the type, known; nothing after an error or where it is unknown.
  std::optional<Datum> operand(const Datum& datum, const Type& type, const Range& at);
  std::optional<bool> condition(const Expression& e, const Scope* scope, const char* what);
  std::vector<std::pair<Datum, Datum>> elements(const Expression& from, const Scope* scope, bool& failed);
  Datum for_tuple(const For& node, const std::vector<std::pair<Datum, Datum>>& elements, const Scope* scope);
  Datum for_object(const For& node, const std::vector<std::pair<Datum, Datum>>& elements, const Scope* scope);
  static Scope loop_scope(const Scope* parent, const std::string& key_name, const std::string& value_name, const std::pair<Datum, Datum>& element);

  Datum try_first(const Call& node, const Scope* scope);
  Datum converted(const Call& node, const Scope* scope);
  std::optional<std::vector<Datum>> arguments(const Call& node, const Function& function, const Scope* scope);
  bool expand(const Call& node, std::vector<Datum>& values, std::vector<Range>& ranges);
  bool check_argument(const Call& node, const Parameter& parameter, Datum& value, const Range& at);
  /// Appends the text of a part of a template; false after an error or where it is unknown.
  bool append_text(std::string& text, const Datum& part, const Range& at);

  void error(const Range& at, std::string summary, std::string detail) { add_error(*out_, at, std::move(summary), std::move(detail)); }
  /// Counts what was made; false beyond the budget, after one error.
  bool spend(std::int64_t steps, const Range& at);
  static std::int64_t weight(const Datum& datum, int depth = 0);

  Budget& budget_;
  Diagnostics* out_;
  std::vector<Datum> items_;  ///< the elements of the splats around
};

}  // namespace drover::hcl::detail
