#include "sdk/host/plugin_process.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/loop/start.h"

namespace drover::host {
namespace {

namespace fs = std::filesystem;

/// A folder with one script that claims to be a plugin.
struct Script {
  explicit Script(const std::string& text) {
    std::string name = fs::temp_directory_path().string() + "/drover-plugin-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    std::ofstream(folder + "/script") << "#!/bin/sh\necho $$ > " << folder << "/pid\n" << text << "\n";
    chmod((folder + "/script").c_str(), 0755);
  }
  ~Script() { fs::remove_all(folder); }

  LaunchPlugin what() const {
    LaunchPlugin made;
    made.program = folder + "/script";
    made.folder = folder;
    made.env = {"PATH=/usr/bin:/bin"};
    made.handshake_limit = 300ms;
    return made;
  }

  int pid() const {
    int read = 0;
    std::ifstream(folder + "/pid") >> read;
    return read;
  }

  std::string folder;
};

using Launched = Result<std::unique_ptr<PluginProcess>>;

std::string refusal(const Script& script, bool tls = false) {
  RealLoop loop;
  LaunchPlugin what = script.what();
  what.auto_tls = tls;
  const Launched launched = run(loop, PluginProcess::launch(loop, what, [](const PluginLogLine&) {}));
  return launched ? "launched" : launched.error().message;
}

bool is_gone(int pid) { return ::kill(pid, 0) != 0; }

Async<bool> talk(Loop& loop, const Script& script, std::vector<std::string>& heard) {
  const PluginProcess::LogSink log = [&heard](const PluginLogLine& line) { heard.push_back(line.text()); };
  Launched launched = co_await PluginProcess::launch(loop, script.what(), log);
  if (!launched) co_return false;
  for (int i = 0; i < 500 && heard.size() < 2; ++i) co_await loop.sleep(10ms);
  co_await (*launched)->shut_down();
  co_return true;
}

Async<bool> outlive(Loop& loop, const Script& script) {
  LaunchPlugin what = script.what();
  Launched launched = co_await PluginProcess::launch(loop, what, [](const PluginLogLine&) {});
  if (!launched) co_return false;
  co_await (*launched)->detach();
  launched = fail(Code::unavailable, "the agent is gone");
  for (int i = 0; i < 500 && !fs::exists(script.folder + "/done"); ++i) co_await loop.sleep(10ms);
  co_return fs::exists(script.folder + "/done");
}

}  // namespace

TEST_CASE("a plugin that hangs before the handshake is given up, and killed", "[host]") {
  const Script script("echo 'waiting for the moon' >&2; exec sleep 100");
  CHECK(refusal(script) == "did not shake hands within 0.3 s and was killed: it is no plugin (take it out of the plugin folder), or hangs; its last words: waiting for the moon");
  CHECK(is_gone(script.pid()));
}

TEST_CASE("a plugin that was refused does not live on", "[host]") {
  const Script script("echo Hello; exec sleep 100");
  CHECK(refusal(script).starts_with("wrote \"Hello\" to standard output first"));
  CHECK(is_gone(script.pid()));
}

TEST_CASE("a plugin killed by a signal before the handshake says so", "[host]") {
  CHECK(refusal(Script("kill -9 $$")).starts_with("killed by signal 9 before the handshake"));
}

TEST_CASE("a plugin that does not answer with a certificate is refused where one was asked for", "[host]") {
  CHECK(refusal(Script("echo '1|2|unix|/nonexistent|grpc|'; exec sleep 100"), true) == "does not support TLS");
}

TEST_CASE("everything that a plugin writes is heard, also after the handshake", "[host]") {
  const Script script("echo '1|2|unix|/nonexistent|grpc|'; echo surprise; echo '[WARN] low on fuel' >&2; exec sleep 100");
  RealLoop loop;
  std::vector<std::string> heard;
  CHECK(run(loop, talk(loop, script, heard)));
  std::sort(heard.begin(), heard.end());
  CHECK(heard == std::vector<std::string>{"[WARN] low on fuel", "on standard output: surprise"});
  CHECK(is_gone(script.pid()));
}

TEST_CASE("a plugin that logs while its agent is gone lives on", "[host]") {
  const Script script(
      "echo '1|2|unix|/nonexistent|grpc|'; sleep 0.2; i=0; while [ $i -lt 20000 ]; do echo 'a line that nobody reads'; "
      "i=$((i+1)); done >&2 2>/dev/null; touch " "$(dirname $0)/done; exec sleep 1");
  RealLoop loop;
  CHECK(run(loop, outlive(loop, script)));
  ::kill(script.pid(), SIGKILL);
}

TEST_CASE("another process under the pid of a plugin is not taken for it", "[host]") {
  const Script script("exit 0");
  RealLoop loop;
  const Reattach saved{{::getpid(), 1}, "unix:/nonexistent"};  // our pid, another start
  const Launched found = run(loop, PluginProcess::reattach(loop, script.what(), saved, [](const PluginLogLine&) {}));
  REQUIRE_FALSE(found);
  CHECK(found.error().code == Code::not_found);
}

}  // namespace drover::host
