#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "plugins/docker/engine.h"
#include "plugins/docker/log_decoder.h"
#include "plugins/docker/log_position_file.h"

namespace drover::docker {

/// Copies the log of one container into the FIFOs of its task, each byte once: what was passed on is remembered outside
/// of this process, and every new stream begins there. Streams that break are opened again for as long as the container
/// may write. Lives on the thread of the engine's Http; never blocks it, and holds no more than one piece of the stream.
class LogPump : public std::enable_shared_from_this<LogPump> {
 public:
  struct Settings {
    std::string container;
    std::string stdout_path;
    std::string stderr_path;
    std::string position_path;
    bool is_terminal = false;
  };
  /// `drained` is called once, on the thread, when all was passed on that the container wrote before finish().
  LogPump(Engine& engine, Settings settings);
  ~LogPump();

  void begin();                               ///< from any thread
  void finish(std::function<void()> drained); ///< from any thread: the container has ended
  void stop();                                ///< from any thread: nothing more is passed on

 private:
  struct Sink {
    std::string path;
    int fd = -1;
  };
  struct Waiting {
    bool is_stderr;
    std::int64_t time_ns;
    std::string bytes;
    std::size_t done = 0;
  };

  bool open();
  void open_stream();
  bool take(std::string_view bytes);
  void take_entry(const LogEntry& entry);
  void write_waiting();
  bool write_front();
  bool open_sink(Sink& sink);
  void sink_refused(Sink& sink, int why);
  void write_later(int fd);
  void stream_ended(const Result<void>& ended, int status);
  void go_on();
  void say_once(const std::string& problem);
  std::int64_t since() const;

  Engine& engine_;
  const Settings settings_;
  Sink sinks_[2];
  std::unique_ptr<LogPositionFile> file_;
  std::unique_ptr<LogDecoder> decoder_;
  std::unique_ptr<LogResumer> resumers_[2];
  std::deque<Waiting> waiting_;
  Http::StreamId stream_ = 0;
  std::string problem_;
  std::function<void()> drained_;
  Duration delay_{};
  bool refused_ = false;        ///< the stream waits for us
  bool writing_later_ = false;
  bool stream_open_ = false;
  bool last_stream_ = false;  ///< opened after the end of the container: what it does not bring is not there
  bool complete_ = false;     ///< no further stream would bring anything
  bool finishing_ = false;
  bool stopped_ = false;
};

}  // namespace drover::docker
