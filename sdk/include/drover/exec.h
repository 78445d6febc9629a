#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

/// Commands run inside a task, interactive or not.
namespace drover::sdk {

struct ExecSpec {
  std::vector<std::string> argv;  ///< never empty
  bool terminal = false;          ///< stdin, stdout and stderr are one terminal
};

/// A running command. Methods from any thread; the handlers run on a thread of the session, one at a time.
class ExecSession {
 public:
  struct Handlers {
    std::function<void(bool is_stderr, std::string_view bytes)> output;  ///< an empty text: this stream has ended
    std::function<void(int code, int signal)> exited;                    ///< last, once, after all output
  };
  virtual ~ExecSession() = default;  ///< kills what still runs, waits for the handlers

  virtual Result<void> write_stdin(std::string_view bytes) = 0;
  virtual void close_stdin() = 0;
  virtual Result<void> resize(int rows, int columns) = 0;  ///< terminals only
  /// Kills the command with its children; what blocks in write_stdin() comes back, the handlers are still called.
  virtual void kill() = 0;
};

}  // namespace drover::sdk
