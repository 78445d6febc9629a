#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "plugins/docker/http.h"

/// The calls of the Docker Engine API that drover makes, in our own values.
namespace drover::docker {

/// What an engine says of itself.
struct EngineFacts {
  std::string version;
  std::string api_version;  ///< the one spoken with it
  std::string os_type;
  std::string cgroup_version;  ///< "1", "2"; empty where it does not say
  std::string cgroup_driver;
  std::string storage_driver;
  std::string bridge_ip;
  std::vector<std::string> runtimes;
  std::vector<std::string> warnings;
  std::map<std::string, bool> limits;  ///< "MemoryLimit" → true, …
  int cpus = 0;
  bool live_restore = false;
  bool rootless = false;
};

struct Image {
  std::string id;
  std::string digest;  ///< "repository@sha256:…", empty for what no registry gave
};

struct ContainerNetwork {
  std::string name;
  std::string address;
  std::string address6;
};

/// A container as inspected.
struct Container {
  std::string id;
  std::string image_id;
  std::string status;  ///< created, running, paused, restarting, removing, exited, dead
  std::string error;
  std::string stop_signal;
  int exit_code = 0;
  int pid = 0;
  bool oom_killed = false;
  bool terminal = false;
  std::map<std::string, std::string> labels;
  std::vector<ContainerNetwork> networks;  ///< by name

  bool has_ended() const { return status == "exited" || status == "dead"; }
};

/// A container as listed.
struct ListedContainer {
  std::string id;
  std::string state;
  std::int64_t created_s = 0;  ///< since 1970
  std::map<std::string, std::string> labels;
};

/// A command in a container. One that is neither running nor ended has not begun yet: its stream opens before it does.
struct ExecState {
  bool running = false;
  bool ended = false;
  int exit_code = 0;
  int pid = 0;  ///< 0: not known yet
};

/// The oldest API that is spoken, and the newest that is known.
constexpr std::string_view api_oldest = "1.41";
constexpr std::string_view api_newest = "1.52";

/// An engine that is being restarted is back soon: so long a start waits for it, which costs none of the task's restarts.
constexpr Duration engine_patience = std::chrono::seconds(15);

/// The version to speak with an engine that knows `oldest`..`newest`; `unsupported` says who is too old.
Result<std::string> negotiate(const std::string& oldest, const std::string& newest);

/// -1, 0, 1 as versions compare: "1.9" is older than "1.41".
int compare_versions(std::string_view a, std::string_view b);

/// An answer that is no success, as an error: the engine's own words, and a code by its status.
Error error_of(const Response& response, std::string_view what);

Result<Container> parse_container(const std::string& body);

/// Talks to one engine. From any thread but that of its Http, unless said otherwise; every call is bounded in time.
class Engine {
 public:
  explicit Engine(Endpoint endpoint) : http_(std::move(endpoint)) {}

  Http& http() { return http_; }

  /// Asks anew, and agrees on a version; `unavailable` when nobody answers.
  Result<EngineFacts> facts();
  bool answers();  ///< now, and soon
  /// A path under the version agreed on; agrees on one first when there is none.
  Result<std::string> path(const std::string& rest);
  /// Agrees anew, for the client's thread: `then` runs on it, whatever came of that.
  void agree_then(std::function<void()> then);
  /// A path without asking; for the client's thread.
  std::string known_path(const std::string& rest) const;

  // With `patience`, asked again for so long while nobody answers or the answer breaks off: what was asked may have been done.
  Result<std::optional<Image>> image(const std::string& reference, Duration patience = {});
  Result<void> remove_image(const std::string& reference);

  Result<std::string> create(const std::string& name, const std::string& body, Duration patience = {});
  Result<void> start(const std::string& id, Duration patience = {});  ///< success when it runs already; once started, never again
  Result<void> kill(const std::string& id, const std::string& signal);  ///< success when it is not running
  Result<void> remove(const std::string& id);                           ///< by force, with its anonymous volumes; success when it is gone
  Result<void> disconnect(const std::string& network, const std::string& endpoint);  ///< by force: also one whose container is gone
  Result<Container> inspect(const std::string& id_or_name, Duration patience = {});
  Result<std::vector<ListedContainer>> list_labelled(const std::string& label);
  Result<std::string> stats(const std::string& id);  ///< the JSON; takes a second

  Result<std::string> create_exec(const std::string& container, const std::string& body);
  Result<ExecState> inspect_exec(const std::string& exec);
  Result<void> resize_exec(const std::string& exec, int rows, int columns);

 private:
  Result<Response> ask(const std::string& method, const std::string& rest, const std::string& body, Duration limit, Duration patience = {});
  Result<Response> ask_once(const std::string& method, const std::string& rest, const std::string& body, Duration limit);
  Result<void> expect(const std::string& method, const std::string& rest, std::string_view what, Duration limit);
  Result<std::string> agree();
  Result<void> note_version(const Result<Response>& answer);

  mutable std::mutex mutex_;  ///< guards the next two
  std::string version_;
  bool stale_ = true;  ///< to be agreed on again
  Http http_;
};

}  // namespace drover::docker
