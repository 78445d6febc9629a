#pragma once

#include "sdk/shim/shim_spec.h"

namespace drover::sdk::shim {

/// The process tree below this shim, and the group it may own. Descriptors, so that no text must be kept.
struct Tree {
  int kill_fd = -1;     ///< cgroup.kill
  int freezer_fd = -1;  ///< folder of a v1 freezer group
  int oom_fd = -1;      ///< file with "oom_kill N"
};

Tree open_tree(const Spec& spec);

/// Kills, once, everything in the group and all direct children: what they leave behind becomes ours.
void kill_once(const Tree& tree);

/// The "oom_kill" count; 0 without one.
unsigned long oom_count(const Tree& tree);

}  // namespace drover::sdk::shim
