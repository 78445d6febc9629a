#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <drover/result.h>

#include "plugins/docker/auth.h"
#include "plugins/docker/engine.h"
#include "plugins/docker/pull.h"

namespace drover::docker {

/// The images that tasks need: fetched once however many ask, counted, and removed when drover pulled them and nobody has
/// needed them for a while. From any thread.
class Images {
 public:
  struct Wanted {
    ImageRef ref;
    std::optional<Credentials> credentials;
    bool force_pull = false;
    Duration limit = std::chrono::minutes(5);           ///< for all of it
    Duration activity_limit = std::chrono::minutes(2);  ///< without any progress
  };
  struct Got {
    std::string id;
    bool pulled = false;  ///< by us, now or before
  };
  using Say = std::function<void(const std::string& message)>;

  explicit Images(Engine& engine) : engine_(engine) {}

  /// Blocks until the image is there. Those who want the same with the same credentials share one pull, and each keeps its
  /// own time limit; when the last of them has given up, the pull ends.
  Result<Got> fetch(const Wanted& wanted, const Say& say);

  void hold(const std::string& image, const std::string& reference, const std::string& task, bool pulled);
  /// True when nobody holds it any more and it is ours to remove.
  bool release(const std::string& image, const std::string& task);
  /// Removes it unless somebody holds it again. Errors are for the log.
  Result<void> remove_unused(const std::string& image);

 private:
  struct Pull;

  struct Known {
    std::set<std::string> tasks;
    std::set<std::string> pulled_as;  ///< references that we brought here
  };
  Result<void> pull(const Wanted& wanted, const Say& say);
  std::shared_ptr<Pull> join(const std::string& key, const Wanted& wanted);
  void leave(const std::string& key, const std::shared_ptr<Pull>& pull);

  Engine& engine_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Pull>> pulls_;
  std::map<std::string, Known> known_;
};

}  // namespace drover::docker
