#include "plugins/docker/fingerprint.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace drover::docker {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

}  // namespace

sdk::Fingerprint engine_found(const EngineFacts& facts, const PluginOptions& options) {
  sdk::Fingerprint found;
  const auto set = [&found](const char* name, const std::string& value) {
    if (!value.empty()) found.attributes["driver.docker." + std::string(name)] = value;
  };
  found.attributes["driver.docker"] = true;
  set("version", facts.version);
  set("api_version", facts.api_version);
  set("os_type", facts.os_type);
  set("bridge_ip", facts.bridge_ip);
  set("runtimes", joined(facts.runtimes));
  set("cgroup_version", facts.cgroup_version);
  set("cgroup_driver", facts.cgroup_driver);
  set("storage_driver", facts.storage_driver);
  if (options.allow_privileged) found.attributes["driver.docker.privileged.enabled"] = true;
  if (options.volumes.enabled) found.attributes["driver.docker.volumes.enabled"] = true;
  if (options.pids_limit > 0) found.attributes["driver.docker.pids.limit"] = options.pids_limit;
  if (facts.live_restore) found.attributes["driver.docker.live_restore"] = true;
  if (facts.rootless) found.attributes["driver.docker.rootless"] = true;
  if (const auto memory = facts.limits.find("MemoryLimit"); memory != facts.limits.end() && !memory->second) {
    found.health = sdk::Health::unhealthy;
    found.description = "the docker engine cannot limit memory: the memory controller of its control groups is missing";
  }
  return found;
}

sdk::Fingerprint engine_missing(const Error& error, const Endpoint& endpoint, bool seen) {
  if (error.code == Code::unsupported) return sdk::Fingerprint::unhealthy(error.message);
  std::string why = error.message;
  const std::string& socket = endpoint.socket_path;
  if (!socket.empty() && ::access(socket.c_str(), F_OK) != 0) {
    why = "no docker engine: " + socket + " does not exist";
  } else if (!socket.empty() && ::access(socket.c_str(), R_OK | W_OK) != 0) {
    why = "the docker socket " + socket + " may not be used: " + std::strerror(errno);
  }
  return seen ? sdk::Fingerprint::unhealthy(why) : sdk::Fingerprint::undetected(why);
}

}  // namespace drover::docker
