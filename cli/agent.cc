#include "agent/agent.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/session/grpc_link.h"
#include "api/answer.h"
#include "api/route.h"
#include "base/file/file_lock.h"
#include "base/http/server.h"
#include "base/json/json.h"
#include "base/loop/call.h"
#include "base/loop/os_signals.h"
#include "cli/client_role.h"
#include "cli/client_routes.h"
#include "cli/command.h"
#include "cli/dev_folder.h"
#include "cli/local_files.h"
#include "cli/local_link.h"
#include "cli/log_route.h"
#include "cli/role_thread.h"
#include "cli/server_role.h"
#include "cli/version.h"
#include "model/agent_config/agent_config.h"
#include "model/proto/agent_view.pb.h"
#include "server/http/event_log.h"
#include "server/http/routes.h"
#include "server/http/tunnel_endpoints.h"

namespace drover::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view task_environment[] = {"PATH", "LANG", "LC_ALL", "TZ"};  ///< what tasks get of the agent's own
constexpr std::string_view driver_environment[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
                                                   "DOCKER_CONFIG", "JAVA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"};  ///< and drivers: no credentials of drover's
constexpr std::size_t socket_folder_max = 60;  ///< so that sockets below it stay within 107 bytes

/// A flag of the command and the configuration key that it sets.
struct ConfigFlag {
  std::string_view flag, value, key, help;
};
constexpr ConfigFlag config_flags[] = {
    {"bind", "<address>", "bind_addr", "the address to listen on"},
    {"server", "", "server.enabled", "run a server"},
    {"client", "", "client.enabled", "run tasks"},
    {"bootstrap-expect", "<n>", "server.bootstrap_expect", "how many servers there will be"},
    {"data-dir", "<folder>", "data_dir", "where everything is kept"},
    {"state-dir", "<folder>", "client.state_dir", "where the client keeps its state"},
    {"alloc-dir", "<folder>", "client.alloc_dir", "where allocations live"},
    {"plugin-dir", "<folder>", "plugin_dir", "a folder with drivers"},
    {"dc", "<name>", "datacenter", "the datacenter"},
    {"region", "<name>", "region", "the region"},
    {"node", "<name>", "name", "the name of this agent"},
    {"node-class", "<class>", "client.node_class", "the class of this node"},
    {"node-pool", "<pool>", "client.node_pool", "the pool of this node"},
    {"meta", "<key=value>", "client.meta", "metadata of this node; repeatable"},
    {"servers", "<address>", "client.servers", "a server's RPC address; repeatable"},
    {"network-interface", "<device>", "client.network_interface", "whose address tasks get"},
    {"log-level", "<level>", "log_level", "TRACE, DEBUG, INFO, WARN or ERROR"},
    {"log-json", "", "log_json", "log JSON lines"},
    {"acl-enabled", "", "acl.enabled", "check tokens"},
};

Result<void> read_config_path(const std::string& path, model::AgentConfig& config, hcl::Diagnostics& problems) {
  std::vector<fs::path> files = {path};
  std::error_code problem;
  if (fs::is_directory(path, problem)) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path, problem)) names.push_back(entry.path().filename().string());
    files.clear();
    for (const std::string& name : model::agent_config_files(names)) files.push_back(fs::path(path) / name);
  }
  for (const fs::path& file : files) {
    auto text = read_file(file);
    if (!text.ok()) return text.error().within("configuration");
    model::merge_agent_config(config, file.string(), std::move(*text), problems);
  }
  return {};
}

/// Defaults, files, flags, in this order; everything that is wrong is in the error.
Result<model::AgentConfig> load_config(const Context& context) {
  model::AgentConfig config = model::default_agent_config(context.flags.is_on("dev"));
  hcl::Diagnostics problems;
  for (const std::string& path : context.flags.all("config")) DROVER_TRY(read_config_path(path, config, problems));
  for (const ConfigFlag& row : config_flags) {
    for (const std::string& value : context.flags.all(row.flag)) {
      if (row.flag != "servers") model::set_agent_config(config, row.key, value, "-" + std::string(row.flag), problems);
      else for (std::size_t at = 0, comma; at <= value.size(); at = comma + 1) {
        comma = std::min(value.find(',', at), value.size());
        model::set_agent_config(config, row.key, value.substr(at, comma - at), "-servers", problems);
      }
    }
  }
  if (hcl::has_errors(problems)) return fail(Code::invalid, "{}", hcl::render(problems));
  return config;
}

