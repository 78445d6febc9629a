#pragma once

#include <string>

#include "model/fwd.h"

/// The steps of canonicalize() for what is inside a group. Only for model/canonicalize*.cc.
namespace drover::model {

struct TaskContext {
  const std::string& job;
  const std::string& group;
  const RestartPolicy& restart;  ///< the group's, complete
};

void canonicalize_task(Task& task, const TaskContext& context);
void canonicalize_resources(Resources& resources);
void canonicalize_affinity(Affinity& affinity);
/// `task` is "" for a service of the group.
void canonicalize_service(Service& service, const std::string& job, const std::string& group, const std::string& task);

}  // namespace drover::model
