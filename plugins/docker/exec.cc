#include "plugins/docker/exec.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t stdin_max = 256U << 10;
constexpr std::size_t frame_head = 8;
constexpr int end_looks_max = 250;  ///< for the exit code, 20 ms apart
constexpr int pid_looks_max = 500;  ///< for the number of the process, as far apart
constexpr int look_ms = 20;
constexpr int idle_ms = 60'000;

std::string exec_body(const sdk::ExecSpec& spec) {
  return json::serialize(json::object{{"AttachStdin", true}, {"AttachStdout", true}, {"AttachStderr", true}, {"Tty", spec.terminal}, {"Cmd", to_json(spec.argv)}});
}

/// Whether a process of this machine belongs to the container: numbers of another machine mean nothing here.
bool is_in_container(int pid, const std::string& container) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.find(container) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<sdk::ExecSession>> Exec::start(std::shared_ptr<Engine> engine, const std::string& container, const sdk::ExecSpec& spec, Handlers handlers) {
  DROVER_LET(const std::string id, engine->create_exec(container, exec_body(spec)));
  std::unique_ptr<Exec> exec(new Exec(engine, container, id, spec.terminal, std::move(handlers)));
  Request request;
  request.method = "POST";
  request.target = engine->known_path("/exec/" + id + "/start");
  request.body = json::serialize(json::object{{"Detach", false}, {"Tty", spec.terminal}});
  DROVER_TRY(exec->connection_.open(engine->http().endpoint(), request));
  exec->thread_ = std::thread([self = exec.get()] { self->run(); });
  return std::unique_ptr<sdk::ExecSession>(std::move(exec));
}

Exec::Exec(std::shared_ptr<Engine> engine, std::string container, std::string id, bool terminal, Handlers handlers)
    : engine_(std::move(engine)),
      container_(std::move(container)),
      id_(std::move(id)),
      terminal_(terminal),
      handlers_(std::move(handlers)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Exec::~Exec() {
  if (thread_.joinable()) {
    kill();
    thread_.join();
  }
  if (wake_ >= 0) ::close(wake_);
}

void Exec::run() {
  move_bytes();
  const int code = exit_code();
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }
  if (handlers_.output) {
    handlers_.output(false, {});
    if (!terminal_) handlers_.output(true, {});
  }
  if (handlers_.exited) handlers_.exited(code, 0);
}

void Exec::move_bytes() {
  for (;;) {
    const bool wants_to_write = write_some();
    pollfd polled[] = {{connection_.descriptor(), static_cast<short>(POLLIN | (wants_to_write ? POLLOUT : 0)), 0}, {wake_, POLLIN, 0}};
    ::poll(polled, 2, idle_ms);
    if (polled[1].revents != 0) {
      eventfd_t count = 0;
      ::eventfd_read(wake_, &count);
      const std::lock_guard lock(mutex_);
      // Where the command cannot be killed from here, at least nobody listens to it any more.
      if (killed_) return;
    }
    if (!read_some()) return;
  }
}

bool Exec::read_some() {
  for (;;) {
    const Result<std::string> bytes = connection_.receive();
    if (!bytes) return false;
    if (bytes->empty()) return true;
    deliver(*bytes);
  }
}

void Exec::deliver(std::string_view bytes) {
  if (!handlers_.output) return;
  if (terminal_) return handlers_.output(false, bytes);
  frames_.append(bytes);
  std::size_t done = 0;
  while (frames_.size() - done >= frame_head) {
    const auto* head = reinterpret_cast<const unsigned char*>(frames_.data() + done);
    const std::size_t size = (std::size_t{head[4]} << 24) | (std::size_t{head[5]} << 16) | (std::size_t{head[6]} << 8) | head[7];
    // A frame may be long: what has come of it need not wait for the rest, but no command writes such.
    if (frames_.size() - done - frame_head < size) break;
    if (size > 0) handlers_.output(head[0] == 2, std::string_view(frames_).substr(done + frame_head, size));
    done += frame_head + size;
  }
  frames_.erase(0, done);
}

/// True when there is more than the connection took.
bool Exec::write_some() {
  std::unique_lock lock(mutex_);
  while (!stdin_.empty()) {
    const Result<std::size_t> sent = connection_.send(stdin_);
    if (!sent) {
      stdin_.clear();  // a command that reads no more
      break;
    }
    if (*sent == 0) return true;
    stdin_.erase(0, *sent);
    changed_.notify_all();
  }
  if (stdin_closed_ && !over_) {
    stdin_closed_ = false;
    connection_.close_sending();
  }
  return false;
}

/// The stream may end a little before the engine knows how the command did.
int Exec::exit_code() {
  for (int look = 0; look < end_looks_max; ++look) {
    const Result<ExecState> state = engine_->inspect_exec(id_);
    if (state && state->ended) return state->exit_code;
    {
      const std::lock_guard lock(mutex_);
      if (killed_ && look > 5) break;
    }
    ::poll(nullptr, 0, look_ms);
  }
  return -1;
}

/// The command's process; 0 when it has ended. The stream opens before the command begins, and a command may print before
/// the engine has noted its number.
int Exec::running_pid() {
  for (int look = 0; look < pid_looks_max; ++look) {
    const Result<ExecState> state = engine_->inspect_exec(id_);
    if (!state || state->ended) return 0;
    if (state->pid > 0) return state->pid;
    ::poll(nullptr, 0, look_ms);
  }
  return 0;
}

Result<void> Exec::write_stdin(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return over_ || killed_ || stdin_.size() < stdin_max; });
  if (over_ || killed_) return fail(Code::not_found, "the command has ended");
  stdin_.append(bytes);
  lock.unlock();
  wake();
  return {};
}

void Exec::close_stdin() {
  {
    const std::lock_guard lock(mutex_);
    stdin_closed_ = true;
  }
  wake();
}

Result<void> Exec::resize(int rows, int columns) {
  if (!terminal_) return fail(Code::invalid, "the command has no terminal");
  return engine_->resize_exec(id_, rows, columns);
}

void Exec::kill() {
  {
    const std::lock_guard lock(mutex_);
    if (over_ || killed_) return;
  }
  if (const int pid = running_pid(); pid > 1 && is_in_container(pid, container_)) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
  }
  const std::lock_guard lock(mutex_);
  killed_ = true;
  changed_.notify_all();
  wake();
}

void Exec::wake() { ::eventfd_write(wake_, 1); }

}  // namespace drover::docker