/// "host:port" of every server that is configured; the RPC port is the default one where none is given.
std::vector<std::string> server_addresses(const model::AgentConfig& config) {
  std::vector<std::string> addresses = config.client.servers;
  addresses.insert(addresses.end(), config.client.join.retry_join.begin(), config.client.join.retry_join.end());
  for (std::string& address : addresses) {
    if (address.find(':') == std::string::npos) address += ":4647";
  }
  return addresses;
}

Result<void> check_config(const model::AgentConfig& config) {
  const hcl::Diagnostics problems = model::validate_agent_config(config);
  if (hcl::has_errors(problems)) return fail(Code::invalid, "{}", hcl::render(problems));
  if (!config.server.enabled && !config.client.enabled)
    return fail(Code::invalid, "neither server nor client is enabled: start with -dev, or set server {{ enabled = true }} or client {{ enabled = true }}");
  if (config.server.enabled && config.server.bootstrap_expect > 1) return fail(Code::unsupported, "server.bootstrap_expect = {}: several servers are not supported yet; use 1", config.server.bootstrap_expect);
  if (config.client.enabled && !config.server.enabled && server_addresses(config).empty())
    return fail(Code::invalid, "client.servers is empty: name at least one server, e.g. servers = [\"10.0.0.1:4647\"]");
  if (config.acl.enabled) return fail(Code::unsupported, "acl.enabled: access control lists are not supported yet; remove the block");
  return {};
}

/// Where the programs of this installation are, relative to the one that runs.
struct Installation {
  fs::path bin, libexec, plugins;
};

Installation installation() {
  std::error_code problem;
  const fs::path bin = fs::read_symlink("/proc/self/exe", problem).parent_path();
  return {bin, bin.parent_path() / "libexec" / "drover", bin.parent_path() / "lib" / "drover" / "plugins"};
}

/// A short folder of ours (0700) for sockets: in the data folder when its path is short enough, else below /run or /tmp.
Result<std::string> runtime_folder(const model::AgentConfig& config, const World& world) {
  fs::path folder = fs::path(config.data_dir) / "run";
  if (folder.string().size() > socket_folder_max) {
    const std::string base = world.env("XDG_RUNTIME_DIR").value_or(access("/run", W_OK) == 0 ? "/run" : "/tmp");
    folder = fs::path(base) / fmt::format("drover-{:x}", std::hash<std::string>{}(config.data_dir) & 0xffffffff);
  }
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) return fail(Code::denied, "make folder {}: {}", folder.string(), problem.message());
  struct stat owner {};
  if (lstat(folder.c_str(), &owner) != 0 || owner.st_uid != geteuid() || !S_ISDIR(owner.st_mode)) return fail(Code::denied, "folder {} is not ours: remove it", folder.string());
  chmod(folder.c_str(), 0700);
  return folder.string();
}

/// The certificates of agents and servers among themselves. A server's is valid for "server.<region>.nomad".
Result<std::shared_ptr<const rpc::Tls>> load_tls(const model::AgentConfig& config) {
  auto tls = std::make_shared<rpc::Tls>();
  DROVER_LET(tls->trusted_roots, read_file(fs::path(config.tls.ca_file)));
  DROVER_LET(tls->certificate, read_file(fs::path(config.tls.cert_file)));
  DROVER_LET(tls->key, read_file(fs::path(config.tls.key_file)));
  tls->peer_name = "server." + config.region + ".nomad";
  return std::shared_ptr<const rpc::Tls>(std::move(tls));
}

std::shared_ptr<const model::SchedulerConfiguration> scheduler_configuration(const model::SchedulerAgentConfig& config) {
  if (!config.given) return nullptr;
  auto out = std::make_shared<model::SchedulerConfiguration>();
  out->set_scheduler_algorithm(config.algorithm);
  out->set_memory_oversubscription_enabled(config.memory_oversubscription);
  out->set_reject_job_registration(config.reject_job_registration);
  out->set_pause_eval_broker(config.pause_eval_broker);
  auto& preemption = *out->mutable_preemption_config();
  preemption.set_system_scheduler_enabled(config.preempts_system);
  preemption.set_sys_batch_scheduler_enabled(config.preempts_sysbatch);
  preemption.set_batch_scheduler_enabled(config.preempts_batch);
  preemption.set_service_scheduler_enabled(config.preempts_service);
  return out;
}

