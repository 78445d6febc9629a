#include "plugins/docker/engine.h"

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

using namespace std::chrono_literals;

constexpr Duration ping_limit = 5s;
constexpr Duration quick = 15s;
constexpr Duration between_tries = 250ms;
constexpr Duration slow = 120s;  ///< what may wait for a storage driver

std::pair<int, int> split_version(std::string_view text) {
  std::pair<int, int> out{0, 0};
  const std::size_t dot = std::min(text.find('.'), text.size());
  std::from_chars(text.data(), text.data() + dot, out.first);
  if (dot < text.size()) std::from_chars(text.data() + dot + 1, text.data() + text.size(), out.second);
  return out;
}

Code code_of_status(int status) {
  switch (status) {
    case 400: return Code::invalid;
    case 401:
    case 403: return Code::denied;
    case 404: return Code::not_found;
    case 409: return Code::conflict;
    case 429: return Code::unavailable;
    case 501: return Code::unsupported;
    default: return status >= 500 ? Code::unavailable : Code::internal;
  }
}

bool is_success(const Response& response) { return response.status >= 200 && response.status < 400; }

void read_info(const json::value& info, EngineFacts& facts) {
  facts.cgroup_version = text_at(info, "CgroupVersion");
  facts.cgroup_driver = text_at(info, "CgroupDriver");
  facts.storage_driver = text_at(info, "Driver");
  facts.os_type = text_at(info, "OSType");
  facts.cpus = static_cast<int>(integer_at(info, "NCPU"));
  facts.live_restore = bool_at(info, "LiveRestoreEnabled");
  for (const char* limit : {"MemoryLimit", "SwapLimit", "CpuCfsQuota", "PidsLimit", "OomKillDisable"}) facts.limits[limit] = bool_at(info, limit);
  if (const json::object* runtimes = at(info, "Runtimes").if_object()) {
    for (const auto& runtime : *runtimes) facts.runtimes.emplace_back(runtime.key());
    std::sort(facts.runtimes.begin(), facts.runtimes.end());
  }
  if (const json::array* options = at(info, "SecurityOptions").if_array()) {
    for (const json::value& option : *options) facts.rootless = facts.rootless || (option.is_string() && option.as_string() == "name=rootless");
  }
  if (const json::array* warnings = at(info, "Warnings").if_array()) {
    for (const json::value& warning : *warnings) {
      if (warning.is_string()) facts.warnings.emplace_back(warning.as_string());
    }
  }
}

struct TakenEndpoint {
  std::string name;
  std::string network;
};

/// An engine that ends in the middle of a start may keep the container's name in the network, where no other start can take it.
std::optional<TakenEndpoint> taken_endpoint(const std::string& message) {
  constexpr std::string_view before = "endpoint with name ", between = " already exists in network ";
  const std::size_t begin = message.find(before), end = message.find(between);
  if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
  const std::size_t name = begin + before.size();
  return TakenEndpoint{message.substr(name, end - name), message.substr(end + between.size())};
}

Request version_request() {
  Request request;
  request.target = "/version";
  request.limit = quick;
  return request;
}

/// The gateway of the network "bridge".
std::string bridge_gateway(const json::value& network) {
  const json::array* configs = at(network, "IPAM.Config").if_array();
  if (configs == nullptr) return {};
  for (const json::value& config : *configs) {
    const std::string gateway = text_at(config, "Gateway");
    if (!gateway.empty()) return gateway;
  }
  return {};
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  const auto left = split_version(a);
  const auto right = split_version(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

Result<std::string> negotiate(const std::string& oldest, const std::string& newest) {
  if (newest.empty()) return fail(Code::unsupported, "the engine does not say which version of its API it speaks");
  if (compare_versions(newest, api_oldest) < 0) {
    return fail(Code::unsupported, "the engine is too old: it speaks API {}, drover needs {} (Docker Engine 20.10) or later", newest, api_oldest);
  }
  if (!oldest.empty() && compare_versions(oldest, api_newest) > 0) {
    return fail(Code::unsupported, "the engine is too new: it speaks API {} and later, drover knows {} and earlier", oldest, api_newest);
  }
  return compare_versions(newest, api_newest) < 0 ? newest : std::string(api_newest);
}

Error error_of(const Response& response, std::string_view what) {
  std::string words = response.body.substr(0, 2000);
  if (const auto body = parse_json(response.body, "the answer")) {
    const std::string message = text_at(*body, "message");
    if (!message.empty()) words = message;
  }
  while (!words.empty() && (words.back() == '\n' || words.back() == '.')) words.pop_back();
  if (words.empty()) words = text("status {}", response.status);
  return fail(code_of_status(response.status), "{}: {}", what, words);
}

Result<std::string> Engine::agree() {
  const Result<Response> answer = http_.call(version_request());
  DROVER_TRY(note_version(answer));
  return answer->body;
}

void Engine::agree_then(std::function<void()> then) {
  http_.call(version_request(), [this, then = std::move(then)](const Result<Response>& answer) {
    static_cast<void>(note_version(answer));
    then();
  });
}

Result<void> Engine::note_version(const Result<Response>& answer) {
  if (!answer) return answer.error();
  if (!is_success(*answer)) return error_of(*answer, "ask the docker engine for its version");
  DROVER_LET(const json::value version, parse_json(answer->body, "the engine's version"));
  DROVER_LET(const std::string agreed, negotiate(text_at(version, "MinAPIVersion"), text_at(version, "ApiVersion")));
  const std::lock_guard lock(mutex_);
  version_ = agreed;
  stale_ = false;
  return {};
}

std::string Engine::known_path(const std::string& rest) const {
  const std::lock_guard lock(mutex_);
  return "/v" + (version_.empty() ? std::string(api_oldest) : version_) + rest;
}

Result<std::string> Engine::path(const std::string& rest) {
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    known = !stale_;
  }
  if (!known) DROVER_TRY(agree());
  return known_path(rest);
}

Result<Response> Engine::ask(const std::string& method, const std::string& rest, const std::string& body, Duration limit, Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    Result<Response> answer = ask_once(method, rest, body, limit);
    const bool may_come = !answer && answer.error().code == Code::unavailable;
    if (!may_come || std::chrono::steady_clock::now() >= end) return answer;
    std::this_thread::sleep_for(between_tries);
  }
}

