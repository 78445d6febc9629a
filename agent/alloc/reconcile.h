#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace drover::agent {

/// An allocation as the server wants it.
struct DesiredAlloc {
  std::uint64_t index = 0;  ///< AllocModifyIndex: grows with each change of the server's wish
  bool run = true;          ///< false: stopped or evicted
  bool ended = false;       ///< the server has a terminal client status of it
};

/// An allocation as it is here.
struct LocalAlloc {
  std::uint64_t index = 0;  ///< of the wish it was last given
  bool ended = false;
};

/// What to do, each list sorted by id.
struct Actions {
  std::vector<std::string> add;     ///< build a runner and run it
  std::vector<std::string> update;  ///< give the runner the newer version (which may say: stop, or that it has ended)
  std::vector<std::string>
      report_ended;                 ///< never started here and not wanted any more: tell the server that it is complete
  std::vector<std::string> remove;  ///< the server has forgotten it: stop if needed, and delete

  friend bool operator==(const Actions&, const Actions&) = default;
};

using DesiredAllocs = std::map<std::string, DesiredAlloc>;
using LocalAllocs = std::map<std::string, LocalAlloc>;

/// Makes what is here equal to what is wanted. `desired` is everything the server wants of this node.
Actions reconcile(const DesiredAllocs& desired, const LocalAllocs& local);

}  // namespace drover::agent
