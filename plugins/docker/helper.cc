#include "plugins/docker/helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace drover::docker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto helper_limit = std::chrono::seconds(30);
constexpr std::size_t output_max = 64U << 10;

/// Both ends of a pipe, closed when it goes.
struct Pipe {
  int ends[2] = {-1, -1};

  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() { close(0), close(1); }
};

/// Reads to the end of the stream, or as long as there is time.
Result<std::string> read_all(int fd, Clock::time_point end, const std::string& name) {
  std::string out;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return fail(Code::timeout, "credential helper {} gave no answer in 30 s: it was killed", name);
    pollfd poller{fd, POLLIN, 0};
    if (::poll(&poller, 1, static_cast<int>(left)) <= 0) continue;
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > output_max) return fail(Code::exhausted, "credential helper {} printed more than {} bytes", name, output_max);
  }
}

}  // namespace

Result<std::string> run_credential_helper(const std::string& name, const std::string& registry) {
  if (name.find('/') != std::string::npos) return fail(Code::invalid, "credential helper '{}': write the name without a path", name);
  const std::string program = "docker-credential-" + name;
  Pipe in;
  Pipe out;
  if (!in.open() || !out.open()) return fail(Code::internal, "make pipes for {}: {}", program, std::strerror(errno));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.ends[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
  std::string get = "get";
  std::string argument0 = program;
  char* argv[] = {argument0.data(), get.data(), nullptr};
  pid_t pid = 0;
  const int spawned = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return fail(Code::not_found, "run credential helper {}: {}", program, std::strerror(spawned));

  in.close(0);
  out.close(1);
  [[maybe_unused]] const ssize_t told = ::write(in.ends[1], registry.data(), registry.size());
  in.close(1);
  Result<std::string> output = read_all(out.ends[0], Clock::now() + helper_limit, program);
  if (!output) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!output) return output;
  if (status != 0) {
    while (!output->empty() && output->back() == '\n') output->pop_back();
    return fail(Code::denied, "credential helper {} failed: {}", program, *output);
  }
  return output;
}

}  // namespace drover::docker
