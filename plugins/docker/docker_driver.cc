#include "plugins/docker/docker_driver.h"

#include <drover/serve.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "plugins/docker/fingerprint.h"
#include "plugins/docker/reap.h"

namespace drover::docker {
namespace {

using namespace std::chrono_literals;

constexpr const char* standard_socket = "unix:///var/run/docker.sock";
constexpr Duration retry_min = 50ms;
constexpr Duration between_tries = 250ms;
constexpr Duration removal_retry = 1s;
constexpr int removal_tries_max = 300;  ///< then the search for leftovers finds it
constexpr Duration look_interval = 3s;
constexpr Duration facts_last = 60s;  ///< an engine that answers is not asked for all its properties each time

Duration duration_of(const std::string& text) { return parse_duration("", text).value_or(Duration::zero()); }  // checked before

/// What the engine refuses now may go well later, but for what is wrong with the request itself.
Error start_error(Error error) {
  if (error.code == Code::timeout || error.code == Code::conflict) return sdk::retryable(std::move(error));
  return error;
}

/// An engine that is being restarted is back soon: a start that waits for it costs none of the task's restarts.
Result<EngineFacts> facts_with_patience(Engine& engine) {
  const auto end = std::chrono::steady_clock::now() + engine_patience;
  for (;;) {
    Result<EngineFacts> facts = engine.facts();
    const bool may_come = !facts && facts.error().code == Code::unavailable;
    if (!may_come || std::chrono::steady_clock::now() > end) return facts;
    std::this_thread::sleep_for(between_tries);
  }
}

/// The address that a task on a network of its own answers at: that of the network it asked for, else the first by name.
void note_address(const Container& container, const Options& options, Checkpoint& checkpoint) {
  for (const ContainerNetwork& network : container.networks) {
    const std::string& address = options.advertise_ipv6_address ? network.address6 : network.address;
    const bool is_wanted = network.name == options.network_mode || checkpoint.address.empty();
    if (address.empty() || !is_wanted) continue;
    checkpoint.address = address;
    checkpoint.advertise = network.name != "bridge" && network.name != "nat";
  }
}

}  // namespace

DockerDriver::DockerDriver(Settings settings) : settings_(std::move(settings)) {}

sdk::DriverInfo DockerDriver::info() const {
  sdk::DriverInfo info;
  info.name = "docker";
  info.version = "0.1.0";
  info.fs_isolation = sdk::FsIsolation::image;
  info.network_modes = {sdk::NetworkMode::host, sdk::NetworkMode::task};
  info.mounts = true;
  info.fingerprint_interval = look_interval;
  info.collects_logs = configured().options.disable_log_collection;
  return info;
}

Result<Endpoint> DockerDriver::endpoint_for(const PluginOptions& options) const {
  const auto ours = [this](const char* name) {
    const auto found = settings_.env.find(name);
    return found == settings_.env.end() ? std::string() : found->second;
  };
  std::string address = options.endpoint;
  if (address.empty()) address = ours("DOCKER_HOST");
  if (address.empty()) address = standard_socket;
  DROVER_LET(Endpoint endpoint, parse_endpoint(address));
  const std::string folder = ours("DOCKER_CERT_PATH");
  if (!options.endpoint.empty() && options.tls) {
    endpoint.ca = options.tls->ca;
    endpoint.certificate = options.tls->cert;
    endpoint.key = options.tls->key;
  } else if (options.endpoint.empty() && !folder.empty()) {
    endpoint.ca = folder + "/ca.pem";
    endpoint.certificate = folder + "/cert.pem";
    endpoint.key = folder + "/key.pem";
    endpoint.verify = !ours("DOCKER_TLS_VERIFY").empty();
  }
  const bool has_tls = !endpoint.ca.empty() || !endpoint.certificate.empty() || !endpoint.key.empty();
  if (has_tls && endpoint.base_url.starts_with("http://") && endpoint.socket_path.empty()) endpoint.base_url.insert(4, "s");
  return endpoint;
}

Result<void> DockerDriver::configure(const PluginOptions& options, const sdk::NodeFacts& node) {
  if (!options.infra_image.empty()) return fail(Code::unsupported, "option infra_image is not supported yet: docker tasks have no group network of their own so far");
  DROVER_LET(const Endpoint endpoint, endpoint_for(options));
  const std::lock_guard lock(mutex_);
  configured_.options = options;
  configured_.node = node;
  found_.reset();
  const auto cores = std::count_if(node.cores.begin(), node.cores.end(), [](const sdk::Core& core) { return !core.disabled; });
  configured_.mhz_of_core = cores == 0 ? 0 : static_cast<double>(node.usable_mhz()) / static_cast<double>(cores);
  if (!configured_.site || !(configured_.site->engine->http().endpoint() == endpoint)) {
    configured_.site = std::make_shared<Site>(endpoint);
    seen_ = false;
  }
  return {};
}

DockerDriver::Configured DockerDriver::configured() const {
  const std::lock_guard lock(mutex_);
  return configured_;
}

sdk::Fingerprint DockerDriver::fingerprint() {
  const Configured now = configured();
  if (!now.site) return sdk::Fingerprint::undetected("not configured yet");
  const auto time = std::chrono::steady_clock::now();
  reap_later();
  std::optional<sdk::Fingerprint> last;
  {
    const std::lock_guard lock(mutex_);
    if (time - found_at_ < facts_last) last = found_;
  }
  if (last && now.site->engine->answers()) return *last;
  const Result<EngineFacts> facts = now.site->engine->facts();
  const std::lock_guard lock(mutex_);
  found_.reset();
  if (!facts) return engine_missing(facts.error(), now.site->engine->http().endpoint(), seen_);
  seen_ = true;
  found_ = engine_found(*facts, now.options);
  found_at_ = time;
  return *found_;
}

Result<Images::Got> DockerDriver::fetch_image(const Configured& now, const Options& options, const ImageRef& ref, const Say& say) {
  Images::Wanted wanted;
  wanted.ref = ref;
  wanted.force_pull = options.force_pull;
  wanted.limit = duration_of(options.image_pull_timeout.empty() ? now.options.image_pull_timeout : options.image_pull_timeout);
  wanted.activity_limit = duration_of(now.options.pull_activity_timeout);
  Result<std::optional<Credentials>> credentials = find_credentials(ref, options.auth, now.options.auth, host_sources());
  if (!credentials && !options.auth_soft_fail) return credentials.error().within("find credentials for " + ref.registry);
  if (credentials) wanted.credentials = *credentials;
  return now.site->images.fetch(wanted, say);
}

/// What stands in the way of the name: a container of an earlier start of this task goes, also one that could not be killed
/// or removed then, since who starts a task anew has given up the one before; one of somebody else stays.
Result<void> DockerDriver::clear_name(const Configured& now, const sdk::TaskConfig& task, const std::string& name) {
  const Result<Container> other = now.site->engine->inspect(name);
  if (!other) return other.error().code == Code::not_found ? Result<void>() : other.error();
  const auto alloc = other->labels.find(std::string(alloc_label));
  if (alloc == other->labels.end() || alloc->second != task.alloc_id) {
    return fail(Code::invalid, "container name '{}' is taken by a container that is not drover's", name);
  }
  return now.site->engine->remove(other->id);
}

Result<std::string> DockerDriver::create(const Configured& now, const CreateInput& input) {
  const std::string name = container_name(input.task);
  DROVER_LET(const std::string body, create_body(input));
  Duration delay = retry_min;
  for (int attempt = 1;; ++attempt) {
    Result<std::string> created = now.site->engine->create(name, body, engine_patience);
    const bool name_taken = !created && created.error().code == Code::conflict;
    if (created || !name_taken || attempt > now.options.container_exists_attempts) {
      // An image that went away meanwhile is fetched again by the next attempt of the task.
      if (!created && created.error().code == Code::not_found) return sdk::retryable(created.error());
      return created;
    }
    DROVER_TRY(clear_name(now, input.task, name));
    std::this_thread::sleep_for(delay);
    delay *= 2;
  }
}

void DockerDriver::remove_later(const std::shared_ptr<Site>& site, const std::string& container_or_name, const std::string& task, int tries_left) {
  if (tries_left == 0) return;
  chores_.after(removal_retry, [this, site, container_or_name, task, tries_left] {
    const Result<Container> found = site->engine->inspect(container_or_name);
    Result<void> removed = found ? Result<void>() : found.error();
    if (found) {
      // The name may be another start's by now.
      const auto label = found->labels.find(std::string(task_label));
      if (label == found->labels.end() || label->second != task) return;
      removed = site->engine->remove(found->id);
    }
    if (!removed && removed.error().code != Code::not_found) remove_later(site, container_or_name, task, tries_left - 1);
  });
}

void DockerDriver::know(const std::string& container, const sdk::TaskConfig& task) {
  const std::lock_guard lock(mutex_);
  containers_[container] = task.id;
  node_id_ = task.node_id;
}

Result<void> DockerDriver::released(const std::shared_ptr<Site>& site, const Checkpoint& checkpoint, const std::string& task) {
  bool remove_image = false;
  Duration delay{};
  {
    const std::lock_guard lock(mutex_);
    containers_.erase(checkpoint.container);
    remove_image = configured_.options.gc.image;
    delay = duration_of(configured_.options.gc.image_delay);
  }
  if (!site->images.release(checkpoint.image, task) || !remove_image) return {};
  chores_.after(delay, [site, image = checkpoint.image] {
    const Result<void> removed = site->images.remove_unused(image);
    if (!removed) sdk::log(sdk::Level::warn, "image " + image + " stays: " + removed.error().message);
  });
  return {};
}

std::unique_ptr<DockerTask> DockerDriver::make_task(const Configured& now, const sdk::TaskConfig& task, const Checkpoint& checkpoint, Say say) {
  now.site->images.hold(checkpoint.image, checkpoint.image_reference, task.id, checkpoint.image_pulled);
  know(checkpoint.container, task);
  DockerTask::Surroundings around;
  around.engine = now.site->engine;
  around.say = std::move(say);
  around.release = [this, site = now.site, checkpoint, id = task.id] { return released(site, checkpoint, id); };
  around.remove_later = [this, site = now.site, container = checkpoint.container, id = task.id] { remove_later(site, container, id, removal_tries_max); };
  around.remove_container = now.options.gc.container;
  around.collect_logs = !now.options.disable_log_collection;
  around.mhz_of_core = now.mhz_of_core;
  auto made = std::make_unique<DockerTask>(task, checkpoint, std::move(around));
  made->follow();
  return made;
}

Result<std::unique_ptr<DockerTask>> DockerDriver::start(const sdk::TaskConfig& task, const Options& options, sdk::Events& events) {
  const Configured now = configured();
  if (!now.site) return sdk::retryable(fail(Code::unavailable, "the driver is not configured yet"));
  DROVER_TRY(check_allowed(task, options, now.options));
  DROVER_LET(const ImageRef ref, parse_image(options.image));
  Engine& engine = *now.site->engine;
  const Result<EngineFacts> facts = facts_with_patience(engine);
  if (!facts) return start_error(facts.error());
  const Say say = [task, &events, image = options.image](const std::string& message) { events.emit(task, message, {{"image", image}}); };
  if (!options.cpuset_cpus.empty()) say("cpuset_cpus is not used: reserve cores with resources { cores = … }");
  const Result<Images::Got> image = fetch_image(now, options, ref, say);
  if (!image) return start_error(image.error());

  const CreateInput input{task, options, now.options, *facts, image->id, now.node.usable_mhz(), settings_.cpus};
  const Result<std::string> container = create(now, input);
  if (!container) {
    const Code code = container.error().code;
    const bool may_exist = code == Code::unavailable || code == Code::timeout;
    if (may_exist) remove_later(now.site, container_name(task), task.id, removal_tries_max);
    return start_error(container.error());
  }
  know(*container, task);  // before it could be taken for a leftover
  const Result<void> started = engine.start(*container, engine_patience);
  const Result<Container> found = started ? engine.inspect(*container, engine_patience) : Result<Container>(started.error());
  if (!found) {
    if (!engine.remove(*container)) remove_later(now.site, *container, task.id, removal_tries_max);
    const std::lock_guard lock(mutex_);
    containers_.erase(*container);
    return start_error(found.error());
  }
  Checkpoint checkpoint{*container, image->id, ref.text(), image->pulled, options.tty, found->stop_signal, {}, false};
  note_address(*found, options, checkpoint);
  return make_task(now, task, checkpoint, say);
}

Result<std::unique_ptr<DockerTask>> DockerDriver::recover(const sdk::TaskConfig& task, const Options& options, const std::string& text) {
  static_cast<void>(options);
  const Configured now = configured();
  if (!now.site) return fail(Code::unavailable, "the driver is not configured yet");
  DROVER_LET(const Checkpoint checkpoint, Checkpoint::decode(text));
  const Result<Container> found = now.site->engine->inspect(checkpoint.container);
  // An engine that is away says nothing about the container: the task waits for it.
  if (!found && found.error().code == Code::not_found) return fail(Code::not_found, "container {} is gone", checkpoint.container.substr(0, 12));
  return make_task(now, task, checkpoint, [id = task.id](const std::string& message) { sdk::log(sdk::Level::warn, "task " + id + ": " + message); });
}

void DockerDriver::reap_later() {
  const std::lock_guard lock(mutex_);
  const DanglingOptions& options = configured_.options.gc.dangling_containers;
  if (!options.enabled || reaping_) return;
  reaping_ = true;
  const Duration period = std::max(duration_of(options.period), duration_of(options.creation_grace));
  chores_.after(period, [this] { reap(); });
}

void DockerDriver::reap() {
  const Configured now = configured();
  std::set<std::string> known;
  std::string node;
  {
    const std::lock_guard lock(mutex_);
    reaping_ = false;
    node = node_id_;
    for (const auto& [container, task] : containers_) known.insert(container);
  }
  reap_later();
  if (node.empty()) return;  // no task yet: whose containers are ours is not known
  const Result<std::vector<ListedContainer>> all = now.site->engine->list_labelled(std::string(node_label) + "=" + node);
  if (!all) return;
  const DanglingOptions& options = now.options.gc.dangling_containers;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const auto grace = std::chrono::duration_cast<std::chrono::seconds>(duration_of(options.creation_grace)).count();
  for (const std::string& container : leftovers(*all, known, node, seconds - grace)) {
    sdk::log(sdk::Level::warn, "container " + container.substr(0, 12) + " belongs to no task of this node" + (options.dry_run ? "; it would be removed" : ": it is removed"));
    if (!options.dry_run) static_cast<void>(now.site->engine->remove(container));
  }
}

}  // namespace drover::docker
