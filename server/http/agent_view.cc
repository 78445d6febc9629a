#include "server/http/agent_view.h"

#include <sys/utsname.h>

#include <string>
#include <thread>

#include "base/json/json.h"
#include "model/json/codec.h"

namespace drover::server {
namespace {

/// Numbers that members of a gossip pool announce; clients print them.
constexpr std::uint64_t protocol_min = 1, protocol_max = 5, protocol_now = 2;
constexpr std::uint64_t delegate_min = 2, delegate_max = 5, delegate_now = 4;

std::string host_of(const std::string& address) {
  const auto colon = address.rfind(':');
  return colon == std::string::npos ? address : address.substr(0, colon);
}

std::string text_of(bool value) { return value ? "true" : "false"; }

Value pairs(std::initializer_list<std::pair<const char*, std::string>> members) {
  Value out = Value::map();
  for (const auto& [name, value] : members) out.set(name, value);
  return out;
}

Value config_of(const AgentInfo& info) {
  Value acl = Value::map();
  acl.set("Enabled", info.acl_enabled);
  Value ports = Value::map();
  ports.set("HTTP", static_cast<std::int64_t>(info.http_port));
  ports.set("RPC", static_cast<std::int64_t>(info.rpc_port));
  ports.set("Serf", static_cast<std::int64_t>(info.serf_port));
  Value ui = Value::map();
  ui.set("Enabled", false);
  ui.set("ShowCLIHints", true);
  Value version = pairs({{"Version", info.version}, {"VersionPrerelease", ""}, {"VersionMetadata", ""}, {"Revision", ""}});
  version.set("BuildDate", nullptr);
  Value client = Value::map();
  client.set("AllocDir", info.alloc_dir);
  client.set("Enabled", info.client);
  client.set("StateDir", info.state_dir);
  Value server = Value::map();
  server.set("Enabled", true);

  Value out = Value::map();
  out.set("ACL", std::move(acl));
  out.set("BindAddr", info.bind_address);
  out.set("Client", std::move(client));
  out.set("DataDir", info.data_dir);
  out.set("Datacenter", info.datacenter);
  out.set("DevMode", info.dev_mode);
  out.set("EnableDebug", false);
  out.set("NodeName", info.name);
  out.set("Ports", std::move(ports));
  out.set("Region", info.region);
  out.set("Server", std::move(server));
  out.set("UI", std::move(ui));
  out.set("Version", std::move(version));
  return out;
}

/// One server with a journal shows itself as a Raft group of one.
Value raft_of(const AgentInfo& info, Index index, bool leading) {
  const std::string at = std::to_string(index);
  return pairs({{"applied_index", at},
                {"commit_index", at},
                {"fsm_pending", "0"},
                {"last_contact", "0"},
                {"last_log_index", at},
                {"last_log_term", "1"},
                {"last_snapshot_index", "0"},
                {"last_snapshot_term", "0"},
                {"latest_configuration", text("[{Suffrage:Voter ID:{} Address:{}}]", info.server_id, info.rpc_address)},
                {"latest_configuration_index", "0"},
                {"logstore_backend", "journal"},
                {"num_peers", "0"},
                {"protocol_version", "3"},
                {"protocol_version_max", "3"},
                {"protocol_version_min", "1"},
                {"snapshot_version_max", "1"},
                {"snapshot_version_min", "0"},
                {"state", leading ? "Leader" : "Follower"},
                {"term", "1"}});
}

Value serf_of() {
  return pairs({{"coordinate_resets", "0"}, {"encrypted", "false"}, {"event_queue", "0"}, {"event_time", "1"},
                {"failed", "0"}, {"health_score", "0"}, {"intent_queue", "0"}, {"left", "0"}, {"member_time", "1"},
                {"members", "1"}, {"query_queue", "0"}, {"query_time", "1"}});
}

Value runtime_of() {
  utsname host{};
  ::uname(&host);
  const std::string cores = std::to_string(std::thread::hardware_concurrency());
  return pairs({{"arch", host.machine}, {"cpu_count", cores}, {"goroutines", "0"}, {"kernel.name", "linux"},
                {"max_procs", cores}, {"version", text("clang-{}", __clang_major__)}});
}

Value stats_of(const AgentInfo& info, Index index, bool leading) {
  Value out = Value::map();
  if (info.client) {
    Value client = Value::map();
    if (info.client_stats) {
      for (const auto& [name, value] : info.client_stats()) client.set(name, value);
    }
    out.set("client", std::move(client));
  }
  out.set("nomad", pairs({{"bootstrap", "true"},
                          {"known_regions", "1"},
                          {"leader", text_of(leading)},
                          {"leader_addr", leading ? info.rpc_address : ""},
                          {"server", "true"}}));
  out.set("raft", raft_of(info, index, leading));
  out.set("runtime", runtime_of());
  out.set("serf", serf_of());
  return out;
}

}  // namespace

model::AgentMember member_of(const AgentInfo& info) {
  model::AgentMember member;
  const std::string host = host_of(info.rpc_address);
  member.set_name(info.name + "." + info.region);
  member.set_addr(host);
  member.set_port(info.serf_port);
  member.set_status("alive");
  auto& tags = *member.mutable_tags();
  tags["bootstrap"] = "1";
  tags["build"] = info.version;
  tags["dc"] = info.datacenter;
  tags["expect"] = "1";
  tags["id"] = info.server_id;
  tags["port"] = std::to_string(info.rpc_port);
  tags["raft_vsn"] = "3";
  tags["region"] = info.region;
  tags["revision"] = "";
  tags["role"] = "nomad";
  tags["rpc_addr"] = host;
  tags["vsn"] = "1";
  member.set_protocol_min(protocol_min);
  member.set_protocol_max(protocol_max);
  member.set_protocol_cur(protocol_now);
  member.set_delegate_min(delegate_min);
  member.set_delegate_max(delegate_max);
  member.set_delegate_cur(delegate_now);
  return member;
}

Value self_of(const AgentInfo& info, Index index, bool leading) {
  Value out = Value::map();
  out.set("config", config_of(info));
  Result<Value> member = json::parse(model::to_json(member_of(info)));
  out.set("member", std::move(member).value());
  out.set("stats", stats_of(info, index, leading));
  return out;
}

}  // namespace drover::server
