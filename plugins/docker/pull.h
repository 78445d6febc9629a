#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <drover/result.h>

#include "plugins/docker/image_ref.h"

namespace drover::docker {

/// What the lines of a pull have said so far.
class PullProgress {
 public:
  /// One line of the stream, a JSON object. What is not understood is no progress.
  void feed(std::string_view line);

  const std::string& error() const { return error_; }  ///< the registry's or the engine's own words; empty while all is well
  std::uint64_t steps() const { return steps_; }       ///< grows with every bit of progress
  /// "Pulled 2/5 (1.2 MiB/30 MiB) layers: 1 waiting/2 pulling"
  std::string text() const;

 private:
  struct Layer {
    std::string status;
    std::int64_t current = 0;
    std::int64_t total = 0;
  };
  std::map<std::string, Layer> layers_;
  std::string error_;
  std::uint64_t steps_ = 0;
};

/// A pull that failed, for people and for the restart policy: what will not get better by itself is `not_found` or
/// `denied`, all else `unavailable`. `status` is that of the answer, 0 for an error within the stream.
Error pull_error(const ImageRef& image, int status, const std::string& words);

}  // namespace drover::docker
