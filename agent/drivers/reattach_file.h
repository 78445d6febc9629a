#pragma once

#include <drover/result.h>

#include <optional>
#include <string>

#include "sdk/host/plugin_process.h"

namespace drover::agent {

/// What finds a running plugin again after a restart of the agent.
struct ReattachRecord {
  host::Reattach plugin;
  std::string boot_id;  ///< of the machine's boot it runs in
  std::string setup;    ///< program file, arguments and configuration it was started with
  std::string driver;   ///< its name, once it is known: settings may stand under it

  friend bool operator==(const ReattachRecord&, const ReattachRecord&) = default;
};

/// One small file a plugin. A record that cannot be read is none: the plugin is launched anew.
std::optional<ReattachRecord> read_reattach_file(const std::string& path);
Result<void> write_reattach_file(const std::string& path, const ReattachRecord& record);
void remove_reattach_file(const std::string& path);

/// The identity of a program file: changes when it is replaced.
std::string file_identity(const std::string& path);

}  // namespace drover::agent
