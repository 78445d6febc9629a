#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/json/json.h"
#include "base/process/program.h"
#include "cli/command.h"
#include "cli/driver.h"
#include "cli/driver_project.h"
#include "cli/driver_trace.h"
#include "cli/local_files.h"
#include "conformance/bench.h"
#include "sdk/host/module.h"

/// drover driver: looks at drivers and runs a task in one, without any cluster.
namespace drover::cli {
namespace {

namespace fs = std::filesystem;
using namespace conformance;

constexpr Duration look_every = std::chrono::milliseconds(200);
constexpr Duration stop_grace = std::chrono::seconds(5);
constexpr std::string_view folder_flag_help = "where plugins lie, instead of those of this installation";

fs::path plugin_folder(const Context& context) {
  const std::string given = context.flags.text("plugin-dir");
  if (!given.empty()) return fs::absolute(given);
  return fs::path(own_program_folder().value_or("/usr/bin")).parent_path() / "lib/drover/plugins";
}

/// How the file is started: a module by the host of modules.
Bench::Setup setup_of(const std::string& path, Fixture fixture, const std::string& folder) {
  host::PluginCommand command = host::plugin_command(path, own_program_folder().value_or("/usr/bin"));
  return {std::move(command.program), std::move(command.args), {}, std::move(fixture), folder};
}

/// A path is taken as it is, a name is looked for in the plugin folder.
Result<std::string> plugin_path(const Context& context, const std::string& named) {
  const fs::path path = named.find('/') != std::string::npos ? fs::absolute(named) : plugin_folder(context) / named;
  if (host::is_module(path.string()) && fs::exists(path)) return path.string();
  const Result<void> usable = check_executable(path.string());
  if (!usable.ok()) return fail(usable.error().code, "{} {}: `drover driver list` shows what is there", path.string(), usable.error().message);
  return path.string();
}

/// A folder for sockets and tasks, gone afterwards.
class Workshop {
 public:
  static Result<Workshop> make() {
    std::string name = "/tmp/dd-XXXXXX";  // short: sockets have 107 bytes for their path
    if (mkdtemp(name.data()) == nullptr) return fail(Code::denied, "make a folder in /tmp");
    return Workshop(name);
  }
  Workshop(Workshop&& other) noexcept : folder_(std::move(other.folder_)) { other.folder_.clear(); }
  ~Workshop() {
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  const std::string& folder() const { return folder_; }

 private:
  explicit Workshop(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

Result<Fixture> fixture_for(const std::string& program, const std::string& folder) {
  Bench probe(setup_of(program, {}, folder));
  DROVER_LET(const std::unique_ptr<Driver> driver, probe.unconfigured());
  return Fixture::known(driver->plugin_info().message.name());
}

std::string health_of(const pb::FingerprintResponse& message) {
  switch (message.health()) {
    case pb::FingerprintResponse::HEALTHY: return "healthy";
    case pb::FingerprintResponse::UNHEALTHY: return "unhealthy";
    default: return "undetected";
  }
}

std::string value_of(const hashicorp::nomad::plugins::shared::structs::Attribute& attribute) {
  using Kind = hashicorp::nomad::plugins::shared::structs::Attribute;
  switch (attribute.value_case()) {
    case Kind::kStringVal: return attribute.string_val();
    case Kind::kBoolVal: return attribute.bool_val() ? "true" : "false";
    case Kind::kIntVal: return std::to_string(attribute.int_val()) + attribute.unit();
    case Kind::kFloatVal: return fmt::format("{}{}", attribute.float_val(), attribute.unit());
    default: return {};
  }
}

struct Seen {
  base_pb::PluginInfoResponse info;
  pb::FingerprintResponse fingerprint;
};

Result<Seen> look_at(Driver& driver) {
  Seen seen;
  const auto info = driver.plugin_info();
  if (!info.ok()) return fail(Code::invalid, "it does not say who it is: {}", shown(info.status));
  seen.info = info.message;
  const auto stream = driver.fingerprints();
  const auto fingerprint = next<pb::FingerprintResponse>(*stream, std::chrono::seconds(5));
  if (!fingerprint) return fail(Code::timeout, "no fingerprint within 5 s");
  seen.fingerprint = *fingerprint;
  return seen;
}

int driver_list(Context& context) {
  const fs::path folder = plugin_folder(context);
  std::error_code problem;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    if (!entry->is_directory() && !entry->path().filename().string().starts_with(".")) files.push_back(entry->path());
  }
  if (problem) return failed("list plugins", fail(Code::not_found, "{}: {}", folder.string(), problem.message()));
  std::sort(files.begin(), files.end());
  const Result<Workshop> workshop = Workshop::make();
  if (!workshop.ok()) return failed("list plugins", workshop.error());
  std::vector<std::vector<std::string>> rows = {{"Driver", "Version", "Health", "Plugin", "Description"}};
  for (const fs::path& file : files) {
    const Result<Fixture> fixture = fixture_for(file.string(), workshop->folder());
    if (!fixture.ok()) {
      rows.push_back({"-", "-", "no driver", file.filename().string(), fixture.error().message});
      continue;
    }
    Bench bench(setup_of(file.string(), *fixture, workshop->folder()));
    const Result<Driver*> driver = bench.driver();
    const Result<Seen> seen = driver.ok() ? look_at(**driver) : Result<Seen>(driver.error());
    if (!seen.ok()) rows.push_back({"-", "-", "broken", file.filename().string(), seen.error().message});
    else rows.push_back({seen->info.name(), seen->info.plugin_version(), health_of(seen->fingerprint), file.filename().string(), seen->fingerprint.health_description()});
  }
  out(table(rows));
  return 0;
}

using Spec = hashicorp::nomad::plugins::shared::hclspec::Spec;

/// The options of a schema as rows: name, type, required or default. Blocks are shown as "auth { … }".
void add_options(const std::string& prefix, const Spec& spec, std::vector<std::vector<std::string>>& rows) {
  std::vector<std::pair<std::string, Spec>> sorted(spec.object().attributes().begin(), spec.object().attributes().end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [key, member] : sorted) {
    const std::string name = prefix + key;
    const Spec& plain = member.has_default_() ? member.default_().primary() : member;
    const std::string fallback = member.has_default_() ? "default " + member.default_().default_().literal().value() : "";
    if (plain.has_attr()) rows.push_back({name, plain.attr().type(), plain.attr().required() ? "required" : fallback});
    else if (plain.has_block_attrs()) rows.push_back({name, "map of " + plain.block_attrs().type(), plain.block_attrs().required() ? "required" : fallback});
    else if (plain.has_block_value()) rows.push_back({name, "block", fallback}), add_options(name + ".", plain.block_value().nested(), rows);
    else if (plain.has_block_list()) rows.push_back({name, "blocks", fallback}), add_options(name + ".", plain.block_list().nested(), rows);
    else rows.push_back({name, "block", fallback});
  }
}

void show_options(const std::string& title, const Spec& spec) {
  std::vector<std::vector<std::string>> rows = {{"Option", "Type", "Needed"}};
  add_options("", spec, rows);
  out("\n" + title);
  out(rows.size() > 1 ? table(rows) : "none");
}

int show_driver(Driver& driver, const std::string& where) {
  const Result<Seen> seen = look_at(driver);
  if (!seen.ok()) return failed("inspect driver " + where, seen.error());
  const pb::DriverCapabilities can = driver.capabilities().message.capabilities();
  const auto yes = [](bool value) { return std::string(value ? "true" : "false"); };
  static const char* const isolation[] = {"none", "chroot", "image", "unveil"};
  out(key_values({{"Driver", seen->info.name()}, {"Version", seen->info.plugin_version()}, {"Plugin", where}, {"Health", health_of(seen->fingerprint)}, {"Description", seen->fingerprint.health_description()},
                  {"Signals", yes(can.send_signals())}, {"Exec", yes(can.exec())}, {"Filesystem", isolation[can.fs_isolation() & 3]}, {"Makes networks", yes(can.must_create_network())}}));
  std::vector<std::pair<std::string, std::string>> attributes;
  for (const auto& [name, value] : seen->fingerprint.attributes()) attributes.emplace_back(name, value_of(value));
  std::sort(attributes.begin(), attributes.end());
  if (!attributes.empty()) out("\nAttributes\n" + key_values(attributes));
  show_options("Options of a task's config", driver.task_schema().message.spec());
  show_options("Options of the plugin's config", driver.config_schema().message.spec());
  return 0;
}

int driver_inspect(Context& context) {
  const Result<std::string> path = plugin_path(context, context.args()[0]);
  if (!path.ok()) return failed("inspect driver", path.error());
  const Result<Workshop> workshop = Workshop::make();
  if (!workshop.ok()) return failed("inspect driver", workshop.error());
  const Result<Fixture> fixture = fixture_for(*path, workshop->folder());
  if (!fixture.ok()) return failed("inspect driver " + *path, fixture.error());
  Bench bench(setup_of(*path, *fixture, workshop->folder()));
  const Result<Driver*> driver = bench.driver();
  if (!driver.ok()) return failed("inspect driver " + *path, driver.error());
  return show_driver(**driver, *path);
}

/// Runs until the task has ended; Ctrl-C stops it first.
int follow(Context& context, Driver& driver, Task& task) {
  const auto waiting = driver.waiting(task.id());
  std::size_t printed_out = 0, printed_err = 0;
  bool stopping = false;
  const auto print = [&task, &printed_out, &printed_err] {
    const std::string output = task.output(), errors = task.errors();
    std::fwrite(output.data() + printed_out, 1, output.size() - printed_out, stdout);
    std::fwrite(errors.data() + printed_err, 1, errors.size() - printed_err, stderr);
    std::fflush(stdout);
    printed_out = output.size();
    printed_err = errors.size();
  };
  context.world.catch_interrupt();
  for (;;) {
    const auto end = next<pb::WaitTaskResponse>(*waiting, look_every);
    if (end) {
      task.output_ends_within(std::chrono::seconds(1));
      print();
      const auto& result = end->result();
      err(fmt::format("==> ended: exit code {}{}{}{}", result.exit_code(), result.signal() != 0 ? fmt::format(", signal {}", result.signal()) : "", result.oom_killed() ? ", out of memory" : "", end->err().empty() ? "" : ": " + end->err()));
      return result.exit_code() & 255;
    }
    print();
    if (const auto status = waiting->ended(Duration::zero())) return failed("wait for the task", fail(Code::internal, "{}", shown(*status)));
    if (context.world.interrupted() && !stopping) {
      stopping = true;
      err("==> stopping the task");
      driver.stop(task.id(), stop_grace);
    }
  }
}

/// The task's or the plugin's config: a JSON object, or a file of one as "@path".
Result<Value> config_of(const std::string& given, const std::string& what) {
  std::string json = given;
  if (given.starts_with('@')) {
    DROVER_LET(json, read_file(given.substr(1)));
  }
  const Result<Value> config = json::parse(json);
  if (!config.ok()) return fail(Code::invalid, "{} must be a JSON object, as {{\"command\": \"/bin/date\"}}, or the file of one as @path: {}", what, config.error().message);
  if (!config->is_map()) return fail(Code::invalid, "{} must be a JSON object, as {{\"command\": \"/bin/date\"}}, or the file of one as @path", what);
  return *config;
}

/// Every step of every call, a line each on standard error.
Watch tracer() {
  const auto started = std::chrono::steady_clock::now();
  return [started](const Step& step) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
    const std::string name = step.method.substr(step.method.rfind('/') + 1);
    static const char* const marks[] = {"→", "←", "■"};
    const std::string what = step.kind == Step::Kind::ended ? (step.status.ok() ? "ok" : shown(step.status)) : shown_message(step.method, step.kind == Step::Kind::sent, step.bytes);
    err(fmt::format("{:>6} ms  #{:<3} {} {} {}", ms, step.call, marks[static_cast<std::size_t>(step.kind)], name, what));
  };
}

/// Runs one task in the bench's driver, which is launched now unless it is there.
int run_task(Context& context, Bench& bench, const Value& config, bool traced) {
  const Result<Driver*> driver = bench.driver();
  if (!driver.ok()) return failed("run", driver.error());
  if (traced) (*driver)->watch(tracer());
  const Result<std::string> encoded = bench.encoded(config);
  if (!encoded.ok()) return failed("run", encoded.error());
  const std::unique_ptr<Task> task = bench.task(config);
  const Result<void> started = task->start();
  if (!started.ok()) return failed("run", started.error());
  return follow(context, **driver, *task);
}

int launch_and_run(Context& context, bool traced) {
  const Result<std::string> path = plugin_path(context, context.args()[0]);
  if (!path.ok()) return failed("run", path.error());
  const Result<Value> config = config_of(context.args()[1], "the task's config");
  if (!config.ok()) return failed("run", config.error());
  const Result<Workshop> workshop = Workshop::make();
  if (!workshop.ok()) return failed("run", workshop.error());
  Result<Fixture> fixture = fixture_for(*path, workshop->folder());
  if (!fixture.ok()) return failed("run " + *path, fixture.error());
  if (const std::string given = context.flags.text("plugin-config"); !given.empty()) {
    const Result<Value> own = config_of(given, "-plugin-config");
    if (!own.ok()) return failed("run", own.error());
    fixture->driver_config = *own;
  }
  Bench bench(setup_of(*path, *fixture, workshop->folder()));
  return run_task(context, bench, *config, traced);
}

int driver_run(Context& context) { return launch_and_run(context, false); }

int driver_trace(Context& context) { return launch_and_run(context, true); }

/// A plugin that somebody else has started, in a debugger maybe: shows it, or runs a task in it.
int driver_attach(Context& context) {
  const Result<Workshop> workshop = Workshop::make();
  if (!workshop.ok()) return failed("attach", workshop.error());
  Result<std::unique_ptr<Driver>> attached = Driver::attach(context.args()[0]);
  if (!attached.ok()) return failed("attach", attached.error());
  if (context.flags.is_on("trace")) (*attached)->watch(tracer());
  const auto info = (*attached)->plugin_info();
  if (!info.ok()) return failed("attach to " + (*attached)->target(), fail(Code::unavailable, "no driver answers there: {}", shown(info.status)));
  Fixture fixture = Fixture::known(info.message.name());
  if (const std::string given = context.flags.text("plugin-config"); !given.empty()) {
    const Result<Value> own = config_of(given, "-plugin-config");
    if (!own.ok()) return failed("attach", own.error());
    fixture.driver_config = *own;
  }
  Bench bench({(*attached)->target(), {}, {}, fixture, workshop->folder()});
  const Result<void> configured = bench.configure(**attached);
  if (!configured.ok()) return failed("attach", configured.error());
  Driver& driver = **attached;
  bench.use(std::move(*attached));
  if (context.args().size() < 2) return show_driver(driver, driver.target());
  const Result<Value> config = config_of(context.args()[1], "the task's config");
  if (!config.ok()) return failed("attach", config.error());
  return run_task(context, bench, *config, context.flags.is_on("trace"));
}

/// Writes into a folder that is not there yet: nothing of anybody is overwritten.
int driver_new(Context& context) {
  const std::string name = context.args()[0];
  const Result<std::vector<ProjectFile>> files = driver_project(name);
  if (!files.ok()) return failed("new driver", files.error());
  const fs::path folder = fs::absolute(name);
  std::error_code problem;
  if (!fs::create_directory(folder, problem)) return failed("new driver", fail(Code::conflict, "cannot make the folder {}: {}", folder.string(), problem ? problem.message() : "it is there already"));
  for (const ProjectFile& file : *files) {
    const fs::path path = folder / file.path;
    fs::create_directories(path.parent_path(), problem);
    std::ofstream(path) << file.text;
    fs::permissions(path, file.is_program ? fs::perms(0755) : fs::perms(0644), problem);
    if (problem || !fs::exists(path) || fs::file_size(path, problem) != file.text.size()) return failed("new driver", fail(Code::internal, "cannot write {}", path.string()));
  }
  out(fmt::format("{}/ is the project of a driver: cd {} && ./build", name, name));
  return 0;
}

}  // namespace

void add_driver_commands(std::vector<Command>& rows) {
  const Flag folder = {"plugin-dir", "<path>", folder_flag_help};
  rows.push_back({"driver new", "<name>", "writes the project of a driver: it builds, conforms and makes packages as it is", "drover driver new my_driver", {}, driver_new, 1, 1});
  rows.push_back({"driver list", "", "shows the drivers of this machine, and what is wrong with those that are none", "drover driver list", {folder}, driver_list, 0, 0});
  rows.push_back({"driver inspect", "<name|path>", "shows what a driver says of itself: health, capabilities, options", "drover driver inspect raw_exec", {folder}, driver_inspect, 1, 1});
  const Flag own = {"plugin-config", "<json>", "the plugin's own configuration"};
  rows.push_back({"driver run", "<name|path> <config>", "runs one task in a driver, without any cluster", "drover driver run raw_exec '{\"command\": \"/bin/date\"}'", {folder, own}, driver_run, 2, 2});
  rows.push_back({"driver trace", "<name|path> <config>", "the same, with every call to the driver shown, secrets hidden", "drover driver trace raw_exec '{\"command\": \"/bin/date\"}'", {folder, own}, driver_trace, 2, 2});
  rows.push_back({"driver attach", "<handshake line|socket> [<config>]", "shows a plugin that somebody else has started, in a debugger say, or runs a task in it",
                  "drover driver attach '1|2|unix|/tmp/plugin123|grpc|' '{\"command\": \"/bin/date\"}'", {own, {"trace", "", "show every call"}}, driver_attach, 1, 2});
}

}  // namespace drover::cli
