#pragma once

#include <cstdint>

#include "model/fwd.h"

/// Comparing what jobs ask for. Pure, any thread. Jobs are in stored form (complete_for_store()).
namespace drover::model {

/// Whether two jobs are the same specification: what changes by itself (status, version, indexes, times, stability)
/// does not count. Registering the same again makes no new version.
bool same_spec(const Job& a, const Job& b);

/// Whether the job only stands for others: it is launched by its schedule, or dispatched with parameters. What is
/// dispatched keeps its parent's parameters, but runs.
bool is_periodic(const Job& job);
bool is_parameterized(const Job& job);
/// Whether its schedule launches it.
bool is_launched(const Job& job);

enum class GroupChange : std::uint8_t {
  none,         ///< allocations need not be touched
  in_place,     ///< the agent learns the new version, tasks run on
  destructive,  ///< tasks have to be started anew
};

/// What going from one version of a job to another means for the allocations of a group that both have.
GroupChange change_of(const Job& before, const Job& after, const TaskGroup& old_group, const TaskGroup& new_group);

}  // namespace drover::model
