#pragma once

#include <cstdint>

/// What drover-shim and the one who starts it agree on. Both come from one installation, but a shim may outlive an
/// upgrade: the files below keep their meaning, new keys may be added.
///
/// The shim is started with descriptor 3 = the spec (a file: NUL-ended key, NUL-ended value, …), 4 = a pipe to report
/// through, 5 (mode exec only) = a pipe whose hang-up means: end everything.
///
/// In the state folder: `spec` (written by the starter), `shim` (who supervises), `exit` (how it ended).
namespace drover::sdk::shim {

inline constexpr int spec_fd = 3;
inline constexpr int report_fd = 4;
inline constexpr int lifeline_fd = 5;

inline constexpr const char* spec_file = "spec";
inline constexpr const char* shim_file = "shim";
inline constexpr const char* exit_file = "exit";

/// Keys of the spec. Those marked * may repeat.
namespace key {
inline constexpr const char* exec_mode = "exec_mode";    ///< "1": a command beside a task; stdio is inherited, nothing is recorded
inline constexpr const char* state_dir = "state_dir";
inline constexpr const char* program = "program";        ///< absolute path
inline constexpr const char* arg = "arg";                ///< * argv, from argv[0]
inline constexpr const char* env = "env";                ///< * "NAME=value"
inline constexpr const char* cwd = "cwd";
inline constexpr const char* uid = "uid";
inline constexpr const char* gid = "gid";
inline constexpr const char* group = "group";            ///< * supplementary group ids
inline constexpr const char* stdout_path = "stdout";
inline constexpr const char* stderr_path = "stderr";
inline constexpr const char* terminal = "terminal";      ///< "1": standard input becomes the controlling terminal
inline constexpr const char* netns = "netns";
inline constexpr const char* cgroup_v2 = "cgroup_v2";    ///< folder to be born in
inline constexpr const char* cgroup_join = "cgroup_join";      ///< * `tasks` files of groups (v1) to enter
inline constexpr const char* cgroup_required = "cgroup_required";  ///< "1": failing to enter is an error
inline constexpr const char* kill_file = "kill_file";    ///< cgroup.kill of a group of our own
inline constexpr const char* freezer = "freezer";        ///< v1 freezer folder of a group of our own
inline constexpr const char* oom_file = "oom_file";      ///< file with a line "oom_kill N"
inline constexpr const char* oom_score_adj = "oom_score_adj";
inline constexpr const char* rlimit = "rlimit";          ///< * "resource-number soft hard"
inline constexpr const char* umask = "umask";            ///< decimal
inline constexpr const char* no_new_privs = "no_new_privs";
}  // namespace key

/// Where a start failed.
enum class Stage : std::int32_t { started, spec, state, output, cgroup, network, limits, folder, user, execute, clone };

/// Through the pipe, once, when the program has been executed or cannot be.
struct StartReport {
  Stage stage = Stage::started;
  std::int32_t error = 0;  ///< errno of the stage that failed
  std::int32_t pid = 0;
  std::int32_t padding = 0;
  std::uint64_t start_ticks = 0;
  std::int64_t started_ns = 0;  ///< wall clock
};

/// Through the pipe, mode exec only, when the command and its children have ended.
struct EndReport {
  std::int32_t code = 0;
  std::int32_t signal = 0;
};

}  // namespace drover::sdk::shim
