#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/store/agent_store.h"

namespace drover::sqlite {
class Database;
}

namespace drover::agent {

/// One change of the store: a record put, one taken away, or all whose key begins with a text.
struct StoreChange {
  enum class Kind : std::uint8_t { put, erase, erase_below } kind = Kind::put;
  std::string key;  ///< "node", "alloc/<id>", "task/<alloc id>/<task>", "meta"
  std::string body;
};

/// The agent's SQLite file: records of bytes with a checksum each. Blocks; one thread at a time.
///
/// A damaged file is moved aside (agent.db.damaged-<n>), with what could still be read carried over to the new one,
/// and a damaged record is left out; `losses` says so. Neither stops the agent.
class StoreFile {
 public:
  /// `folder` is the agent's state folder, made with mode 0700 when it is not there. `conflict` when another agent has
  /// it.
  static Result<std::unique_ptr<StoreFile>> open(std::filesystem::path folder);
  ~StoreFile();

  Result<StoredState> load();
  /// All or nothing, durable when it returns.
  Result<void> write(const std::vector<StoreChange>& changes);

 private:
  struct Lock;
  explicit StoreFile(std::filesystem::path folder);
  Result<void> open_database();
  Result<void> move_aside(const std::string& why);
  void look_at_log();
  Result<void> read_records(StoredState& state);
  Result<void> check_file();
  void take_record(StoredState& state, std::string_view key, std::string_view body);
  void read_identity_files(StoredState& state);
  Result<void> write_identity_files(const StoredNode& node);

  std::filesystem::path folder_;
  std::unique_ptr<Lock> lock_;
  std::unique_ptr<sqlite::Database> database_;
  std::vector<std::string> losses_;
};

}  // namespace drover::agent
