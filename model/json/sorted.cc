#include "model/json/sorted.h"

#include <algorithm>

#include "base/json/json.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

void sort_members(Value& value) {
  if (value.is_list()) {
    for (Value& item : value.items()) sort_members(item);
  }
  if (!value.is_map()) return;
  std::ranges::sort(value.members(), {}, &Value::Member::first);
  for (auto& [name, inner] : value.members()) sort_members(inner);
}

}  // namespace

std::string sorted_json(const std::string& text) {
  Result<Value> value = json::parse(text);
  if (!value) return text;
  sort_members(*value);
  return json::write(*value);
}

void sort_configurations(TaskGroup& group) {
  for (Task& task : *group.mutable_tasks()) {
    if (!task.config().empty()) task.set_config(sorted_json(task.config()));
  }
}

void sort_configurations(Job& job) {
  for (TaskGroup& group : *job.mutable_task_groups()) sort_configurations(group);
}

}  // namespace drover::model
