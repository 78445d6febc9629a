#pragma once

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/loop/start.h"
#include "server/journal/sqlite_journal.h"

/// What the tests of the journal on disk share.
namespace drover::server::testing {

struct Folder {
  explicit Folder(const std::string& name) : path(std::filesystem::temp_directory_path() / ("drover-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// A disk of its own that is soon full; not mounted where that is not allowed.
struct SmallDisk {
  explicit SmallDisk(const Folder& folder, const char* size) : path(folder.path) {
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  std::filesystem::path path;
  bool mounted = false;
};

inline std::string body_of(Index index) { return "command " + std::to_string(index) + std::string(100 + index % 300, static_cast<char>('a' + index % 26)); }

inline Batch batch_of(Index first, std::size_t count) {
  Batch batch;
  for (std::size_t i = 0; i < count; ++i) batch.push_back(body_of(first + i));
  return batch;
}

/// All records from `from` on: how many there are, when they are those of body_of, in order.
inline Result<Index> replay_all(RealLoop& loop, SqliteJournal& journal, Index from = 1) {
  Index expected = from;
  const auto visit = [&expected](Index index, std::string_view record) -> Result<void> {
    if (index != expected || record != body_of(index)) return fail(Code::invalid, "record {} is not what was written", index);
    ++expected;
    return {};
  };
  DROVER_TRY(run(loop, journal.replay(from, visit)));
  return expected - from;
}

}  // namespace drover::server::testing
