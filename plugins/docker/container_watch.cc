#include "plugins/docker/container_watch.h"

#include <algorithm>
#include <utility>

namespace drover::docker {
namespace {

using namespace std::chrono_literals;

constexpr Duration delay_min = 50ms;
constexpr Duration delay_max = 2s;
constexpr Duration answer_max = 15s;
constexpr Duration delay_after_refusal = 300ms;
constexpr int ok = 200;
constexpr int not_found = 404;

}  // namespace

sdk::Exit exit_of(const Container& container) {
  sdk::Exit exit = sdk::Exit::of_code(container.exit_code);
  exit.oom_killed = container.oom_killed;
  if (!container.error.empty()) {
    exit.error = container.error;
  } else if (container.oom_killed) {
    exit.error = "OOM Killed";
  } else if (container.exit_code != 0) {
    exit.error = text("Docker container exited with non-zero exit code: {}", container.exit_code);
  }
  return exit;
}

ContainerWatch::ContainerWatch(Engine& engine, std::string container, Events events)
    : engine_(engine), container_(std::move(container)), events_(std::move(events)) {}

void ContainerWatch::begin() {
  engine_.http().post([self = shared_from_this()] {
    if (!self->stopped_) self->inspect();
  });
}

void ContainerWatch::stop() {
  engine_.http().post([self = shared_from_this()] {
    self->stopped_ = true;
    self->engine_.http().cancel(self->stream_);
  });
}

/// Whatever ends the waiting, the container itself is asked next.
void ContainerWatch::wait() {
  Request request;
  request.method = "POST";
  request.target = engine_.known_path("/containers/" + container_ + "/wait?condition=not-running");
  request.limit = Duration::zero();
  auto status = std::make_shared<int>(0);
  StreamEvents events;
  events.head = [status](int code) { *status = code; };
  events.end = [self = shared_from_this(), status](const Result<void>& ended) {
    if (self->stopped_) return;
    if (ended && *status == ok) return self->inspect();
    self->inspect_later(delay_after_refusal);
  };
  stream_ = engine_.http().stream(request, std::move(events));
}

void ContainerWatch::inspect() {
  Request request;
  request.target = engine_.known_path("/containers/" + container_ + "/json");
  request.limit = answer_max;
  engine_.http().call(request, [self = shared_from_this()](Result<Response> answer) {
    if (!self->stopped_) self->inspected(answer);
  });
}

void ContainerWatch::inspected(const Result<Response>& answer) {
  if (!answer) return lost(answer.error().message);
  if (answer->status == not_found) return end(sdk::Exit::unknown("the container is gone: it was removed from outside"));
  if (answer->status != ok) return lost(error_of(*answer, "inspect container").message);
  const Result<Container> container = parse_container(answer->body);
  if (!container) return lost(container.error().message);
  if (is_lost_ && events_.reachable) events_.reachable();
  is_lost_ = false;
  delay_ = Duration::zero();
  if (container->has_ended()) return end(exit_of(*container));
  if (container->status == "created") return end(sdk::Exit::unknown("the container was never started"));
  wait();
}

void ContainerWatch::lost(const std::string& why) {
  if (!is_lost_ && events_.unreachable) events_.unreachable(why);
  is_lost_ = true;
  delay_ = std::clamp<Duration>(delay_ * 2, delay_min, delay_max);
  // Whoever answers next may be another version of the engine.
  engine_.http().after(delay_, [self = shared_from_this()] {
    if (self->stopped_) return;
    self->engine_.agree_then([self] {
      if (!self->stopped_) self->inspect();
    });
  });
}

void ContainerWatch::inspect_later(Duration delay) {
  engine_.http().after(delay, [self = shared_from_this()] {
    if (!self->stopped_) self->inspect();
  });
}

void ContainerWatch::end(const sdk::Exit& exit) {
  stopped_ = true;
  events_.ended(exit);
}

}  // namespace drover::docker