Result<Response> Engine::ask_once(const std::string& method, const std::string& rest, const std::string& body, Duration limit) {
  Request request;
  request.method = method;
  DROVER_LET(request.target, path(rest));
  request.body = body;
  request.limit = limit;
  Result<Response> answer = http_.call(request);
  if (!answer && answer.error().code == Code::unavailable) {
    // Whoever answers next may be another version of the engine.
    const std::lock_guard lock(mutex_);
    stale_ = true;
  }
  return answer;
}

Result<void> Engine::expect(const std::string& method, const std::string& rest, std::string_view what, Duration limit) {
  DROVER_LET(const Response answer, ask(method, rest, {}, limit));
  if (!is_success(answer)) return error_of(answer, what);
  return {};
}

Result<EngineFacts> Engine::facts() {
  EngineFacts facts;
  DROVER_LET(const std::string version_text, agree());
  DROVER_LET(const json::value version, parse_json(version_text, "the engine's version"));
  facts.version = text_at(version, "Version");
  facts.api_version = known_path("").substr(2);
  DROVER_LET(const Response info_answer, ask("GET", "/info", {}, quick));
  if (!is_success(info_answer)) return error_of(info_answer, "ask the docker engine for its properties");
  DROVER_LET(const json::value info, parse_json(info_answer.body, "the engine's properties"));
  read_info(info, facts);
  DROVER_LET(const Response network_answer, ask("GET", "/networks/bridge", {}, quick));
  if (network_answer.status == 200) {
    DROVER_LET(const json::value network, parse_json(network_answer.body, "the engine's network"));
    facts.bridge_ip = bridge_gateway(network);
  }
  return facts;
}

bool Engine::answers() {
  Request ping;
  ping.target = "/_ping";
  ping.limit = ping_limit;
  const Result<Response> answer = http_.call(ping);
  return answer && is_success(*answer);
}

Result<std::optional<Image>> Engine::image(const std::string& reference, Duration patience) {
  DROVER_LET(const Response answer, ask("GET", "/images/" + url_encoded(reference) + "/json", {}, slow, patience));
  if (answer.status == 404) return std::optional<Image>();
  if (!is_success(answer)) return error_of(answer, "look for image '" + reference + "'");
  DROVER_LET(const json::value body, parse_json(answer.body, "the image"));
  Image image{text_at(body, "Id"), {}};
  if (const json::array* digests = at(body, "RepoDigests").if_array(); digests != nullptr && !digests->empty() && digests->front().is_string()) {
    image.digest = std::string(digests->front().as_string());
  }
  return std::optional(image);
}

Result<void> Engine::remove_image(const std::string& reference) {
  return expect("DELETE", "/images/" + url_encoded(reference), "remove image '" + reference + "'", slow);
}

Result<std::string> Engine::create(const std::string& name, const std::string& body, Duration patience) {
  DROVER_LET(const Response answer, ask("POST", "/containers/create?name=" + url_encoded(name), body, slow, patience));
  if (!is_success(answer)) return error_of(answer, "create container '" + name + "'");
  DROVER_LET(const json::value created, parse_json(answer.body, "the new container"));
  const std::string id = text_at(created, "Id");
  if (id.empty()) return fail(Code::unavailable, "create container '{}': the engine gave no id", name);
  return id;
}

Result<void> Engine::start(const std::string& id, Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (bool freed = false;;) {
    const Result<Response> answer = ask("POST", "/containers/" + id + "/start", {}, slow);
    if (answer && is_success(*answer)) return {};
    if (answer) {
      Error refused = error_of(*answer, "start container");
      const std::optional<TakenEndpoint> taken = taken_endpoint(refused.message);
      if (!taken) return refused;
      refused.code = Code::conflict;
      if (freed) return refused;
      freed = true;
      static_cast<void>(disconnect(taken->network, taken->name));
      continue;
    }
    const Duration left = end - std::chrono::steady_clock::now();
    if (answer.error().code != Code::unavailable || left <= Duration::zero()) return answer.error();
    // Whoever started it again when it had run and ended by now would run it twice.
    DROVER_LET(const Container found, inspect(id, left));
    if (found.status != "created") return {};
    std::this_thread::sleep_for(between_tries);
  }
}

