#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include <drover/result.h>

#include "model/fwd.h"

namespace drover::agent {

/// What the server wants of this node, put together from the messages of its sessions: a plain value machine.
class Desired {
 public:
  /// Jobs come once a session; call this when a new one begins.
  void begin_session();

  /// Takes a message. `conflict` when it speaks of a job that never came: what is known is no good then, and the next
  /// hello must say that nothing is known (forget() has been done).
  Result<void> apply(const model::DesiredAllocs& message);

  /// Everything is known up to here; 0: nothing.
  std::uint64_t index() const { return index_; }
  /// A full set has come since this object was made.
  bool complete() const { return complete_; }
  /// By id; each with its job.
  const std::map<std::string, std::shared_ptr<const model::Allocation>>& allocs() const { return allocs_; }

 private:
  using JobKey = std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>;
  void forget();

  std::uint64_t index_ = 0;
  bool complete_ = false;
  std::map<std::string, std::shared_ptr<const model::Allocation>> allocs_;
  std::map<JobKey, std::shared_ptr<const model::Job>> jobs_;
};

}  // namespace drover::agent
