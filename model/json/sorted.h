#pragma once

#include <string>

namespace drover::model {
class Job;
class TaskGroup;

/// Members of an object have no order: what differs in that alone is the same. Pure, any thread.

/// The same JSON text with the members of all its objects in order of their names; what is no JSON stays as it is.
std::string sorted_json(const std::string& text);

/// That, in all that users write freely: configurations of drivers.
void sort_configurations(Job& job);
void sort_configurations(TaskGroup& group);

}  // namespace drover::model
