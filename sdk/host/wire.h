#pragma once

#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"

/// The messages of the driver protocol, for those who call drivers.
namespace drover::host {

namespace base_wire = hashicorp::nomad::plugins::base::proto;
namespace driver_wire = hashicorp::nomad::plugins::drivers::proto;

}  // namespace drover::host
