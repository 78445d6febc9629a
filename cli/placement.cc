#include "cli/placement.h"

#include <fmt/format.h>

#include "cli/output.h"

namespace drover::cli {

std::vector<std::string> placement_reasons(const Value& metric) {
  std::vector<std::string> lines;
  if (integer_of(metric, "NodesEvaluated") == 0) lines.emplace_back("No nodes were eligible for evaluation");
  for (const auto& [dc, nodes] : map_of(metric, "NodesAvailable")) {
    if (nodes.is_integer() && nodes.integer() == 0) lines.push_back(fmt::format("No nodes are available in datacenter \"{}\"", dc));
  }
  auto each = [&](std::string_view key, auto say) {
    for (const auto& [name, nodes] : map_of(metric, key)) lines.push_back(say(name, nodes.is_integer() ? nodes.integer() : 0));
  };
  each("ClassFiltered", [](const auto& name, auto nodes) { return fmt::format("Class \"{}\": {} nodes excluded by filter", name, nodes); });
  each("ConstraintFiltered", [](const auto& name, auto nodes) { return fmt::format("Constraint \"{}\": {} nodes excluded by filter", name, nodes); });
  if (const auto exhausted = integer_of(metric, "NodesExhausted"); exhausted > 0) lines.push_back(fmt::format("Resources exhausted on {} nodes", exhausted));
  each("ClassExhausted", [](const auto& name, auto nodes) { return fmt::format("Class \"{}\" exhausted on {} nodes", name, nodes); });
  each("DimensionExhausted", [](const auto& name, auto nodes) { return fmt::format("Dimension \"{}\" exhausted on {} nodes", name, nodes); });
  return lines;
}

std::string failed_group(const std::string& group, const Value& metric, std::size_t indent) {
  const std::string blanks(indent, ' ');
  const auto count = integer_of(metric, "CoalescedFailures") + 1;
  std::string text = fmt::format("{}Task Group \"{}\" (failed to place {} allocation{}):", blanks, group, count, count == 1 ? "" : "s");
  for (const std::string& reason : placement_reasons(metric)) text += "\n" + blanks + "  * " + reason;
  return text;
}

}  // namespace drover::cli
