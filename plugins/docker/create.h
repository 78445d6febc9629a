#pragma once

#include <set>
#include <string>
#include <vector>

#include <drover/result.h>
#include <drover/task_config.h>

#include "plugins/docker/engine.h"
#include "plugins/docker/options.h"

/// What a task becomes: the request that creates its container. Decisions over values alone, but for links in paths and
/// the profile of `security_opt`, which are looked up on the host.
namespace drover::docker {

constexpr std::string_view alloc_label = "com.hashicorp.nomad.alloc_id";
constexpr std::string_view task_label = "io.drover.task_id";
constexpr std::string_view node_label = "io.drover.node_id";

struct CreateInput {
  const sdk::TaskConfig& task;
  const Options& options;
  const PluginOptions& plugin;
  const EngineFacts& engine;
  std::string image;  ///< id of the image
  std::uint64_t node_mhz = 0;
  unsigned cpus = 1;
};

/// "<task>-<alloc id>", unique on the engine.
std::string container_name(const sdk::TaskConfig& task);

/// Refuses what the plugin's options do not allow, before anything is pulled or made.
Result<void> check_allowed(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin);

/// The body of POST /containers/create.
Result<std::string> create_body(const CreateInput& input);

// The parts of it, for themselves.

struct MemoryLimits {
  std::int64_t limit = 0;        ///< bytes, 0 = none
  std::int64_t reservation = 0;  ///< bytes, 0 = none
};
Result<MemoryLimits> memory_limits(const sdk::Resources& resources, std::int64_t hard_limit_mb);
std::int64_t cpu_shares(std::int64_t mhz, std::uint64_t node_mhz);

/// "name=value", "name=soft" or "soft:hard" → the engine's list.
struct Ulimit {
  std::string name;
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};
Result<std::vector<Ulimit>> ulimits(const Texts& options);

struct Capabilities {
  std::vector<std::string> add;
  std::vector<std::string> drop;
};
Result<Capabilities> capabilities(const Options& options, const PluginOptions& plugin);

struct Publish {
  int container_port = 0;
  int host_port = 0;
  std::string host_ip;
};
/// The ports to publish, and the variables that change with them.
struct Ports {
  std::vector<Publish> publish;
  Texts env;
};
Result<Ports> published_ports(const sdk::TaskConfig& task, const Options& options);

/// "source:target[:mode]" with the source made absolute and judged.
/// Links are followed where only the allocation's own files may be mounted.
Result<std::vector<std::string>> binds(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin);
Result<std::string> mount_source(const sdk::TaskConfig& task, const MountOptions& mount, const PluginOptions& plugin);

}  // namespace drover::docker
