#pragma once

#include <functional>
#include <optional>
#include <string>

#include <drover/result.h>

#include "plugins/docker/image_ref.h"
#include "plugins/docker/options.h"

/// Credentials for registries.
namespace drover::docker {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  ///< instead of a password
  std::string server_address;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// What looking them up needs of the world.
struct CredentialSources {
  std::function<Result<std::string>(const std::string& path)> read_file;
  /// Runs docker-credential-NAME get with the registry on its standard input; gives what it prints.
  std::function<Result<std::string>(const std::string& name, const std::string& registry)> run_helper;
};
CredentialSources host_sources();

/// The task's own, else those of the configured file, else those of the configured helper; none when nothing is configured
/// for the registry. The first that has something to say, good or bad, is the last that is asked.
Result<std::optional<Credentials>> find_credentials(const ImageRef& image, const std::optional<AuthOptions>& of_task,
                                                    const std::optional<RegistryOptions>& of_plugin, const CredentialSources& sources);

/// The value of the header X-Registry-Auth.
std::string registry_auth(const Credentials& credentials);

/// What a helper prints.
Result<Credentials> parse_helper_output(const std::string& output, const std::string& registry);

}  // namespace drover::docker
