#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process/program.h"
#include "sdk/shim/protocol.h"
#include "sdk/shim/remains.h"
#include "sdk/shim/supervised.h"

namespace drover::sdk {

using namespace shim;

namespace {

constexpr auto leftover_limit = std::chrono::seconds(5);
constexpr auto poll_pause = std::chrono::milliseconds(2);

/// Of the library that this code is part of, or of the program where it is linked in.
std::string own_library_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&own_library_folder), &info) == 0 || info.dli_fname == nullptr) return "/usr/lib";
  std::error_code ignored;
  return std::filesystem::absolute(info.dli_fname, ignored).parent_path().string();
}

Result<void> make_state_dir(const std::string& path) {
  if (!path.starts_with('/')) return fail(Code::invalid, "state folder '{}' is not an absolute path", path);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno == EEXIST) return fail(Code::conflict, "state folder {} exists already", path);
  return fail(errno == EACCES || errno == EPERM || errno == EROFS ? Code::denied : Code::unavailable, "create {}: {}", path, std::strerror(errno));
}

Result<Fd> write_spec_file(const std::string& state_dir, const std::string& bytes) {
  const std::string path = state_dir + "/" + spec_file;
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open() || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return fail(Code::unavailable, "write {}: {}", path, std::strerror(errno));
  return fd;
}

/// Undoes a start that went wrong half-way.
class Rollback {
 public:
  explicit Rollback(const ProcessSpec& spec) : spec_(spec) {}
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    if (done_) return;
    std::error_code ignored;
    if (made_state_dir) std::filesystem::remove_all(spec_.state_dir, ignored);
    if (placement.owned) static_cast<void>(cgroup::kill_all(placement.group, leftover_limit)), static_cast<void>(remove_group(placement));
  }
  void forget() { done_ = true; }

  bool made_state_dir = false;
  Placement placement;

 private:
  const ProcessSpec& spec_;
  bool done_ = false;
};

Result<ProcessId> read_shim_record(const std::string& state_dir) {
  std::ifstream file(state_dir + "/" + shim_file);
  ProcessId id;
  if (!(file >> id.pid >> id.start_ticks)) return fail(Code::not_found, "{} has no supervisor", state_dir);
  return id;
}

SpecEntries read_spec_entries(const std::string& state_dir) {
  std::ifstream file(state_dir + "/" + spec_file, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return parse_spec(content).value_or({});
}

/// Has the shim end in its own way: with its task.
void end_leftover(const ProcessId& shim) {
  const auto deadline = std::chrono::steady_clock::now() + leftover_limit;
  while (is_running(shim) && std::chrono::steady_clock::now() < deadline) {
    for (const int pid : descendants(shim.pid))
      if (const auto id = identify(pid); id.ok() && is_running(shim)) static_cast<void>(send_signal(*id, SIGKILL));
    std::this_thread::sleep_for(poll_pause);
  }
}

/// A shim that was only just started may not have said yet who it is. It writes into its folder before it starts anything,
/// so a folder that could be removed empty has no shim that still will.
void end_and_remove(const std::string& state_dir) {
  const auto deadline = std::chrono::steady_clock::now() + leftover_limit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto shim = read_shim_record(state_dir); shim.ok()) {
      end_leftover(*shim);
      break;
    }
    ::unlink((state_dir + "/" + spec_file).c_str());
    if (::rmdir(state_dir.c_str()) == 0 || errno == ENOENT) return;
    std::this_thread::sleep_for(poll_pause);
  }
  std::error_code ignored;
  std::filesystem::remove_all(state_dir, ignored);
}

}  // namespace

class Supervisor::Impl {
 public:
  explicit Impl(Settings settings) : settings_(std::move(settings)), host_(cgroup::detect(settings_.cgroup_root)) {
    if (!settings_.shim_path.empty()) return;
    // lib/drover/plugins/NAME, bin/drover and libexec/drover/NAME all find the shim from where they are; a driver that lies elsewhere
    // finds that of its SDK, from lib/libdrover-sdk.so or lib/MACHINE/libdrover-sdk.so.
    for (const std::string& here : {own_program_folder().value_or("/usr/bin"), own_library_folder()}) {
      for (const char* way : {"/../../../libexec/drover/drover-shim", "/../../libexec/drover/drover-shim", "/../libexec/drover/drover-shim", "/drover-shim"}) {
        settings_.shim_path = std::filesystem::path(here + way).lexically_normal().string();
        if (check_executable(settings_.shim_path).ok()) return;
      }
    }
    settings_.shim_path = "/usr/libexec/drover/drover-shim";
  }

  Result<std::unique_ptr<Process>> start(const ProcessSpec& spec);
  Result<std::unique_ptr<Process>> recover(std::string_view saved);
  Result<void> end_leftovers(const std::string& dir, const std::vector<std::string>& keep);
  CgroupLayout cgroups() const { return static_cast<CgroupLayout>(host_.layout); }

 private:
  Result<std::unique_ptr<Process>> adopt(Identity identity, Placement placement, Fd pidfd, bool is_child);

