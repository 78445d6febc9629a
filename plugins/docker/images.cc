#include "plugins/docker/images.h"

#include <utility>

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Duration look = 1s;
constexpr Duration tell = 2min;
constexpr std::size_t line_max = 1U << 20;
constexpr int ok = 200;

}  // namespace

/// A pull that several may wait for. Filled on the client's thread.
struct Images::Pull {
  std::mutex mutex;
  std::condition_variable changed;
  PullProgress progress;
  std::string line;
  std::optional<Result<void>> ended;
  int status = 0;
  Http::StreamId stream = 0;
  int waiters = 0;  ///< guarded by the mutex of Images

  void take(std::string_view bytes) {
    const std::lock_guard lock(mutex);
    line.append(bytes);
    if (status != ok) return line.resize(std::min(line.size(), line_max));
    for (std::size_t end = line.find('\n'); end != std::string::npos; end = line.find('\n')) {
      progress.feed(std::string_view(line).substr(0, end));
      line.erase(0, end + 1);
    }
    if (line.size() > line_max) line.clear();
  }

  void end(const Result<void>& how) {
    const std::lock_guard lock(mutex);
    if (status == ok && !line.empty()) progress.feed(line);
    ended = how;
    changed.notify_all();
  }

  /// With the lock held, when it has ended.
  Result<void> outcome(const ImageRef& ref) const {
    if (!*ended) return pull_error(ref, 0, ended->error().message);
    if (status != ok) {
      const auto body = parse_json(line, "the answer");
      const std::string message = body ? text_at(*body, "message") : std::string();
      return pull_error(ref, status, message.empty() ? text("status {}", status) : message);
    }
    if (!progress.error().empty()) return pull_error(ref, 0, progress.error());
    return {};
  }
};

std::shared_ptr<Images::Pull> Images::join(const std::string& key, const Wanted& wanted) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Pull>& pull = pulls_[key];
  if (pull) return ++pull->waiters, pull;
  pull = std::make_shared<Pull>();
  pull->waiters = 1;
  Request request;
  request.method = "POST";
  request.limit = Duration::zero();
  const std::string& version = wanted.ref.digest.empty() ? wanted.ref.tag : wanted.ref.digest;
  request.target = engine_.known_path("/images/create?fromImage=" + url_encoded(wanted.ref.name) + "&tag=" + url_encoded(version));
  if (wanted.credentials) request.headers.push_back("X-Registry-Auth: " + registry_auth(*wanted.credentials));
  StreamEvents events;
  events.head = [pull](int status) {
    const std::lock_guard guard(pull->mutex);
    pull->status = status;
  };
  events.data = [pull](std::string_view bytes) { return pull->take(bytes), true; };
  events.end = [pull](const Result<void>& how) { pull->end(how); };
  pull->stream = engine_.http().stream(request, std::move(events));
  return pull;
}

void Images::leave(const std::string& key, const std::shared_ptr<Pull>& pull) {
  const std::lock_guard lock(mutex_);
  if (--pull->waiters > 0) return;
  engine_.http().cancel(pull->stream);
  const auto found = pulls_.find(key);
  if (found != pulls_.end() && found->second == pull) pulls_.erase(found);
}

Result<void> Images::pull(const Wanted& wanted, const Say& say) {
  const std::string key = wanted.ref.text() + "\n" + (wanted.credentials ? registry_auth(*wanted.credentials) : "");
  const std::shared_ptr<Pull> pull = join(key, wanted);
  const Clock::time_point started = Clock::now();
  Clock::time_point moved = started;
  Clock::time_point told = started;
  std::uint64_t steps = 0;
  Result<void> outcome;
  for (std::unique_lock lock(pull->mutex);;) {
    pull->changed.wait_for(lock, look, [&pull] { return pull->ended.has_value(); });
    if (pull->ended) {
      outcome = pull->outcome(wanted.ref);
      break;
    }
    const Clock::time_point now = Clock::now();
    if (pull->progress.steps() != steps) moved = now;
    steps = pull->progress.steps();
    if (now - moved > wanted.activity_limit) {
      outcome = pull_error(wanted.ref, 0, "no progress for longer than pull_activity_timeout; " + pull->progress.text());
      break;
    }
    if (now - started > wanted.limit) {
      outcome = pull_error(wanted.ref, 0, "not done within image_pull_timeout; " + pull->progress.text());
      break;
    }
    if (now - told > tell) {
      told = now;
      say("Docker image pull progress: " + pull->progress.text());
    }
  }
  leave(key, pull);
  return outcome;
}

Result<Images::Got> Images::fetch(const Wanted& wanted, const Say& say) {
  const std::string reference = wanted.ref.text();
  DROVER_LET(const std::optional<Image> before, engine_.image(reference, engine_patience));
  const auto is_ours = [this, &reference](const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(id);
    return found != known_.end() && found->second.pulled_as.contains(reference);
  };
  if (before && !wanted.force_pull && !wanted.ref.is_moving()) return Got{before->id, is_ours(before->id)};
  say("Downloading image");
  DROVER_TRY(pull(wanted, say));
  DROVER_LET(const std::optional<Image> after, engine_.image(reference, engine_patience));
  if (!after) return pull_error(wanted.ref, 0, "the engine has no such image after the pull");
  const bool is_new = !before || before->id != after->id;
  return Got{after->id, is_new || is_ours(after->id)};
}

void Images::hold(const std::string& image, const std::string& reference, const std::string& task, bool pulled) {
  const std::lock_guard lock(mutex_);
  Known& known = known_[image];
  known.tasks.insert(task);
  if (pulled) known.pulled_as.insert(reference);
}

bool Images::release(const std::string& image, const std::string& task) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(image);
  if (found == known_.end()) return false;
  found->second.tasks.erase(task);
  if (!found->second.tasks.empty()) return false;
  if (!found->second.pulled_as.empty()) return true;
  known_.erase(found);
  return false;
}

Result<void> Images::remove_unused(const std::string& image) {
  std::set<std::string> references;
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(image);
    if (found == known_.end() || !found->second.tasks.empty()) return {};
    references = std::move(found->second.pulled_as);
    known_.erase(found);
  }
  for (const std::string& reference : references) {
    DROVER_LET(const std::optional<Image> now, engine_.image(reference));
    if (!now || now->id != image) continue;  // gone, or another image under the same name
    DROVER_TRY(engine_.remove_image(reference));
  }
  return {};
}

}  // namespace drover::docker
