#pragma once

#include <memory>
#include <string>

#include <drover/result.h>

#include "plugins/docker/log_decoder.h"

namespace drover::docker {

/// Where the positions of a container's two streams outlive this process: a small file, mapped, so that what is stored is
/// there the moment it is stored, whatever kills us. A crash of the machine may set it back: then lines come twice.
class LogPositionFile {
 public:
  /// Made where it is missing. Links are refused.
  static Result<std::unique_ptr<LogPositionFile>> open(const std::string& path);
  LogPositionFile(const LogPositionFile&) = delete;
  LogPositionFile& operator=(const LogPositionFile&) = delete;
  ~LogPositionFile();

  LogPosition read(bool is_stderr) const;
  void write(bool is_stderr, const LogPosition& position);

 private:
  struct Layout;
  explicit LogPositionFile(Layout* layout) : layout_(layout) {}

  Layout* const layout_;
};

}  // namespace drover::docker