Result<void> Engine::kill(const std::string& id, const std::string& signal) {
  const Result<void> killed = expect("POST", "/containers/" + id + "/kill?signal=" + url_encoded(signal), "send " + signal + " to container", quick);
  if (!killed && (killed.error().code == Code::conflict || killed.error().code == Code::not_found)) return {};
  return killed;
}

Result<void> Engine::remove(const std::string& id) {
  const Result<void> removed = expect("DELETE", "/containers/" + id + "?force=1&v=1", "remove container", slow);
  if (removed || removed.error().code == Code::not_found) return {};
  // Somebody else, or our own earlier call, is about to remove it.
  if (removed.error().code == Code::conflict && removed.error().message.find("already in progress") != std::string::npos) return {};
  return removed;
}

Result<void> Engine::disconnect(const std::string& network, const std::string& endpoint) {
  const std::string body = json::serialize(json::object{{"Container", endpoint}, {"Force", true}});
  DROVER_LET(const Response answer, ask("POST", "/networks/" + url_encoded(network) + "/disconnect", body, quick));
  return is_success(answer) ? Result<void>() : error_of(answer, "disconnect " + endpoint + " from network " + network);
}

Result<Container> parse_container(const std::string& body) {
  DROVER_LET(const json::value value, parse_json(body, "the container"));
  Container out;
  out.id = text_at(value, "Id");
  out.image_id = text_at(value, "Image");
  out.status = text_at(value, "State.Status");
  out.error = text_at(value, "State.Error");
  out.exit_code = static_cast<int>(integer_at(value, "State.ExitCode"));
  out.pid = static_cast<int>(integer_at(value, "State.Pid"));
  out.oom_killed = bool_at(value, "State.OOMKilled");
  out.terminal = bool_at(value, "Config.Tty");
  out.stop_signal = text_at(value, "Config.StopSignal");
  out.labels = texts_at(value, "Config.Labels");
  if (const json::object* networks = at(value, "NetworkSettings.Networks").if_object()) {
    for (const auto& network : *networks) {
      out.networks.push_back({std::string(network.key()), text_at(network.value(), "IPAddress"), text_at(network.value(), "GlobalIPv6Address")});
    }
    std::sort(out.networks.begin(), out.networks.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return out;
}

Result<Container> Engine::inspect(const std::string& id_or_name, Duration patience) {
  DROVER_LET(const Response answer, ask("GET", "/containers/" + url_encoded(id_or_name) + "/json", {}, quick, patience));
  if (!is_success(answer)) return error_of(answer, "inspect container '" + id_or_name + "'");
  return parse_container(answer.body);
}

Result<std::vector<ListedContainer>> Engine::list_labelled(const std::string& label) {
  const std::string filters = json::serialize(json::object{{"label", json::array{json::string(label)}}});
  DROVER_LET(const Response answer, ask("GET", "/containers/json?all=1&filters=" + url_encoded(filters), {}, slow));
  if (!is_success(answer)) return error_of(answer, "list containers");
  DROVER_LET(const json::value body, parse_json(answer.body, "the list of containers"));
  std::vector<ListedContainer> out;
  if (const json::array* items = body.if_array()) {
    for (const json::value& item : *items) out.push_back({text_at(item, "Id"), text_at(item, "State"), integer_at(item, "Created"), texts_at(item, "Labels")});
  }
  return out;
}

Result<std::string> Engine::stats(const std::string& id) {
  DROVER_LET(const Response answer, ask("GET", "/containers/" + id + "/stats?stream=false", {}, quick));
  if (!is_success(answer)) return error_of(answer, "measure container");
  return answer.body;
}

Result<std::string> Engine::create_exec(const std::string& container, const std::string& body) {
  DROVER_LET(const Response answer, ask("POST", "/containers/" + container + "/exec", body, quick));
  if (!is_success(answer)) return error_of(answer, "prepare a command in the container");
  DROVER_LET(const json::value created, parse_json(answer.body, "the new command"));
  return text_at(created, "Id");
}

Result<ExecState> Engine::inspect_exec(const std::string& exec) {
  DROVER_LET(const Response answer, ask("GET", "/exec/" + exec + "/json", {}, quick));
  if (!is_success(answer)) return error_of(answer, "look after a command in the container");
  DROVER_LET(const json::value state, parse_json(answer.body, "the command"));
  const bool running = bool_at(state, "Running");
  const bool ended = !running && at(state, "ExitCode").is_number();
  return ExecState{running, ended, static_cast<int>(integer_at(state, "ExitCode")), static_cast<int>(integer_at(state, "Pid"))};
}

Result<void> Engine::resize_exec(const std::string& exec, int rows, int columns) {
  return expect("POST", text("/exec/{}/resize?h={}&w={}", exec, rows, columns), "resize the terminal", quick);
}

}  // namespace drover::docker
