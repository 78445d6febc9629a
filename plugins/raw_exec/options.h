#pragma once

#include <map>
#include <string>
#include <vector>

#include <drover/config.h>
#include <drover/result.h>

namespace drover::raw_exec {

/// The `config` block of a task.
struct Options {
  std::string command;
  std::vector<std::string> args;
  std::string cgroup_v2_override;
  std::map<std::string, std::string> cgroup_v1_override;
  int oom_score_adj = 0;
  std::string work_dir;
  std::vector<std::string> denied_envvars;

  static void describe(sdk::Fields<Options>& fields);
  Result<void> check() const;
};

/// The `config` block of the plugin.
struct PluginOptions {
  bool enabled = false;
  std::string denied_host_uids;
  std::string denied_host_gids;
  std::vector<std::string> denied_envvars;

  static void describe(sdk::Fields<PluginOptions>& fields);
};

}  // namespace drover::raw_exec
