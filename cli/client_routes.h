#pragma once

#include <string>
#include <vector>

#include "api/route.h"

namespace drover::agent {
class Agent;
}

namespace drover::cli {

/// What a client without a server tells of itself.
struct ClientInfo {
  std::string name;
  std::string version;
  std::vector<std::string> servers;  ///< host:port
};

/// The routes of a client without a server: its own allocations and figures; everything else is refused with the word to
/// ask a server. They run on the agent's loop.
std::vector<api::Route> client_routes(agent::Agent& agent, ClientInfo info);

}  // namespace drover::cli
