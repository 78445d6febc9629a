#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/loop/time.h"

namespace drover::agent {

/// How this agent is set up; `main` fills it from the configuration file and the flags.
struct Settings {
  std::string name;  ///< "" = the host's name
  std::string region = "global";
  std::string datacenter = "dc1";
  std::string node_class;
  std::string node_pool = "default";
  std::map<std::string, std::string> meta;
  std::string http_address;  ///< host:port that the node advertises
  bool tls_enabled = false;
  std::string version;  ///< of drover
  std::string revision;
  std::string nomad_version = "2.0.5";  ///< whose behaviour jobs may rely on (attribute nomad.version)

  std::string alloc_dir;           ///< absolute
  std::string network_interface;   ///< "" = the one with the default route, else loopback
  std::int64_t network_speed = 0;  ///< 0 = what the host says
  std::int64_t cpu_total_compute = 0;
  std::int64_t memory_total_mb = 0;
  std::int64_t disk_total_mb = 0;
  std::int64_t reserved_cpu = 0;
  std::int64_t reserved_memory_mb = 0;
  std::int64_t reserved_disk_mb = 0;
  std::string reserved_ports;
  std::int64_t min_dynamic_port = 20000;
  std::int64_t max_dynamic_port = 32000;
  std::int64_t node_max_allocs = 0;
  Duration max_kill_timeout = 30s;
  Duration gc_interval = 1min;
  std::int64_t gc_max_allocs = 50;

  /// Of the agent's own environment, what tasks of drivers without an image get: an allow-list of names.
  std::map<std::string, std::string> task_base_env;
};

}  // namespace drover::agent
