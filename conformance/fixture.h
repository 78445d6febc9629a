#pragma once

#include <drover/result.h>

#include <optional>
#include <string>

#include "base/value/value.h"

/// What a judge must be told of a driver: how a job's `config` says what to run.
namespace drover::conformance {

/// A JSON object; every member is optional, and what is absent skips the checks that need it:
///   driver_config  the plugin's own configuration
///   shell          config of a task that runs the script in "${script}" with /bin/sh
///   forever        config of a task that runs until it is stopped
///   exit           config of a task that ends at once with exit code "${code}"
///   missing        config whose program (image, …) does not exist
///   invalid        config that the driver must refuse
///   start_seconds  how long a start may take (10)
/// With `shell`, forever and exit follow from it.
class Fixture {
 public:
  static Result<Fixture> parse(const std::string& json);
  /// Of drivers that everybody knows; an empty one for others.
  static Fixture known(const std::string& driver);

  Value driver_config = Value::map();
  std::optional<Value> missing;
  std::optional<Value> invalid;
  std::int64_t start_seconds = 10;

  bool has_tasks() const { return has_shell() || (forever_ && exit_); }
  bool has_shell() const { return shell_.has_value(); }
  Value shell(const std::string& script) const;
  Value forever() const;
  Value exit(int code) const;

 private:
  std::optional<Value> shell_, forever_, exit_;
};

}  // namespace drover::conformance
