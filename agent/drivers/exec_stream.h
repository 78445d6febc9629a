#pragma once

#include <memory>

#include "agent/drivers/drivers.h"
#include "sdk/host/driver_client.h"

namespace drover::agent {

/// A driver's exec stream as the agent sees it. The event `exited` is the last one.
std::unique_ptr<ExecSession> make_exec_session(std::unique_ptr<host::DriverClient::ExecStream> stream);

}  // namespace drover::agent
