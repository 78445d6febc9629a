#pragma once

#include <string>

#include "base/loop/time.h"

namespace drover::agent {

/// A duration as Nomad's texts write it: "0s", "250ms", "16.957s", "1m0s", "30m0s", "24h0m0s".
std::string go_duration(Duration duration);

}  // namespace drover::agent
