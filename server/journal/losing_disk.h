#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

/// What the journal's tests need to take the power away.
namespace drover::server::testing {

/// While it lives, all of SQLite's files lie on a disk that forgets what was not synced. Other files are as ever.
/// One at a time; the databases must be closed before it goes. Not for several threads at once.
class LosingDisk {
 public:
  /// What each file holds for certain, by path: its content when it was last synced.
  using Image = std::map<std::string, std::string>;

  LosingDisk();
  LosingDisk(const LosingDisk&) = delete;
  LosingDisk& operator=(const LosingDisk&) = delete;
  ~LosingDisk();

  /// What a loss of power would leave at this moment, with a database open or not.
  const Image& image() const { return synced_; }
  /// Makes the database files of a folder those of an image: the power is back. Nobody may have them open.
  static void restore(const std::filesystem::path& folder, const Image& image);

  std::uint64_t syncs() const { return syncs_; }
  void note_sync(const std::string& path);
  void note_delete(const std::string& path) { synced_.erase(path); }

 private:
  Image synced_;
  std::uint64_t syncs_ = 0;
};

}  // namespace drover::server::testing
