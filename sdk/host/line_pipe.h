#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/process/process_id.h"

namespace drover::host {

inline constexpr std::size_t line_max = 64 << 10;  ///< longer lines arrive in pieces

/// A FIFO between a plugin and its agent that survives the agent: the plugin holds both ends, so it never writes to
/// nobody, and without an agent a full pipe refuses instead of blocking. On one loop.
class LinePipe {
 public:
  /// Makes the FIFO (0600), or takes the one that is there.
  static Result<std::unique_ptr<LinePipe>> open(Loop& loop, const std::string& path);
  LinePipe(const LinePipe&) = delete;
  LinePipe& operator=(const LinePipe&) = delete;
  ~LinePipe();

  /// The end for the plugin's stdout or stderr.
  Result<Fd> open_for_plugin() const;

  /// Gives each line, without its end, to `line` until cancelled. Spawn it into a Scope that stops before the pipe goes.
  Async<void> read_lines(std::function<void(std::string)> line);

 private:
  struct Reader;
  LinePipe(std::string path, std::unique_ptr<Reader> reader);

  std::string path_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace drover::host
