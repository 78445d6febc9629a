#pragma once

#include <string>

#include "base/http/types.h"

namespace drover::api {

/// Answers /v1/client/… for the agent of a node: in this process when it is the one, else through a tunnel.
class ClientEndpoints {
 public:
  virtual ~ClientEndpoints() = default;

  /// The node of this process; "" when there is none.
  virtual std::string local_node() const = 0;
  /// The node's own answer, whatever its status. On the HTTP loop.
  virtual Async<http::Response> handle(std::string node_id, http::Request request) = 0;
};

}  // namespace drover::api
