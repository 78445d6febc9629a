#pragma once

#include <string>
#include <vector>

#include <drover/process.h>
#include <drover/result.h>

#include "base/cgroup/cgroup.h"
#include "sdk/shim/spec_file.h"

/// From what an author asks for to what a shim is told.
namespace drover::sdk::shim {

/// The groups of a process: those it is born in, and those among them that we own (may kill and remove).
struct Placement {
  cgroup::Group group;   ///< owned, or empty
  std::string path;      ///< of the owned group
  cgroup::Group guests;  ///< existing groups of somebody else
  bool owned = false;
  std::vector<std::string> warnings;
};

/// Creates and limits the groups.
Result<Placement> place(const cgroup::Hierarchy& host, const ProcessSpec& spec);

/// The same groups, found again in a spec that was written.
Placement placement_of(const SpecEntries& entries);

/// Absolute path of the command: `not_found` and `denied` name what was tried.
Result<std::string> find_command(const ProcessSpec& spec);

struct UserIds {
  bool change = false;
  unsigned uid = 0;
  unsigned gid = 0;
  std::vector<unsigned> groups;
  std::string name, home;
};

/// Looks up user and group; with neither, nothing changes.
Result<UserIds> find_user(const std::string& user, const std::string& group);

/// The spec file of a task.
Result<SpecText> write_spec(const ProcessSpec& spec, const Placement& placement);

/// The spec of a command beside the task: its surroundings, another program, no record.
Result<SpecText> exec_spec(const SpecEntries& task, const ExecSpec& exec);

}  // namespace drover::sdk::shim