server::ServerConfig server_config(const model::AgentConfig& config, const std::string& name) {
  server::ServerConfig out;
  out.region = config.region;
  out.name = name;
  out.rpc_address = fmt::format("{}:{}", config.rpc_host(), config.rpc_port);
  out.heartbeat_ttl_min = config.server.min_heartbeat_ttl;
  out.heartbeat_grace = config.server.heartbeat_grace;
  out.failover_ttl = config.server.failover_heartbeat_ttl;
  out.gc_interval = config.server.job_gc_interval;
  out.eval_gc_threshold = config.server.eval_gc_threshold;
  out.batch_eval_gc_threshold = config.server.batch_eval_gc_threshold;
  out.job_gc_threshold = config.server.job_gc_threshold;
  out.node_gc_threshold = config.server.node_gc_threshold;
  out.job_priority_max = config.server.job_max_priority;
  out.job_count_max = config.server.job_max_count;
  out.scheduler = scheduler_configuration(config.server.scheduler);
  out.job_versions_max = static_cast<std::size_t>(std::max<std::int64_t>(1, config.server.job_tracked_versions));
  return out;
}

agent::Settings client_settings(const model::AgentConfig& config, const std::string& name, const World& world) {
  const model::ClientAgentConfig& client = config.client;
  agent::Settings out;
  out.name = name;
  out.region = config.region;
  out.datacenter = config.datacenter;
  out.node_class = client.node_class;
  out.node_pool = client.node_pool;
  out.meta = client.meta;
  out.http_address = fmt::format("{}:{}", config.http_hosts().front(), config.http_port);
  out.version = nomad_version;
  out.network_interface = client.network_interface;
  out.network_speed = client.network_speed;
  out.cpu_total_compute = client.cpu_total_compute;
  out.memory_total_mb = client.memory_total_mb;
  out.disk_total_mb = client.disk_total_mb;
  out.reserved_cpu = client.reserved_cpu;
  out.reserved_memory_mb = client.reserved_memory_mb;
  out.reserved_disk_mb = client.reserved_disk_mb;
  out.reserved_ports = client.reserved_ports;
  out.min_dynamic_port = client.min_dynamic_port;
  out.max_dynamic_port = client.max_dynamic_port;
  out.node_max_allocs = client.node_max_allocs;
  out.max_kill_timeout = client.max_kill_timeout;
  out.gc_interval = client.gc_interval;
  out.gc_max_allocs = client.gc_max_allocs;
  for (const std::string_view variable : task_environment) {
    if (auto value = world.env(std::string(variable))) out.task_base_env[std::string(variable)] = *value;
  }
  return out;
}

ClientPaths client_paths(const model::AgentConfig& config, const std::string& runtime_dir, const World& world) {
  const Installation where = installation();
  ClientPaths paths{.state_dir = config.client.state_dir, .alloc_dir = config.client.alloc_dir, .runtime_dir = runtime_dir, .log_collector = (where.libexec / "drover-logs").string(), .plugin_dirs = {}, .plugin_env = {}};
  for (const std::string_view variable : driver_environment) {
    if (auto value = world.env(std::string(variable))) paths.plugin_env.push_back(std::string(variable) + "=" + *value);
  }
  if (!config.plugin_dir.empty()) paths.plugin_dirs.push_back(config.plugin_dir);
  paths.plugin_dirs.push_back(where.plugins.string());
  return paths;
}

/// The HTTP API of an agent: one listener an address. On a loop of its own, or on that of the client role where there is
/// no server: what that answers itself, it answers there.
class HttpRole {
 public:
  explicit HttpRole(RoleThread& thread) : thread_(thread) {}
  HttpRole(const HttpRole&) = delete;
  HttpRole& operator=(const HttpRole&) = delete;
  ~HttpRole() {
    for (auto& listener : listeners_) thread_.wait_void([&listener] { return listener->stop(); });
  }

