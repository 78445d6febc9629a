#pragma once

#include <string>

#include <drover/result.h>

namespace drover::docker {

/// Runs `docker-credential-NAME get`, found in our PATH, with `registry` on its standard input; gives what it prints.
/// `timeout` after half a minute: it is killed then.
Result<std::string> run_credential_helper(const std::string& name, const std::string& registry);

}  // namespace drover::docker
