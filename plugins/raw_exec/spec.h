#pragma once

#include <string>
#include <string_view>

#include <drover/process.h>
#include <drover/result.h>
#include <drover/task_config.h>

#include "plugins/raw_exec/options.h"

/// What a task of raw_exec becomes: decisions over values alone.
namespace drover::raw_exec {

/// The host as far as it matters.
struct Host {
  sdk::CgroupLayout cgroups = sdk::CgroupLayout::none;
  std::string cgroup_root = "/sys/fs/cgroup";
  std::string path;  ///< our own PATH: where commands are looked for last
};

sdk::ProcessSpec make_spec(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin, const Host& host);

/// The folder that the states of all starts of a task are kept in; the task is never given it.
std::string states_dir(const sdk::TaskConfig& task);

/// '*' stands for any text; everything else for itself.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace drover::raw_exec
