#pragma once

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <drover/process.h>

#include "base/process/process_id.h"
#include "tests/paths.h"

namespace drover::sdk::rig {

using namespace std::chrono_literals;

inline constexpr auto patience = 20s;

/// A folder for one test, and shells that run in it under a supervisor.
class Rig {
 public:
  Rig() { std::filesystem::create_directories(dir); }
  ~Rig() { std::filesystem::remove_all(dir); }

  ProcessSpec shell(const std::string& script) {
    ProcessSpec spec;
    spec.id = "test";
    spec.state_dir = dir / ("state" + std::to_string(++starts_));
    spec.command = "/bin/sh";
    spec.args = {"-c", script};
    spec.env = {{"PATH", "/usr/bin:/bin"}};
    spec.cwd = dir;
    spec.stdout_path = dir / "out";
    std::ofstream(dir / "out", std::ios::app);
    return spec;
  }
  std::string output(const std::string& name = "out") const {
    std::ifstream file(dir / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Waits until the condition holds; false when it never does.
  static bool eventually(const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      ::poll(nullptr, 0, 2);
    }
    return true;
  }
  bool printed(const std::string& what) const {
    return eventually([&] { return output().find(what) != std::string::npos; });
  }

  std::filesystem::path dir = std::filesystem::temp_directory_path() / ("drover-process-" + std::to_string(::getpid()));
  Supervisor::Settings settings{(tests::binary_dir() / "libexec/drover/drover-shim").string()};

 private:
  int starts_ = 0;
};

inline Exit must_exit(Process& process) {
  const auto exit = process.wait_for(patience);
  REQUIRE(exit.has_value());
  return *exit;
}

/// The pid of the shim, from the saved state.
inline ProcessId shim_of(const Process& process) {
  const std::string state = process.saved_state();
  const auto at = state.find("shim_pid=");
  return identify(std::atoi(state.c_str() + at + 9)).value();
}

inline int number_after(const std::string& content, const std::string& label) {
  const auto at = content.find(label);
  REQUIRE(at != std::string::npos);
  return std::atoi(content.c_str() + at + label.size());
}

}  // namespace drover::sdk::rig
