#include "plugins/docker/create.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

constexpr std::int64_t mib = 1024 * 1024;

/// A task with an allocation folder that exists.
struct Fixture {
  std::filesystem::path dir = std::filesystem::temp_directory_path() / ("drover-docker-create-" + std::to_string(::getpid()));
  sdk::TaskConfig task;
  Options options;
  PluginOptions plugin;
  EngineFacts engine;

  Fixture() {
    std::filesystem::create_directories(dir / "web/local");
    task.id = "4b1f/web/00000001";
    task.name = "web";
    task.alloc_id = "4b1f";
    task.node_id = "node-1";
    task.job_name = "shop";
    task.alloc_dir = dir;
    task.env = {{"B", "2"}, {"A", "1"}, {"NOMAD_ALLOC_DIR", "/alloc"}};
    task.resources.cpu_mhz = 500;
    task.resources.memory_mb = 256;
    options.image = "nginx:1.25";
    engine.api_version = "1.41";
    engine.cgroup_version = "2";
  }
  ~Fixture() { std::filesystem::remove_all(dir); }

  Result<std::string> made() const { return create_body({task, options, plugin, engine, "sha256:1234", 10'000, 4}); }
  json::value body() const { return *parse_json(*made(), "body"); }
  std::string refusal() const {
    const auto body = made();
    return body ? "accepted" : body.error().message;
  }
};

std::vector<std::string> strings(const json::value& list) {
  std::vector<std::string> out;
  if (const json::array* items = list.if_array()) {
    for (const json::value& item : *items) out.emplace_back(item.as_string());
  }
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a plain task becomes a container of its image", "[docker]") {
  const Fixture f;

  const json::value body = f.body();

  CHECK(text_at(body, "Image") == "sha256:1234");
  CHECK(strings(at(body, "Env")) == Strings{"A=1", "B=2", "NOMAD_ALLOC_DIR=/alloc"});
  CHECK_FALSE(body.as_object().contains("Cmd"));
  CHECK_FALSE(body.as_object().contains("Entrypoint"));
  CHECK_FALSE(body.as_object().contains("ExposedPorts"));
  const std::string dir = f.dir;
  CHECK(strings(at(body, "HostConfig.Binds")) ==
        Strings{dir + "/alloc:/alloc", dir + "/web/local:/local", dir + "/web/secrets:/secrets", dir + "/alloc/logs:/alloc/logs:ro"});
  CHECK(text_at(body, "HostConfig.NetworkMode") == "default");
  CHECK(integer_at(body, "HostConfig.Memory") == 256 * mib);
  CHECK(integer_at(body, "HostConfig.MemorySwap") == 256 * mib);
  CHECK(integer_at(body, "HostConfig.CpuShares") == 500);
  CHECK(integer_at(body, "HostConfig.PidsLimit") == -1);
  CHECK(strings(at(body, "HostConfig.CapDrop")) == Strings{"net_raw"});
  CHECK(text_at(body, "HostConfig.LogConfig.Type") == "json-file");
  CHECK(texts_at(body, "HostConfig.LogConfig.Config") == Texts{{"max-file", "2"}, {"max-size", "50m"}});
  const Texts labels = texts_at(body, "Labels");
  CHECK(labels.at("com.hashicorp.nomad.alloc_id") == "4b1f");
  CHECK(labels.at("io.drover.node_id") == "node-1");
  CHECK(container_name(f.task) == "web-4b1f");
}

TEST_CASE("command, arguments and entrypoint", "[docker]") {
  Fixture f;
  f.options.args = {"-c", "true"};
  CHECK(strings(at(f.body(), "Cmd")) == Strings{"-c", "true"});
  f.options.command = "/bin/sh";
  f.options.entrypoint = {"/init", "--"};
  f.options.work_dir = "/srv";
  f.task.user = "web:web";
  const json::value body = f.body();
  CHECK(strings(at(body, "Cmd")) == Strings{"/bin/sh", "-c", "true"});
  CHECK(strings(at(body, "Entrypoint")) == Strings{"/init", "--"});
  CHECK(text_at(body, "WorkingDir") == "/srv");
  CHECK(text_at(body, "User") == "web:web");
}

TEST_CASE("memory is a limit, or a reservation below one", "[docker]") {
  sdk::Resources resources;
  resources.memory_mb = 100;
  CHECK(memory_limits(resources, 0)->limit == 100 * mib);
  CHECK(memory_limits(resources, 0)->reservation == 0);
  CHECK(memory_limits(resources, 300)->limit == 300 * mib);
  CHECK(memory_limits(resources, 300)->reservation == 100 * mib);
  resources.memory_max_mb = 200;
  CHECK(memory_limits(resources, 0)->limit == 200 * mib);
  CHECK(memory_limits(resources, 300)->limit == 300 * mib);
  CHECK(memory_limits(resources, 150)->limit == 200 * mib);
  resources.memory_max_mb = -1;
  CHECK(memory_limits(resources, 300)->limit == 0);
  CHECK(memory_limits(resources, 300)->reservation == 100 * mib);
  resources.memory_max_mb = 0;
  CHECK_FALSE(memory_limits(resources, 50).ok());
}

TEST_CASE("shares are the MHz asked for, scaled down on very large nodes", "[docker]") {
  CHECK(cpu_shares(500, 10'000) == 500);
  CHECK(cpu_shares(1, 10'000) == 2);
  CHECK(cpu_shares(1'000, 524'288) == 500);
  CHECK(cpu_shares(1, 524'288) == 2);
}

TEST_CASE("a hard limit of the processor is rounded once", "[docker]") {
  Fixture f;
  f.options.cpu_hard_limit = true;
  f.task.resources.cpu_fraction = 0.000015;
  CHECK(integer_at(f.body(), "HostConfig.CpuQuota") == 6);  // 0.000015 × 100,000 × 4
  f.options.cpu_cfs_period = 0;
  CHECK(at(f.body(), "HostConfig.CpuQuota").is_null());
}

TEST_CASE("capabilities are what the plugin allows", "[docker]") {
  Fixture f;
  f.options.cap_add = {"CAP_CHOWN", " kill"};
  f.options.cap_drop = {"MKNOD"};
  CHECK(capabilities(f.options, f.plugin)->add == Strings{"chown", "kill"});
  CHECK(capabilities(f.options, f.plugin)->drop == Strings{"mknod", "net_raw"});
  f.options.cap_add = {"sys_admin", "net_admin"};
  CHECK(capabilities(f.options, f.plugin).error().message == "driver does not allow the following capabilities: net_admin, sys_admin");
  f.plugin.allow_caps = {"all"};
  f.options.cap_add = {"ALL"};
  f.options.cap_drop = {"all"};
  CHECK(capabilities(f.options, f.plugin)->add == Strings{"all"});
  CHECK(capabilities(f.options, f.plugin)->drop == Strings{"all"});
}

TEST_CASE("group ports are published by label, for both protocols", "[docker]") {
  Fixture f;
  f.task.resources.ports = {{"http", 23456, 8000, "127.0.0.1"}, {"admin", 23457, 0, "127.0.0.1"}};
  f.options.ports = {"http", "admin"};

  const json::value body = f.body();

  const json::value& bindings = at(body, "HostConfig.PortBindings");
  CHECK(bindings.as_object().size() == 4);
  for (const char* key : {"8000/tcp", "8000/udp"}) {
    const json::value& binding = bindings.as_object().at(key).as_array().front();
    CHECK(text_at(binding, "HostIp") == "127.0.0.1");
    CHECK(text_at(binding, "HostPort") == "23456");
  }
  CHECK(bindings.as_object().contains("23457/tcp"));
  CHECK(at(body, "ExposedPorts").as_object().size() == 4);

  f.options.network_mode = "container:abc";
  CHECK(at(f.body(), "HostConfig.PortBindings").is_null());
  f.options.ports = {"htp"};
  CHECK(f.refusal() == "port \"htp\" not found, check network block");
}

TEST_CASE("port_map belongs to a network of the task alone", "[docker]") {
  Fixture f;
  f.options.port_map = {{"db", 5432}};
  f.task.resources.networks = {{"eth0", "", "10.0.0.1", 0, {}, {{"db", 20001, 0, ""}}}};
  f.task.env["NOMAD_PORT_db"] = "20001";
  const json::value body = f.body();
  CHECK(text_at(at(body, "HostConfig.PortBindings").as_object().at("5432/tcp").as_array().front(), "HostPort") == "20001");
  CHECK(strings(at(body, "Env")).back() == "NOMAD_PORT_db=5432");
  f.task.resources.ports = {{"db", 20001, 0, ""}};
  CHECK_FALSE(f.made().ok());
}

TEST_CASE("without volumes only the allocation's own files can be mounted, links followed", "[docker]") {
  Fixture f;
  std::filesystem::create_symlink("/etc", f.dir / "web/local/out");
  f.options.volumes = {"local/data:/data"};
  CHECK(strings(at(f.body(), "HostConfig.Binds")).back() == std::string(f.dir) + "/web/local/data:/data");
  for (const char* outside : {"/etc:/x", "../../..:/x", "local/out:/x", "local/out/passwd:/x:ro", "local/../../../x:/x"}) {
    f.options.volumes = {outside};
    INFO(outside);
    CHECK(f.refusal().starts_with("volumes are not enabled; cannot mount host paths"));
  }
  f.options.volumes = {};
  f.options.mounts.push_back({"bind", "/x", "/etc"});
  CHECK(f.refusal().starts_with("volumes are not enabled; cannot mount host paths"));
  f.options.mounts[0] = {"volume", "/x", "cache"};
  CHECK(f.refusal() == "volumes are not enabled; cannot mount volume 'cache'");
  f.options.mounts[0] = {"tmpfs", "/x"};
  f.options.mounts[0].tmpfs_options = TmpfsOptions{4096, 0700};
  CHECK(integer_at(at(f.body(), "HostConfig.Mounts").as_array().front(), "TmpfsOptions.SizeBytes") == 4096);
  f.options.volume_driver = "nfs";
  CHECK(f.refusal() == "volumes are not enabled; cannot use volume driver 'nfs'");
}

TEST_CASE("with volumes the host can be mounted", "[docker]") {
  Fixture f;
  f.plugin.volumes.enabled = true;
  f.plugin.volumes.selinuxlabel = "z";
  f.options.volumes = {"/etc:/x:ro", "local:/y"};
  const auto list = strings(at(f.body(), "HostConfig.Binds"));
  CHECK(list[0].ends_with("/alloc:/alloc:z"));
  CHECK(list[4] == "/etc:/x:ro,z");
  CHECK(list[5] == std::string(f.dir) + "/web/local:/y:z");
  f.options.volumes = {"cache:/x"};
  f.options.volume_driver = "nfs";
  CHECK(strings(at(f.body(), "HostConfig.Binds"))[4] == "cache:/x:z");
  for (const char* wrong : {"nothing", ":x", "x:"}) {
    f.options.volumes = {wrong};
    CHECK_FALSE(f.made().ok());
  }
}

TEST_CASE("what the plugin does not allow is refused before anything is made", "[docker]") {
  Fixture f;
  CHECK(check_allowed(f.task, f.options, f.plugin).ok());
  f.options.privileged = true;
  CHECK(check_allowed(f.task, f.options, f.plugin).error().code == Code::denied);
  f.options.privileged = false;
  f.options.pid_mode = "host";
  CHECK(check_allowed(f.task, f.options, f.plugin).error().message.starts_with("pid_mode \"host\" is not allowed"));
  f.plugin.allowed_modes.pid = {"ho*"};
  CHECK(check_allowed(f.task, f.options, f.plugin).ok());
  f.task.network.path = "/run/netns/x";
  CHECK(check_allowed(f.task, f.options, f.plugin).error().code == Code::unsupported);
  f.options.network_mode = "host";
  CHECK(check_allowed(f.task, f.options, f.plugin).ok());
  f.options.runtime = "kata";
  CHECK(f.refusal() == "requested runtime \"kata\" is not allowed");
}

TEST_CASE("limits of processes, files and shared memory", "[docker]") {
  Fixture f;
  f.plugin.pids_limit = 100;
  f.options.pids_limit = 200;
  CHECK_FALSE(f.made().ok());
  f.options.pids_limit = 0;
  f.options.ulimit = {{"nofile", "1024:2048"}, {"nproc", "5"}};
  f.options.shm_size = 1 << 20;
  f.options.sysctl = {{"net.core.somaxconn", "16384"}};
  const json::value body = f.body();
  CHECK(integer_at(body, "HostConfig.PidsLimit") == 100);
  CHECK(integer_at(at(body, "HostConfig.Ulimits").as_array()[0], "Hard") == 2048);
  CHECK(integer_at(at(body, "HostConfig.Ulimits").as_array()[1], "Soft") == 5);
  CHECK(integer_at(body, "HostConfig.ShmSize") == 1 << 20);
  f.options.ulimit = {{"nofile", "many"}};
  CHECK(f.refusal() == "ulimit nofile: \"many\" is no number");
  f.options.ulimit = {{"nofile", ""}};
  CHECK_FALSE(f.made().ok());
}

TEST_CASE("labels that operators ask for are added by pattern", "[docker]") {
  Fixture f;
  f.plugin.extra_labels = {"job_*", "node_name"};
  f.options.labels = {{"team", "a"}, {"com.hashicorp.nomad.alloc_id", "forged"}};
  const Texts labels = texts_at(f.body(), "Labels");
  CHECK(labels.at("com.hashicorp.nomad.job_name") == "shop");
  CHECK(labels.at("team") == "a");
  CHECK(labels.at("com.hashicorp.nomad.alloc_id") == "4b1f");
  CHECK_FALSE(labels.contains("com.hashicorp.nomad.task_name"));
}

TEST_CASE("a seccomp profile is read from the host", "[docker]") {
  Fixture f;
  std::ofstream(f.dir / "profile.json") << "{ \"defaultAction\": \"SCMP_ACT_ALLOW\" }";
  f.options.security_opt = {"seccomp=" + std::string(f.dir) + "/profile.json", "no-new-privileges", "label:disable", "seccomp=unconfined"};
  CHECK(strings(at(f.body(), "HostConfig.SecurityOpt")) ==
        Strings{"seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "no-new-privileges", "label=disable", "seccomp=unconfined"});
  f.options.security_opt = {"seccomp=/nowhere"};
  CHECK_FALSE(f.made().ok());
}

TEST_CASE("an address of hardware goes where the engine's version looks for it", "[docker]") {
  Fixture f;
  f.options.network_mode = "lan";
  f.options.mac_address = "02:42:00:00:00:01";
  f.options.network_aliases = {"web"};
  CHECK(text_at(f.body(), "MacAddress") == "02:42:00:00:00:01");
  f.engine.api_version = "1.44";
  CHECK(text_at(f.body(), "NetworkingConfig.EndpointsConfig.lan.MacAddress") == "02:42:00:00:00:01");
  CHECK(text_at(f.body(), "MacAddress").empty());
}

TEST_CASE("the group's name servers come before the task's own", "[docker]") {
  Fixture f;
  f.options.dns_servers = {"9.9.9.9"};
  CHECK(strings(at(f.body(), "HostConfig.Dns")) == Strings{"9.9.9.9"});
  f.task.dns.searches = {"svc.local"};
  CHECK(at(f.body(), "HostConfig.Dns").is_null());
  CHECK(strings(at(f.body(), "HostConfig.DnsSearch")) == Strings{"svc.local"});
}

}  // namespace drover::docker
