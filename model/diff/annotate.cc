#include <algorithm>

#include "model/diff/job_diff.h"
#include "model/diff/parts.h"
#include "model/proto/evaluation.pb.h"

namespace drover::model {
namespace {

constexpr const char* forces_create = "forces create";
constexpr const char* forces_destroy = "forces destroy";
constexpr const char* forces_inplace = "forces in-place update";
constexpr const char* forces_replacement = "forces create/destroy update";

void note_updates(TaskGroupDiff& group, const DesiredUpdates& updates) {
  const std::pair<const char*, std::uint64_t> counts[] = {{"ignore", updates.ignore()},
                                                          {"create", updates.place()},
                                                          {"migrate", updates.migrate()},
                                                          {"destroy", updates.stop()},
                                                          {"canary", updates.canary()},
                                                          {"in-place update", updates.in_place_update()},
                                                          {"create/destroy update", updates.destructive_update()}};
  for (const auto& [name, count] : counts) {
    if (count > 0) (*group.mutable_updates())[name] = count;
  }
}

void annotate_count(TaskGroupDiff& group) {
  for (FieldDiff& field : *group.mutable_fields()) {
    if (field.name() != "Count") continue;
    const auto number = [](const std::string& text) { return text.empty() ? 0LL : std::atoll(text.c_str()); };
    const long long before = number(field.old());
    const long long after = number(field.new_());
    if (before < after) field.add_annotations(forces_create);
    if (before > after) field.add_annotations(forces_destroy);
  }
}

bool replaces(const ObjectDiff& object) {
  constexpr std::string_view mild[] = {"Service", "Constraint", "Affinity", "Spread"};
  return std::ranges::find(mild, object.name()) == std::end(mild);
}

void annotate_task(TaskDiff& task, const std::string& group_type) {
  if (task.type() == diff::none) return;
  if (group_type == diff::added || group_type == diff::deleted) {
    task.add_annotations(group_type == diff::added ? forces_create : forces_destroy);
    return;
  }
  if (task.type() == diff::added || task.type() == diff::deleted) {
    task.add_annotations(forces_replacement);
    return;
  }
  const bool by_field = std::ranges::any_of(task.fields(), [](const FieldDiff& field) { return field.name() != "KillTimeout"; });
  const bool by_object = std::ranges::any_of(task.objects(), replaces);
  task.add_annotations(by_field || by_object ? forces_replacement : forces_inplace);
}

}  // namespace

void annotate(JobDiff& diff, const PlanAnnotations& plan) {
  for (TaskGroupDiff& group : *diff.mutable_task_groups()) {
    const auto updates = plan.desired_tg_updates().find(group.name());
    if (updates != plan.desired_tg_updates().end()) note_updates(group, updates->second);
    annotate_count(group);
    for (TaskDiff& task : *group.mutable_tasks()) annotate_task(task, group.type());
  }
}

}  // namespace drover::model
