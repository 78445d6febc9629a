#include "model/agent_config/agent_config.h"

#include <catch2/catch.hpp>

#include "base/hcl/legacy.h"

namespace drover::model {
namespace {

std::string errors(AgentConfig& config, std::string text, std::string name = "agent.hcl") {
  hcl::Diagnostics out;
  merge_agent_config(config, std::move(name), std::move(text), out);
  std::string all;
  for (const hcl::Diagnostic& d : out) all += hcl::one_line(d) + "\n";
  return all;
}

std::string complaints(const AgentConfig& config) {
  std::string all;
  for (const hcl::Diagnostic& d : validate_agent_config(config)) all += hcl::one_line(d) + "\n";
  return all;
}

AgentConfig client_config() {
  AgentConfig config;
  config.data_dir = "/var/lib/drover";
  config.client.enabled = true;
  config.client.servers = {"10.0.0.1:4647"};
  return config;
}

TEST_CASE("a file of the old language sets every kind of key", "[agent_config]") {
  AgentConfig config;

  REQUIRE(errors(config, R"(
# what people have
"region" = "eu"
data_dir = "/d", log_level = "WARN"
ports { http = "5646" }
client = {
  enabled = true
  servers = ["a:4647", "b:4647",]
  meta { "rack.row" = 7, big = true }
  options = { "driver.raw_exec.enable" = "1" }
  reserved { cpu = 500 }
  max_kill_timeout = "1m30s"
  host_volume "db" { path = "/srv/db" read_only = true }
  gc_disk_usage_threshold = 82.5
}
server { job_max_source_size = "2M" }
plugin "docker" {
  args = ["-x"]
  config { volumes { enabled = true } allow_caps = ["chown"] }
}
consul { address = "x" anything { goes = 1 } }
)").empty());

  CHECK(config.region == "eu");
  CHECK(config.http_port == 5646);
  CHECK(config.client.servers == std::vector<std::string>{"a:4647", "b:4647"});
  CHECK(config.client.meta == std::map<std::string, std::string>{{"rack.row", "7"}, {"big", "true"}});
  CHECK(config.client.reserved_cpu == 500);
  CHECK(config.client.max_kill_timeout == 90s);
  CHECK(config.client.host_volumes.at("db").read_only);
  CHECK(config.client.gc_disk_usage_threshold == 82.5);
  CHECK(config.server.job_max_source_bytes == 2'000'000);
  CHECK(config.plugins.at("docker").config == R"({"volumes":[{"enabled":true}],"allow_caps":["chown"]})");
  CHECK(config.set_by.at("client.max_kill_timeout") == "agent.hcl:12,3-19");
}

TEST_CASE("the same in JSON sets the same", "[agent_config]") {
  AgentConfig config;
  REQUIRE(errors(config, R"({"region": "eu", "client": [{"enabled": true, "host_volume": [{"db": [{"path": "/srv/db"}]}], "meta": {"a": "1"}}], "plugin": [{"docker": [{"config": [{"x": 1}]}]}]})").empty());

  CHECK(config.client.enabled);
  CHECK(config.client.host_volumes.at("db").path == "/srv/db");
  CHECK(config.plugins.at("docker").config == R"({"x":1})");
}

TEST_CASE("later files win by key, also with false and nothing", "[agent_config]") {
  AgentConfig config;
  REQUIRE(errors(config, "client { enabled = true node_class = \"big\" gc_max_allocs = 7 meta { a = \"1\" b = \"2\" } servers = [\"x\"] }\nplugin \"p\" { config { a = 1 b = 2 } }\n").empty());
  REQUIRE(errors(config, "client { enabled = false node_class = \"\" meta { b = \"3\" } servers = [\"y\"] }\nplugin \"p\" { config { b = 3 } }\n").empty());

  CHECK_FALSE(config.client.enabled);
  CHECK(config.client.node_class.empty());
  CHECK(config.client.gc_max_allocs == 7);
  CHECK(config.client.meta == std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}});
  CHECK(config.client.servers == std::vector<std::string>{"x", "y"});
  CHECK(config.plugins.at("p").config == R"({"a":1,"b":3})");
}

TEST_CASE("an unknown key is named with its place and the nearest known one", "[agent_config]") {
  AgentConfig config;
  CHECK(errors(config, "client {\n  node_clas = \"x\"\n}\n") == "agent.hcl:2,3-12: Unknown key; There is no key \"node_clas\" in client. Did you mean \"node_class\"?\n");
  CHECK(errors(config, "datacentre = \"x\"\n") == "agent.hcl:1,1-11: Unknown key; There is no key \"datacentre\". Did you mean \"datacenter\"?\n");
  CHECK(errors(config, "client {\n host_volume \"a\" { pth = \"/\" }\n}\n").find("There is no key \"pth\" in client.host_volume.a. Did you mean \"path\"?") != std::string::npos);
}

TEST_CASE("a wrong type and broken syntax are one error each, at their place", "[agent_config]") {
  AgentConfig config;
  CHECK(errors(config, "client { enabled = \"maybe\" }\n") == "agent.hcl:1,20-27: Wrong type; client.enabled must be true or false, not a text.\n");
  CHECK(errors(config, "client = 5\n").find("client must be a block") != std::string::npos);
  CHECK(errors(config, "ports { http = [1] }\n").find("ports.http must be a whole number, not a list") != std::string::npos);
  CHECK(errors(config, "client { gc_interval = 5 }\n").find("must be a duration in quotes") != std::string::npos);
  CHECK(errors(config, "client {\n").starts_with("agent.hcl:1,"));
  CHECK(errors(config, "region = eu\n").find("Invalid value") != std::string::npos);
  CHECK(errors(config, "region = \"x\n\n").find("Invalid multi-line string") != std::string::npos);
  CHECK(errors(config, "}\n").find("no block that this brace closes") != std::string::npos);
}

TEST_CASE("an address that others can reach is refused without encryption, naming what allows it", "[agent_config]") {
  AgentConfig config = client_config();
  CHECK(complaints(config).empty());

  config.bind_addr = "0.0.0.0";
  CHECK(complaints(config).find("allow_insecure_bind = true") != std::string::npos);
  CHECK(complaints(config).find("tls { http = true … }") != std::string::npos);

  config.allow_insecure_bind = true;
  CHECK(complaints(config).empty());

  config.allow_insecure_bind = false;
  config.tls.http = true;
  config.tls.cert_file = "c";
  config.tls.key_file = "k";
  CHECK(complaints(config).empty());
  config.server.enabled = true;
  CHECK(complaints(config).find("the RPC port of agents would listen on 0.0.0.0") != std::string::npos);
}

TEST_CASE("what would keep an agent from starting is said with the key to change", "[agent_config]") {
  AgentConfig config;
  CHECK(complaints(config).find("neither role is on") != std::string::npos);

  config = client_config();
  hcl::Diagnostics out;
  merge_agent_config(config, "a.hcl", "data_dir = \"relative\"\nclient {\n min_dynamic_port = 70000\n}\n", out);
  CHECK(complaints(config).find("a.hcl:1,12-22: Invalid configuration; data_dir is \"relative\"") != std::string::npos);
  CHECK(complaints(config).find("a.hcl:3,21-26: Invalid configuration; client.min_dynamic_port is 70000") != std::string::npos);

  config = client_config();
  set_agent_config(config, "client.node_pool", "all", "-node-pool", out);
  CHECK(complaints(config).find("(set by -node-pool)") != std::string::npos);
}

TEST_CASE("-dev is both roles on loopback with raw_exec", "[agent_config]") {
  AgentConfig config = default_agent_config(true);
  CHECK(complaints(config).empty());
  CHECK(config.server.enabled);
  CHECK(config.bind_addr == "127.0.0.1");
  CHECK(config.plugins.at("raw_exec").config == R"({"enabled":true})");
}

TEST_CASE("flags set keys like files do", "[agent_config]") {
  AgentConfig config;
  hcl::Diagnostics out;
  set_agent_config(config, "client.meta", "a=b", "-meta", out);
  set_agent_config(config, "client.servers", "x:1", "-servers", out);
  set_agent_config(config, "ports.http", "99", "-port", out);
  CHECK(out.empty());
  CHECK(config.client.meta.at("a") == "b");
  CHECK(config.http_port == 99);

  set_agent_config(config, "client.enabled", "yes please", "-client", out);
  REQUIRE(out.size() == 1);
  CHECK(out[0].detail.starts_with("-client yes please: client.enabled must be true or false"));
}

TEST_CASE("of a folder the files are read in order, without editors' leftovers", "[agent_config]") {
  CHECK(agent_config_files({"b.json", "a.hcl", "a.hcl~", ".#a.hcl", "#a.hcl#", "notes.txt", "10.hcl"}) == std::vector<std::string>{"10.hcl", "a.hcl", "b.json"});
}

TEST_CASE("folders follow from data_dir", "[agent_config]") {
  AgentConfig config;
  config.data_dir = "/var/lib/drover/";
  config.client.alloc_dir = "/fast/alloc";
  complete_agent_config(config);
  CHECK(config.plugin_dir == "/var/lib/drover/plugins");
  CHECK(config.client.state_dir == "/var/lib/drover/client");
  CHECK(config.client.alloc_dir == "/fast/alloc");
  CHECK(config.client.alloc_mounts_dir == "/var/lib/alloc_mounts");
}

TEST_CASE("no beginning or end of a configuration crashes its reader", "[agent_config]") {
  const std::string text = "a = \"x${b}\\n\" c \"d\" { e = [1, \"f\", { g = true }] h = <<-E\n  x\n  E\n} /* y */ # z\n";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    AgentConfig config;
    errors(config, text.substr(0, n));
    errors(config, text.substr(n));
  }
  AgentConfig config;
  std::string blocks;
  for (int i = 0; i < 10'000; ++i) blocks += "a { ";
  CHECK(errors(config, blocks).find("Nested too deep") != std::string::npos);
  CHECK(errors(config, "a = " + std::string(100'000, '[')).find("Nested too deep") != std::string::npos);
}

TEST_CASE("how the scheduler works is told by the server's file; what it leaves out is off") {
  AgentConfig config;
  CHECK_FALSE(config.server.scheduler.given);

  CHECK(errors(config, "server { default_scheduler_config { scheduler_algorithm = \"spread\" preemption_config { batch_scheduler_enabled = true } } }") == "");

  CHECK(config.server.scheduler.given);
  CHECK(config.server.scheduler.algorithm == "spread");
  CHECK(config.server.scheduler.preempts_batch);
  CHECK_FALSE(config.server.scheduler.preempts_system);
}

}  // namespace
}  // namespace drover::model
