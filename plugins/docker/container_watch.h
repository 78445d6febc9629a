#pragma once

#include <functional>
#include <memory>
#include <string>

#include <drover/task_config.h>

#include "plugins/docker/engine.h"

namespace drover::docker {

/// How a container ended, by what the engine says of it.
sdk::Exit exit_of(const Container& container);

/// Follows one container to its end, through restarts of the engine: a connection that breaks says nothing about the
/// container. Lives on the thread of the engine's Http.
class ContainerWatch : public std::enable_shared_from_this<ContainerWatch> {
 public:
  struct Events {
    std::function<void(const sdk::Exit&)> ended;       ///< once
    std::function<void(const std::string&)> unreachable;  ///< the engine has gone; said once until it is back
    std::function<void()> reachable;                   ///< it is back
  };
  ContainerWatch(Engine& engine, std::string container, Events events);

  void begin();  ///< from any thread
  void stop();   ///< from any thread: nothing is said any more

 private:
  void wait();
  void inspect();
  void inspect_later(Duration delay);
  void inspected(const Result<Response>& answer);
  void lost(const std::string& why);
  void end(const sdk::Exit& exit);

  Engine& engine_;
  const std::string container_;
  const Events events_;
  Http::StreamId stream_ = 0;
  Duration delay_{};
  bool is_lost_ = false;
  bool stopped_ = false;
};

}  // namespace drover::docker
