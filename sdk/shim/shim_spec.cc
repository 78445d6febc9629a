#include "sdk/shim/shim_spec.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sdk/shim/protocol.h"
#include "sdk/shim/shim_io.h"

namespace drover::sdk::shim {

namespace {

struct Counts {
  std::size_t args = 0, env = 0, groups = 0;
};

void take_text(Spec& spec, const char* name, const char* value) {
  const struct {
    const char* name;
    const char** place;
  } texts[] = {{key::state_dir, &spec.state_dir},     {key::program, &spec.program},   {key::cwd, &spec.cwd},
               {key::stdout_path, &spec.stdout_path}, {key::netns, &spec.netns},       {key::stderr_path, &spec.stderr_path},
               {key::cgroup_v2, &spec.cgroup_v2},     {key::freezer, &spec.freezer},   {key::kill_file, &spec.kill_file},
               {key::oom_file, &spec.oom_file},       {key::umask, &spec.umask},       {key::oom_score_adj, &spec.oom_score_adj}};
  for (const auto& text : texts)
    if (same(name, text.name)) *text.place = value;
}

void take_flag(Spec& spec, const char* name, const char* value) {
  const bool on = same(value, "1");
  if (same(name, key::exec_mode)) spec.exec_mode = on;
  if (same(name, key::terminal)) spec.terminal = on;
  if (same(name, key::cgroup_required)) spec.cgroup_required = on;
  if (same(name, key::no_new_privs)) spec.no_new_privs = on;
  if (same(name, key::uid)) spec.uid = static_cast<unsigned>(parse_number(value)), spec.has_ids = true;
  if (same(name, key::gid)) spec.gid = static_cast<unsigned>(parse_number(value)), spec.has_ids = true;
}

void take_repeated(Spec& spec, Counts& counts, const char* name, char* value) {
  if (same(name, key::arg)) spec.argv[counts.args++] = value;
  if (same(name, key::env)) spec.envp[counts.env++] = value;
  if (same(name, key::group)) spec.groups[spec.group_count++] = static_cast<unsigned>(parse_number(value));
  if (same(name, key::cgroup_join) && spec.join_count < joins_max) spec.joins[spec.join_count++] = value;
  if (same(name, key::rlimit) && spec.rlimit_count < rlimits_max) spec.rlimits[spec.rlimit_count++] = value;
}

/// Calls `visit(name, value)` for each entry; false when the file ends within one.
template <class Visit>
bool for_each_entry(char* at, const char* end, Visit visit) {
  while (at < end) {
    char* name = at;
    at += strnlen(at, static_cast<std::size_t>(end - at)) + 1;
    if (at >= end) return false;
    char* value = at;
    at += strnlen(at, static_cast<std::size_t>(end - at)) + 1;
    if (at > end) return false;
    visit(name, value);
  }
  return true;
}

}  // namespace

int load_spec(int fd, Spec& spec) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return errno;
  if (info.st_size <= 0) return EINVAL;
  spec.mapping_size = static_cast<std::size_t>(info.st_size);
  spec.mapping = ::mmap(nullptr, spec.mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (spec.mapping == MAP_FAILED) return errno;
  char* begin = static_cast<char*>(spec.mapping);
  const char* end = begin + spec.mapping_size;

  Counts wanted;
  const bool whole = for_each_entry(begin, end, [&wanted](const char* name, const char*) {
    wanted.args += same(name, key::arg);
    wanted.env += same(name, key::env);
    wanted.groups += same(name, key::group);
  });
  if (!whole || wanted.groups > groups_max) return EINVAL;

  const std::size_t pointers = wanted.args + 1 + wanted.env + 1;
  spec.arrays_size = pointers * sizeof(char*) + (wanted.groups + 1) * sizeof(unsigned);
  spec.arrays = ::mmap(nullptr, spec.arrays_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (spec.arrays == MAP_FAILED) return errno;
  spec.argv = static_cast<char**>(spec.arrays);
  spec.envp = spec.argv + wanted.args + 1;
  spec.groups = reinterpret_cast<unsigned*>(spec.argv + pointers);

  Counts counts;
  for_each_entry(begin, end, [&spec, &counts](const char* name, char* value) {
    take_text(spec, name, value);
    take_flag(spec, name, value);
    take_repeated(spec, counts, name, value);
  });
  return spec.program == nullptr || wanted.args == 0 || (spec.state_dir == nullptr && !spec.exec_mode) ? EINVAL : 0;
}

void unload_spec(Spec& spec) {
  ::munmap(spec.mapping, spec.mapping_size);
  ::munmap(spec.arrays, spec.arrays_size);
  spec = Spec{};
}

}  // namespace drover::sdk::shim
