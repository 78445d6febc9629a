#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/fwd.h"

namespace drover::agent {

/// Statuses on their way to the server: told until they are stored there, the newest of each allocation only.
///
/// A plain value machine. At most `flying_max` messages are unacknowledged at a time; what changes meanwhile gathers,
/// so that load makes larger messages, not more of them.
class Outbox {
 public:
  static constexpr std::size_t flying_max = 4;
  static constexpr std::size_t statuses_max = 256;  ///< in one message

  using Status = std::shared_ptr<const model::AllocStatus>;

  void put(Status status);
  /// The next message to send, if there is anything to tell and room to tell it.
  std::unique_ptr<model::AllocStatuses> next();
  /// The server has stored everything up to this message.
  void stored(std::uint64_t sequence);
  /// The session is gone: what was not acknowledged is told again.
  void connection_lost();
  /// The allocation is forgotten here: nothing more to tell.
  void drop(const std::string& id);

  /// Nothing about this allocation waits to be sent or acknowledged.
  bool is_told(const std::string& id) const;
  bool empty() const { return waiting_.empty() && flying_.empty(); }

 private:
  std::uint64_t sequence_ = 0;
  std::map<std::string, Status> waiting_;
  std::map<std::uint64_t, std::map<std::string, Status>> flying_;
};

}  // namespace drover::agent
