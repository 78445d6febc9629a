#include "cli/allocs_table.h"

#include "cli/output.h"

namespace drover::cli {

std::string allocs_table(const Context& context, const Value::List& allocs, AllocColumns columns) {
  if (allocs.empty()) return "No allocations placed";
  const bool whole = context.verbose(), more = whole && columns == AllocColumns::of_job;
  const Instant now = context.world.now();
  std::vector<std::vector<std::string>> rows = {{"ID", "Node ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
  if (more) rows[0] = {"ID", "Eval ID", "Node ID", "Node Name", "Task Group", "Version", "Desired", "Status", "Created", "Modified"};
  for (const Value& alloc : allocs) {
    std::vector<std::string> row = {short_id(text_of(alloc, "ID"), whole)};
    if (more) row.push_back(text_of(alloc, "EvalID"));
    row.push_back(short_id(text_of(alloc, "NodeID"), whole));
    if (more) row.push_back(text_of(alloc, "NodeName"));
    const Value& job = member_of(alloc, "Job");  // whole allocations have the job, stubs the number of its version
    row.push_back(text_of(alloc, "TaskGroup"));
    row.push_back(job.is_map() ? text_of(job, "Version") : text_of(alloc, "JobVersion"));
    for (const auto* key : {"DesiredStatus", "ClientStatus"}) row.push_back(text_of(alloc, key));
    for (const auto* key : {"CreateTime", "ModifyTime"}) row.push_back(more ? stamp(integer_of(alloc, key)) : ago(integer_of(alloc, key), now));
    rows.push_back(std::move(row));
  }
  return table(rows);
}

std::string failures_text(const Value& eval) {
  return text_of(eval, "Status") == "blocked" ? "N/A - In Progress" : map_of(eval, "FailedTGAllocs").empty() ? "false" : "true";
}

}  // namespace drover::cli