  Result<void> start(const model::AgentConfig& config, server::Server& server, agent::Agent* agent, server::AgentInfo info,
                     std::shared_ptr<server::EventLog> events) {
    endpoints_ = std::make_unique<server::TunnelEndpoints>(server.tunnels(), thread_.loop(), agent ? agent->node_id() : "");
    parts_ = std::make_unique<server::HttpParts>(server::HttpParts{server, thread_.loop(), random_, *endpoints_, std::move(info), std::move(events)});
    return listen(config, server::http_routes(*parts_));
  }

  std::shared_ptr<LogHub> log;  ///< what GET /v1/agent/monitor shows; set before anything is started
  LogOwner log_owner;           ///< the same

  /// The same with other routes.
  Result<void> listen(const model::AgentConfig& config, std::vector<api::Route> routes) {
    if (log) routes.push_back(log_route(thread_.loop(), log, log_owner));
    api::Api::Options options{.region = config.region};
    for (const std::string& address : {config.advertise.http, config.advertise.rpc}) {
      if (!address.empty()) options.doors.own_names.emplace_back(api::host_without_port(address));
    }
    for (const auto& [name, value] : config.http_api_response_headers) options.headers.emplace_back(name, value);
    api_ = std::make_unique<api::Api>(std::move(routes), authorizer_, std::move(options));
    for (const std::string& host : config.http_hosts()) {
      http::ServerOptions listen{.address = host == "localhost" ? "127.0.0.1" : host, .port = static_cast<std::uint16_t>(config.http_port)};
      listen.connections_per_address_max = static_cast<std::size_t>(config.limits.http_max_conns_per_client);
      if (config.tls.http) listen.tls = {.certificate = config.tls.cert_file, .key = config.tls.key_file, .ca = config.tls.ca_file, .verify_clients = config.tls.verify_https_client};
      auto listener = std::make_unique<http::Server>(thread_.loop(), [this](http::Request request) { return answer(std::move(request)); }, std::move(listen));
      DROVER_TRY(listener->start());
      listeners_.push_back(std::move(listener));
    }
    return {};
  }

 private:
  /// Where somebody reads debug lines, each request is one, without its query.
  Async<http::Response> answer(http::Request request) {
    if (!log || !log->wants(LogLevel::debug)) co_return co_await api_->handle(std::move(request));
    const std::string method = request.method, path = request.target.substr(0, request.target.find('?'));
    const Duration begun = thread_.loop().uptime();
    http::Response response = co_await api_->handle(std::move(request));
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(thread_.loop().uptime() - begun);
    Log(log, "http").debug("request complete: method={} path={} status={} microseconds={}", method, path, response.status, took.count());
    co_return response;
  }

  RoleThread& thread_;
  RealRandom random_;
  api::AllowAll authorizer_;
  std::unique_ptr<server::TunnelEndpoints> endpoints_;
  std::unique_ptr<server::HttpParts> parts_;
  std::unique_ptr<api::Api> api_;
  std::vector<std::unique_ptr<http::Server>> listeners_;
};

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

void show_settings(const model::AgentConfig& config, const std::string& node_id) {
  out("==> drover agent configuration:\n");
  std::vector<std::pair<std::string, std::string>> rows = {
      {"Advertise Addrs", fmt::format("HTTP: {}:{}; RPC: {}:{}", config.http_hosts().front(), config.http_port, config.rpc_host(), config.rpc_port)},
      {"Bind Addrs", fmt::format("HTTP: [{}:{}]; RPC: {}:{}", config.http_hosts().front(), config.http_port, config.rpc_host(), config.rpc_port)},
      {"Client", config.client.enabled ? "true" : "false"},
      {"Data Dir", config.data_dir},
      {"Log Level", config.log_level},
      {"Node Id", node_id},
      {"Region", fmt::format("{} (DC: {})", config.region, config.datacenter)},
      {"Server", config.server.enabled ? "true" : "false"},
      {"Version", std::string(drover_version)}};
  for (const auto& [key, value] : rows) {
    if (!value.empty()) out(fmt::format("{:>22}: {}", key, value));
  }
  out("\n==> drover agent started! Log data will stream in below:\n");
  std::fflush(stdout);
}

/// The id of this server: made once, kept in its folder.
Result<std::string> server_id(const fs::path& file) {
  if (const Result<std::string> kept = read_file(file); kept.ok() && !parse_uuid(kept->substr(0, 36)).is_nil()) return kept->substr(0, 36);
  RealRandom random;
  std::string id = to_text(random.uuid());
  std::ofstream(file) << id << '\n';
  if (const Result<std::string> kept = read_file(file); !kept.ok() || kept->substr(0, 36) != id) return fail(Code::internal, "write {}: it does not read back", file.string());
  return id;
}

