#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <drover/exec.h>

#include "plugins/docker/engine.h"
#include "plugins/docker/raw_connection.h"

namespace drover::docker {

/// A command in a container, with a thread that moves its bytes.
class Exec final : public sdk::ExecSession {
 public:
  static Result<std::unique_ptr<sdk::ExecSession>> start(std::shared_ptr<Engine> engine, const std::string& container, const sdk::ExecSpec& spec, Handlers handlers);
  ~Exec() override;

  Result<void> write_stdin(std::string_view bytes) override;
  void close_stdin() override;
  Result<void> resize(int rows, int columns) override;
  void kill() override;

 private:
  Exec(std::shared_ptr<Engine> engine, std::string container, std::string id, bool terminal, Handlers handlers);

  void run();
  void move_bytes();
  bool read_some();
  void deliver(std::string_view bytes);
  bool write_some();
  void wake();
  int exit_code();
  int running_pid();

  const std::shared_ptr<Engine> engine_;
  const std::string container_;
  const std::string id_;
  const bool terminal_;
  const Handlers handlers_;
  RawConnection connection_;
  std::string frames_;
  int wake_ = -1;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::string stdin_;
  bool stdin_closed_ = false;
  bool over_ = false;
  bool killed_ = false;
  std::thread thread_;
};

}  // namespace drover::docker
