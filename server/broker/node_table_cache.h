#pragma once

#include <memory>

#include "server/scheduler/node_table.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// The scheduler's table of all nodes, kept in step with what is published: a change costs as much as there
/// are changed nodes and allocations. A pass keeps the table it was given. On the server loop.
class NodeTableCache {
 public:
  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  /// Of the state that was published last.
  std::shared_ptr<const NodeTable> get();

 private:
  NodeTable& own();
  void change(const Snapshot& before, const Uuid& node);
  void count(const Snapshot& state, const Uuid& alloc, bool taken);

  SnapshotPtr state_ = std::make_shared<const Snapshot>();
  std::shared_ptr<NodeTable> table_;  ///< null: to be built when it is asked for
};

}  // namespace drover::server
