#pragma once

#include <drover/task_config.h>

#include "plugins/docker/engine.h"
#include "plugins/docker/options.h"

namespace drover::docker {

sdk::Fingerprint engine_found(const EngineFacts& facts, const PluginOptions& options);

/// Why there is no engine, in one sentence. An engine that was `seen` before is unhealthy, else there is none.
sdk::Fingerprint engine_missing(const Error& error, const Endpoint& endpoint, bool seen);

}  // namespace drover::docker