  Settings settings_;
  const cgroup::Hierarchy host_;
  Watcher watcher_;
};

Result<std::unique_ptr<Process>> Supervisor::Impl::start(const ProcessSpec& spec) {
  if (const auto usable = check_executable(settings_.shim_path); !usable.ok())
    return fail(Code::internal, "{} {}: reinstall drover", settings_.shim_path, usable.error().message);
  if (!spec.cwd.empty() && !spec.cwd.starts_with('/')) return fail(Code::invalid, "working folder '{}' is not an absolute path", spec.cwd);
  DROVER_TRY(find_command(spec));
  Identity identity;
  identity.state_dir = spec.state_dir;
  DROVER_LET(identity.boot_id, read_boot_id());

  Rollback rollback(spec);
  DROVER_TRY(make_state_dir(spec.state_dir));
  rollback.made_state_dir = true;
  DROVER_LET(rollback.placement, place(host_, spec));
  DROVER_LET(const SpecText for_shim, write_spec(spec, rollback.placement));
  DROVER_LET(const Fd spec_here, write_spec_file(spec.state_dir, for_shim.bytes()));
  DROVER_LET(SpawnedShim shim, spawn_shim(settings_.shim_path, spec.id, spec_here.get(), {}));
  // Not reaped before we say so: the pid cannot be another's.
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, shim.pid, 0)));
  const auto started = read_start_report(shim.report, spec.command);
  if (!started.ok()) {
    ::kill(shim.pid, SIGKILL);
    ::waitpid(shim.pid, nullptr, 0);
    return started.error();
  }
  identity.shim = identify(shim.pid).value_or(ProcessId{shim.pid, 0});
  identity.main = started->main;
  identity.started_ns = started->started_ns;
  auto process = adopt(std::move(identity), rollback.placement, std::move(pidfd), true);
  if (process.ok()) rollback.forget();
  return process;
}

Result<std::unique_ptr<Process>> Supervisor::Impl::adopt(Identity identity, Placement placement, Fd pidfd, bool is_child) {
  auto process = std::make_unique<SupervisedProcess>(settings_.shim_path, identity, placement);
  const auto ended = [identity, placement, is_child, ending = process->ending()](const Fd& fd) {
    siginfo_t ignored{};
    if (is_child) ::waitid(P_PIDFD, static_cast<id_t>(fd.get()), &ignored, WEXITED);
    SupervisedProcess::conclude(identity, placement, *ending);
  };
  if (!pidfd.is_open()) {
    SupervisedProcess::conclude(identity, placement, *process->ending());
  } else {
    DROVER_TRY(watcher_.add(std::move(pidfd), ended));
  }
  return std::unique_ptr<Process>(std::move(process));
}

Result<std::unique_ptr<Process>> Supervisor::Impl::recover(std::string_view saved) {
  DROVER_LET(Identity identity, parse_identity(saved));
  DROVER_LET(const std::string boot_id, read_boot_id());
  if (identity.boot_id != boot_id) return fail(Code::not_found, "process {} ended when the machine was restarted", identity.main.pid);
  const SpecEntries entries = read_spec_entries(identity.state_dir);
  // A zombie has ended as well.
  auto shim = is_running(identity.shim) ? open_pidfd(identity.shim) : Result<Fd>(Fd());
  const bool is_supervised = shim.ok() && shim->is_open();
  if (!is_supervised && entries.empty()) {
    static_cast<void>(kill_remains(identity.main, {}, leftover_limit));
    return fail(Code::not_found, "nothing is known of process {} any more: {} is gone", identity.main.pid, identity.state_dir);
  }
  return adopt(std::move(identity), placement_of(entries), is_supervised ? std::move(shim).value() : Fd(), false);
}

Result<void> Supervisor::Impl::end_leftovers(const std::string& dir, const std::vector<std::string>& keep) {
  std::error_code error;
  std::vector<std::string> found;
  for (std::filesystem::directory_iterator at(dir, error), end; !error && at != end; at.increment(error))
    if (std::find(keep.begin(), keep.end(), at->path().string()) == keep.end()) found.push_back(at->path().string());
  for (const std::string& state_dir : found) {
    const Placement placement = placement_of(read_spec_entries(state_dir));
    end_and_remove(state_dir);
    if (!placement.owned) continue;
    DROVER_TRY(cgroup::kill_all(placement.group, leftover_limit));
    DROVER_TRY(remove_group(placement));
  }
  return {};
}

Supervisor::Supervisor(Settings settings) : impl_(std::make_shared<Impl>(std::move(settings))) {}
Supervisor::~Supervisor() = default;

CgroupLayout Supervisor::cgroups() const { return impl_->cgroups(); }
Result<std::unique_ptr<Process>> Supervisor::start(const ProcessSpec& spec) { return impl_->start(spec); }
Result<std::unique_ptr<Process>> Supervisor::recover(std::string_view saved_state) { return impl_->recover(saved_state); }
Result<void> Supervisor::end_leftovers(const std::string& dir, const std::vector<std::string>& keep) { return impl_->end_leftovers(dir, keep); }

}  // namespace drover::sdk
