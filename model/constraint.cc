#include "model/constraint.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <re2/re2.h>

#include "model/proto/constraint.pb.h"
#include "model/proto/node.pb.h"
#include "model/version.h"

namespace drover::model {
namespace {

constexpr int regexp_memory_max = 1 << 20;  ///< bytes a compiled expression may use

enum class Operator : std::uint8_t {
  equal, not_equal, less, less_equal, greater, greater_equal,
  regexp, version, semver, set_contains, set_contains_any, is_set, is_not_set, distinct, unknown,
};

struct OperatorName {
  std::string_view text;
  Operator op;
};
constexpr OperatorName operator_names[] = {
    {"=", Operator::equal},
    {"==", Operator::equal},
    {"is", Operator::equal},
    {"!=", Operator::not_equal},
    {"not", Operator::not_equal},
    {"<", Operator::less},
    {"<=", Operator::less_equal},
    {">", Operator::greater},
    {">=", Operator::greater_equal},
    {"regexp", Operator::regexp},
    {"version", Operator::version},
    {"semver", Operator::semver},
    {"set_contains", Operator::set_contains},
    {"set_contains_all", Operator::set_contains},
    {"set_contains_any", Operator::set_contains_any},
    {"is_set", Operator::is_set},
    {"is_not_set", Operator::is_not_set},
    {"distinct_hosts", Operator::distinct},
    {"distinct_property", Operator::distinct},
};

Operator operator_of(std::string_view text) {
  const auto* found = std::ranges::find(operator_names, text, &OperatorName::text);
  return found == std::end(operator_names) ? Operator::unknown : found->op;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = " \t\r\n";
  const auto from = text.find_first_not_of(blank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  for (;;) {
    const auto comma = list.find(',');
    items.emplace_back(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

template <class T>
bool ordered(Operator op, const T& left, const T& right) {
  switch (op) {
    case Operator::less: return left < right;
    case Operator::less_equal: return left <= right;
    case Operator::greater: return left > right;
    default: return left >= right;
  }
}

/// As integers if both are, else as numbers, else as text.
bool in_order(Operator op, std::string_view left, std::string_view right) {
  if (const auto a = number<std::int64_t>(left), b = number<std::int64_t>(right); a && b) return ordered(op, *a, *b);
  if (const auto a = number<double>(left), b = number<double>(right); a && b) return ordered(op, *a, *b);
  return ordered(op, left, right);
}

RE2::Options regexp_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(regexp_memory_max);
  return options;
}

}  // namespace

struct Condition::Prepared {
  Operator op;
  std::unique_ptr<RE2> regexp;
  std::optional<VersionConditions> versions;
  std::vector<std::string> items;

  Prepared(Operator kind, std::string_view right) : op(kind) {
    const auto dialect = kind == Operator::semver ? VersionDialect::strict : VersionDialect::loose;
    if (kind == Operator::regexp) regexp = std::make_unique<RE2>(re2::StringPiece(right.data(), right.size()), regexp_options());
    if (kind == Operator::version || kind == Operator::semver) versions = VersionConditions::parse(right, dialect);
    if (kind == Operator::set_contains || kind == Operator::set_contains_any) items = items_of(right);
  }

  bool holds_for(std::string_view left) const {
    switch (op) {
      case Operator::regexp:
        return regexp->ok() && RE2::PartialMatch(re2::StringPiece(left.data(), left.size()), *regexp);
      case Operator::version:
      case Operator::semver: {
        // Nodes may write their versions as they like; only the condition has to follow the dialect.
        const auto version = Version::parse(left, VersionDialect::loose);
        return version && versions && versions->hold_for(*version);
      }
      default: break;
    }
    const auto have = items_of(left);
    const auto contained = [&have](const std::string& item) { return std::ranges::find(have, item) != have.end(); };
    return op == Operator::set_contains ? std::ranges::all_of(items, contained) : std::ranges::any_of(items, contained);
  }
};

std::optional<std::string> resolve_target(std::string_view target, const Node& node) {
  if (!target.starts_with("${")) return std::string(target);
  if (target.back() != '}') return {};
  const auto name = target.substr(2, target.size() - 3);
  const auto in = [](const auto& map, std::string_view key) -> std::optional<std::string> {
    const auto found = map.find(std::string(key));
    if (found == map.end()) return {};
    return found->second;
  };
  if (name == "node.unique.id") return node.id();
  if (name == "node.unique.name") return node.name();
  if (name == "node.datacenter") return node.datacenter();
  if (name == "node.class") return node.node_class();
  if (name == "node.pool") return node.node_pool();
  if (name.starts_with("attr.")) return in(node.attributes(), name.substr(5));
  if (name.starts_with("meta.")) return in(node.meta(), name.substr(5));
  return {};
}

Condition::Condition(std::string_view l_target, std::string_view operand, std::string_view r_target)
    : l_target_(l_target), operand_(operand), r_target_(r_target),
      prepared_(std::make_shared<Prepared>(operator_of(operand), r_target)) {}

Condition::Condition(const Constraint& constraint)
    : Condition(constraint.l_target(), constraint.operand(), constraint.r_target()) {}

Condition::Condition(const Affinity& affinity) : Condition(affinity.l_target(), affinity.operand(), affinity.r_target()) {}

bool Condition::holds_on(const Node& node) const { return holds(resolve_target(l_target_, node), resolve_target(r_target_, node)); }

bool Condition::holds(std::optional<std::string_view> left, std::optional<std::string_view> right) const {
  switch (prepared_->op) {
    case Operator::distinct: return true;
    case Operator::unknown: return false;
    case Operator::is_set: return left.has_value();
    case Operator::is_not_set: return !left.has_value();
    // What is missing differs from any value, but two missing ones are the same.
    case Operator::not_equal: return left.value_or("") != right.value_or("");
    default: break;
  }
  if (!left || !right) return false;
  switch (prepared_->op) {
    case Operator::equal: return *left == *right;
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal: return in_order(prepared_->op, *left, *right);
    default: break;
  }
  if (*right == r_target_) return prepared_->holds_for(*left);
  return Prepared(prepared_->op, *right).holds_for(*left);
}

std::string Condition::text() const {
  std::string out = l_target_;
  if (!out.empty()) out += ' ';
  return out + operand_ + ' ' + r_target_;
}

ConstraintKind kind_of(const Constraint& constraint) {
  if (constraint.operand() == "distinct_hosts") return ConstraintKind::distinct_hosts;
  if (constraint.operand() == "distinct_property") return ConstraintKind::distinct_property;
  return ConstraintKind::node;
}

bool is_on(const Constraint& distinct_hosts) {
  static constexpr std::string_view off[] = {"0", "f", "F", "false", "FALSE", "False"};
  return std::ranges::find(off, distinct_hosts.r_target()) == std::end(off);
}

std::uint64_t property_limit(const Constraint& distinct_property) {
  return number<std::uint64_t>(distinct_property.r_target()).value_or(1);
}

bool escapes_class(const Constraint& constraint) {
  static constexpr std::string_view unique[] = {"${unique.", "${node.unique.", "${attr.unique.", "${meta.unique."};
  return std::ranges::any_of(unique, [&constraint](std::string_view prefix) {
    return constraint.l_target().starts_with(prefix) || constraint.r_target().starts_with(prefix);
  });
}

namespace {

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

void add_attribute_problems(const std::string& attribute, std::vector<std::string>& problems) {
  if (attribute.empty()) {
    problems.push_back("no attribute provided but is required by operator");
    return;
  }
  if (attribute.front() != '$') return;
  if (!attribute.starts_with("${")) {
    problems.push_back("attribute " + quoted(attribute) + " is missing an opening brace");
    return;
  }
  if (attribute.back() != '}') {
    problems.push_back("attribute " + quoted(attribute) + " is missing a closing brace");
    return;
  }
  static constexpr std::string_view whole[] = {"${node.unique.id}", "${node.datacenter}", "${node.unique.name}", "${node.class}",
                                               "${node.pool}"};
  static constexpr std::string_view prefixes[] = {"${attr.", "${meta.", "${device."};
  const bool known = std::ranges::find(whole, attribute) != std::end(whole) ||
                     std::ranges::any_of(prefixes, [&](std::string_view prefix) { return attribute.starts_with(prefix); });
  if (!known) problems.push_back("unsupported attribute " + quoted(attribute));
}

void add_property_problems(const std::string& limit, std::vector<std::string>& problems) {
  if (limit.empty()) return;
  const auto count = number<std::uint64_t>(limit);
  if (!count) {
    problems.push_back("Failed to convert RTarget " + quoted(limit) + " to uint64: strconv.ParseUint: parsing " + quoted(limit) +
                       ": invalid syntax");
  } else if (*count < 1) {
    problems.push_back("Distinct Property must have an allowed count of 1 or greater: " + limit + " < 1");
  }
}

/// The names that Go's compiler of expressions gives to the faults that people make.
std::string regexp_fault(const RE2& regexp) {
  switch (regexp.error_code()) {
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    default: return regexp.error();
  }
}

}  // namespace

std::vector<std::string> problems_of(const Constraint& constraint) {
  std::vector<std::string> problems;
  const std::string& operand = constraint.operand();
  const std::string& right = constraint.r_target();
  if (operand.empty()) problems.push_back("Missing constraint operand");
  bool needs_attribute = true;
  switch (operator_of(operand)) {
    case Operator::equal:
    case Operator::not_equal:
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal:
      if (right.empty()) problems.push_back("Operator " + quoted(operand) + " requires an RTarget");
      break;
    case Operator::regexp: {
      const RE2 regexp(right, regexp_options());
      if (!regexp.ok()) {
        problems.push_back("Regular expression failed to compile: error parsing regexp: " + regexp_fault(regexp) + ": `" + right + "`");
      }
      break;
    }
    case Operator::version:
      if (!VersionConditions::parse(right, VersionDialect::loose)) {
        problems.push_back("Version constraint is invalid: malformed constraint: " + right);
      }
      break;
    case Operator::semver:
      if (!VersionConditions::parse(right, VersionDialect::strict)) {
        problems.push_back("Semver constraint is invalid: Malformed constraint: " + right);
      }
      break;
    case Operator::set_contains:
    case Operator::set_contains_any:
      if (right.empty()) problems.push_back("Set contains constraint requires an RTarget");
      break;
    case Operator::is_set:
    case Operator::is_not_set:
      if (!right.empty()) problems.push_back("Operator " + quoted(operand) + " does not support an RTarget");
      break;
    case Operator::distinct:
      if (operand == "distinct_hosts") needs_attribute = false;
      if (operand == "distinct_property") add_property_problems(right, problems);
      break;
    case Operator::unknown: problems.push_back("Unknown constraint type " + quoted(operand)); break;
  }
  if (needs_attribute) add_attribute_problems(constraint.l_target(), problems);
  return problems;
}

}  // namespace drover::model
