#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "agent/http/alloc_folder.h"
#include "base/http/types.h"
#include "base/loop/loop.h"
#include "base/loop/workers.h"

namespace drover::agent {

/// Where the bytes of an answer come from, and how they are written. A value; `loop` and `workers` outlive the answer.
struct SendPlan {
  Loop* loop = nullptr;
  Workers* workers = nullptr;
  AllocFolder folder;
  std::uint64_t offset = 0;
  bool from_end = false;
  bool follow = false;
  bool framed = false;  ///< JSON frames with heartbeats; else the bytes alone
};

/// Bytes of one file: from `offset` up to `limit` of them; with `follow`, what is appended as well, until the file is
/// deleted or the reader goes.
Async<bool> send_file(SendPlan plan, std::string path, std::uint64_t limit, http::StreamWriter& out);

/// The rotated files "<prefix><n>" in alloc/logs, one after the other; with `follow` until `ended` says that nothing
/// more will come and all has been sent, or the reader goes.
Async<bool> send_log(SendPlan plan, std::string prefix, std::function<bool()> ended, http::StreamWriter& out);

}  // namespace drover::agent
