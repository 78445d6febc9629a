#pragma once

#include <cstddef>

/// The spec as drover-shim sees it: pointers into the mapped file.
namespace drover::sdk::shim {

inline constexpr int groups_max = 1024;
inline constexpr int joins_max = 16;
inline constexpr int rlimits_max = 16;

struct Spec {
  bool exec_mode = false;
  bool terminal = false;
  bool cgroup_required = false;
  bool no_new_privs = false;
  bool has_ids = false;
  unsigned uid = 0;
  unsigned gid = 0;
  const char* state_dir = nullptr;
  const char* program = nullptr;
  const char* cwd = nullptr;
  const char* stdout_path = nullptr;
  const char* stderr_path = nullptr;
  const char* netns = nullptr;
  const char* cgroup_v2 = nullptr;
  const char* kill_file = nullptr;
  const char* freezer = nullptr;
  const char* oom_file = nullptr;
  const char* oom_score_adj = nullptr;
  const char* umask = nullptr;

  char** argv = nullptr;
  char** envp = nullptr;
  unsigned* groups = nullptr;
  int group_count = 0;
  const char* joins[joins_max] = {};
  int join_count = 0;
  const char* rlimits[rlimits_max] = {};
  int rlimit_count = 0;

  void* mapping = nullptr;
  std::size_t mapping_size = 0;
  void* arrays = nullptr;
  std::size_t arrays_size = 0;
};

/// Maps the file and sorts its entries; 0 or an errno.
int load_spec(int fd, Spec& spec);
/// Gives the memory back once the program runs. Texts of the spec that are still needed must have been copied.
void unload_spec(Spec& spec);

}  // namespace drover::sdk::shim