Result<Log> open_log(const model::AgentConfig& config) {
  LogOptions options;
  options.level = parse_log_level(config.log_level).value_or(LogLevel::info);
  options.format = config.log_json ? LogFormat::json : LogFormat::text;
  options.file = config.log_file.path;
  if (config.log_file.rotate_bytes > 0) options.rotate_bytes = static_cast<std::size_t>(config.log_file.rotate_bytes);
  DROVER_LET(auto hub, LogHub::open(std::move(options)));
  return Log(std::move(hub));
}

/// Reads the configuration again and takes over what can change while the agent runs: the log level.
void reload(const Context& context, const std::string& data_dir, const Log& log) {
  auto config = load_config(context);
  if (config.ok()) {
    if (config->data_dir.empty()) config->data_dir = data_dir;  // of -dev: made when it was started
    model::complete_agent_config(*config);
    const hcl::Diagnostics problems = model::validate_agent_config(*config);
    if (hcl::has_errors(problems)) config = fail(Code::invalid, "{}", hcl::render(problems));
  }
  if (!config.ok()) {
    log.error("configuration not reloaded, the agent goes on with the old one: {}", config.error().message);
    return;
  }
  log.hub()->set_level(parse_log_level(config->log_level).value_or(LogLevel::info));
  log.info("configuration reloaded: log_level={}; other settings take effect when the agent is started again", config->log_level);
}

Async<int> signal_to_end(OsSignals& signals, std::function<void()> on_hangup) {
  for (;;) {
    const int signal = co_await signals.next();
    if (signal != SIGHUP) co_return signal;
    on_hangup();
  }
}

