#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include <drover/result.h>

#include "model/fwd.h"

/// The steps of validate(). Only for model/validate*.cc.
namespace drover::model {

/// Collected sentences; a list of them reads as clients know it.
class Problems {
 public:
  template <class... Args>
  void add(std::string_view format, const Args&... args) {
    list_.push_back(drover::text(format, args...));
  }
  /// What is inside, under one heading; nothing when there is nothing inside.
  void add_within(std::string_view heading, const Problems& inner);
  void add_all(const Problems& other) { list_.insert(list_.end(), other.list_.begin(), other.list_.end()); }

  bool empty() const { return list_.empty(); }
  std::vector<std::string> take() { return std::move(list_); }
  std::string text() const { return text_of(list_); }
  static std::string text_of(const std::vector<std::string>& list);

 private:
  std::vector<std::string> list_;
};

Problems problems_of(const Task& task, const TaskGroup& group, const Job& job);
Problems problems_of_services(const TaskGroup& group);
Problems problems_of_services(const Task& task, const TaskGroup& group);
Problems problems_of_networks(const TaskGroup& group);
/// What breaks the rules of the service mesh; the first is said of the job, the second of its service.
Problems problems_of_mesh(const TaskGroup& group);
Problems problems_of_connect(const Service& service);
/// Whether a proxy of the mesh would run beside the group's tasks, as one of them.
bool has_proxy(const TaskGroup& group);
Problems problems_of_volumes(const TaskGroup& group, const Job& job);

Problems problems_of(const RestartPolicy& policy);
Problems problems_of(const ReschedulePolicy& policy);
Problems problems_of(const UpdateStrategy& update);
Problems problems_of(const MigrateStrategy& migrate);

void add_constraint_problems(const google::protobuf::RepeatedPtrField<Constraint>& constraints, Problems& problems);
void add_affinity_problems(const google::protobuf::RepeatedPtrField<Affinity>& affinities, Problems& problems);
void add_spread_problems(const google::protobuf::RepeatedPtrField<Spread>& spreads, Problems& problems);

/// What has no effect any more, or is insecure, each under the group and task it belongs to.
Problems warnings_within_groups(const Job& job);

/// Whether a path inside the task's folder stays inside.
bool escapes(std::string_view path);

}  // namespace drover::model
