#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/alloc/lifecycle.h"

namespace drover::agent {

struct ClientStatus {
  std::string_view status;
  std::string_view description;

  bool is_terminal() const { return status == "complete" || status == "failed" || status == "lost"; }
  friend bool operator==(const ClientStatus&, const ClientStatus&) = default;
};

/// What an allocation is, from what its tasks are, with Nomad's words. It is terminal (failed, complete) only when
/// every task is dead: what it holds (ports, cores) is given to others then, so nothing may still use it.
ClientStatus client_status(const std::vector<TaskView>& tasks);

}  // namespace drover::agent