/// The whole agent: roles are made in order and end in reverse.
Result<void> serve(Context& context) {
  // First of all: who is told to end while it starts ends in order as well.
  RealLoop main_loop;
  OsSignals signals(main_loop, {SIGINT, SIGTERM, SIGHUP});
  DROVER_LET(model::AgentConfig config, load_config(context));
  std::optional<DevFolder> dev_folder;
  if (config.dev && config.data_dir.empty()) {
    DROVER_LET(DevFolder made, DevFolder::make(context.world.env("TMPDIR").value_or("/tmp")));
    dev_folder.emplace(std::move(made));
    config.data_dir = dev_folder->path().string();
  }
  model::complete_agent_config(config);
  DROVER_TRY(check_config(config));
  DROVER_LET(const Log log, open_log(config));
  std::error_code problem;
  fs::create_directories(config.data_dir, problem);
  if (problem) return fail(Code::denied, "make data_dir {}: {}", config.data_dir, problem.message());
  chmod(config.data_dir.c_str(), 0700);
  std::optional<FileLock> lock;
  if (!dev_folder) {
    DROVER_LET(FileLock taken, FileLock::take(config.data_dir));
    lock.emplace(std::move(taken));
  }
  DROVER_LET(const std::string runtime_dir, runtime_folder(config, context.world));
  const std::string name = config.name.empty() ? host_name() : config.name;

  std::shared_ptr<const rpc::Tls> tls;
  if (config.tls.rpc) {
    DROVER_LET(tls, load_tls(config));
  }
  std::optional<RoleThread> http_thread;  // made before the server, ended after it: the server tells it of changes
  std::shared_ptr<server::EventLog> events;
  std::unique_ptr<ServerRole> server;
  if (config.server.enabled) {
    http_thread.emplace("http");
    events = std::make_shared<server::EventLog>(http_thread->loop());
    DROVER_LET(server, ServerRole::start(fs::path(config.data_dir) / "server", server_config(config, name), log.with("server"),
                                         [&events](server::Server& made) { events->follow(made); }));
    if (!config.dev) DROVER_TRY(server->listen(fmt::format("{}:{}", config.rpc_host(), config.rpc_port), tls));
  }
  std::unique_ptr<ClientRole> client;
  if (config.client.enabled) {
    ClientRole::MakeLink make_link = [&server, &config, tls](Loop& loop) -> std::unique_ptr<agent::ServerLink> {
      if (server) return std::make_unique<LocalLink>(loop, server->loop(), server->server());
      return std::make_unique<agent::GrpcLink>(loop, server_addresses(config), tls);
    };
    DROVER_LET(client, ClientRole::start(config, client_paths(config, runtime_dir, context.world), client_settings(config, name, context.world), std::move(make_link), log));
  }
  const std::string node_id = client ? client->agent().node_id() : "";
  HttpRole http(server ? *http_thread : client->thread());
  http.log = log.hub();
  http.log_owner.node_id = node_id;
  if (server) {
    server::AgentInfo info;
    info.name = name;
    info.region = config.region;
    info.datacenter = config.datacenter;
    info.version = nomad_version;
    info.bind_address = config.bind_addr;
    info.rpc_address = fmt::format("{}:{}", config.rpc_host(), config.rpc_port);
    info.data_dir = config.dev ? "" : config.data_dir;
    info.alloc_dir = config.client.alloc_dir;
    info.state_dir = config.client.state_dir;
    DROVER_LET(info.server_id, server_id(fs::path(config.data_dir) / "server" / "server-id"));
    info.http_port = static_cast<std::uint16_t>(config.http_port);
    info.rpc_port = static_cast<std::uint16_t>(config.rpc_port);
    info.serf_port = static_cast<std::uint16_t>(config.serf_port);
    info.started = http_thread->loop().now();
    info.scheduler_threads = std::max(1u, std::thread::hardware_concurrency());
    info.dev_mode = config.dev;
    info.client = client != nullptr;
    info.acl_enabled = config.acl.enabled;
    if (client) info.client_stats = [node_id] { return std::vector<std::pair<std::string, std::string>>{{"node_id", node_id}}; };
    http.log_owner.server_name = fmt::format("{}.{}", name, config.region);
    http.log_owner.knows_node = [&served = server->server()](const std::string& id) { return served.snapshot()->node(parse_uuid(id)) != nullptr; };
    DROVER_TRY(http.start(config, server->server(), client ? &client->agent() : nullptr, std::move(info), events));
  } else {
    DROVER_TRY(http.listen(config, client_routes(client->agent(), {.name = name, .version = std::string(nomad_version), .servers = server_addresses(config)})));
  }
  show_settings(config, node_id);
  std::function<void()> on_hangup = [&context, &config, &log, client = client.get()] {
    reload(context, config.data_dir, log);
    if (client == nullptr) return;
    log.info("looking into the plugin folders again: signal=SIGHUP");
    client->rescan_plugins();
  };
  const int signal = run<int>(main_loop, signal_to_end(signals, std::move(on_hangup)));
  log.info("stopping: signal={}", signal);
  return {};
}

int agent_command(Context& context) {
  umask(077);
  const Result<void> served = serve(context);
  if (served.ok()) return 0;
  err(fmt::format("==> {}", served.error().message));
  return 1;
}

/// Whether an agent would take these files; offline.
int config_validate(Context& context) {
  model::AgentConfig config = model::default_agent_config(false);
  hcl::Diagnostics problems;
  for (const std::string& path : context.args()) {
    const Result<void> read = read_config_path(path, config, problems);
    if (read.ok()) continue;
    err(read.error().message);
    return 1;
  }
  if (!hcl::has_errors(problems)) {
    model::complete_agent_config(config);
    hcl::Diagnostics wrong = model::validate_agent_config(config);
    problems.insert(problems.end(), wrong.begin(), wrong.end());
  }
  if (hcl::has_errors(problems)) {
    err(hcl::render(problems));
    return 1;
  }
  out("Configuration is valid!");
  return 0;
}

}  // namespace

void add_agent_commands(std::vector<Command>& rows) {
  std::vector<Flag> flags = {{"dev", "", "a server and a client in one, on loopback, with nothing kept"}, {"config", "<path>", "a configuration file or folder; repeatable"}};
  for (const ConfigFlag& row : config_flags) flags.push_back({row.flag, row.value, row.help});
  rows.push_back({"agent", "", "runs an agent: a server, a client, or both", "drover agent -dev", std::move(flags), agent_command, 0, 0});
  rows.push_back({"config validate", "<path>…", "checks agent configuration files and folders, without an agent", "drover config validate /etc/drover.d", {}, config_validate, 1, SIZE_MAX, "files", false, false, "Must specify at least one config file or directory"});
}

}  // namespace drover::cli
