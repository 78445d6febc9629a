#include "cli/alloc_exec.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/http/websocket_client.h"
#include "base/json/json.h"
#include "base/loop/os_signals.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/loop/start.h"
#include "cli/escape.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "model/json/text.h"

namespace drover::cli {
namespace {

constexpr Duration heartbeat_interval = 10s;
constexpr std::size_t read_bytes = 16 << 10;

/// The terminal without echo and line editing, until the end of the block; and standard input blocking again then.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) : flags_(fcntl(STDIN_FILENO, F_GETFL)), changed_(wanted && tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!changed_) return;
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    if (flags_ >= 0) fcntl(STDIN_FILENO, F_SETFL, flags_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  int flags_;
  termios before_{};
  bool changed_;
};

/// What is to be run, and where.
struct Exec {
  std::string alloc, task;
  std::vector<std::string> command;
  bool tty = false, interactive = true;
  char escape = '~';
};

struct End {
  int code = 1;
  std::string problem;  ///< "" when the command ended by itself
};

/// One session: keys and window sizes go out, output comes in, until the command has ended.
class Session {
 public:
  Session(Loop& loop, const Exec& exec, http::WebSocketClient& socket)
      : loop_(loop), exec_(exec), socket_(socket), input_(loop.executor(), dup(STDIN_FILENO)), queued_(loop), scope_(loop) {}

  Async<End> run() {
    if (exec_.tty) scope_.spawn(tell_size());
    if (exec_.interactive) scope_.spawn(pass_input());
    else queue(R"({"stdin":{"close":true}})");
    scope_.spawn(beat());
    scope_.spawn(write());
    co_await read();
    socket_.close();
    boost::system::error_code ignored;
    input_.close(ignored);
    co_await scope_.stop();
    co_return end_;
  }

 private:
  void queue(std::string message) {
    out_.push_back(std::move(message));
    queued_.notify();
  }

  Async<void> read() {
    while (!is_over_) {
      Result<std::string> message = co_await socket_.receive();
      if (is_over_) co_return;  // by the escape character
      if (!message.ok()) {
        const bool no_exit_told = message.error().code == Code::cancelled;
        finish({.code = 1, .problem = no_exit_told ? "the session was closed before the command ended" : message.error().message});
        co_return;
      }
      take(*message);
    }
  }

  void take(const std::string& message) {
    const auto frame = json::parse(message);
    if (!frame.ok()) return finish({.code = 1, .problem = "the agent sent what is no frame: " + frame.error().message});
    for (const auto& [key, file] : {std::pair{"stdout", stdout}, {"stderr", stderr}}) {
      const std::string bytes = model::parse_base64(text_of(member_of(*frame, key), "data")).value_or("");
      std::fwrite(bytes.data(), 1, bytes.size(), file);
      std::fflush(file);
    }
    if (bool_of(*frame, "exited")) finish({.code = static_cast<int>(integer_of(member_of(*frame, "result"), "exit_code")), .problem = ""});
  }

  void finish(End end) {
    if (!is_over_) end_ = std::move(end);
    is_over_ = true;
  }

  Async<void> write() {
    for (;;) {
      while (out_.empty()) {
        const bool woken = co_await queued_.wait();
        if (!woken) co_return;
      }
      std::string message = std::move(out_.front());
      out_.erase(out_.begin());
      const Result<void> sent = co_await socket_.send(std::move(message));
      if (!sent.ok()) co_return;  // what receive says is said
    }
  }

  Async<void> beat() {
    for (;;) {
      const bool slept = co_await loop_.sleep(heartbeat_interval);
      if (!slept) co_return;
      queue("{}");
    }
  }

  void send_size() {
    winsize size{};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
    queue(fmt::format(R"({{"tty_size":{{"height":{},"width":{}}}}})", size.ws_row, size.ws_col));
  }

  Async<void> tell_size() {
    send_size();
    for (;;) {
      std::vector<int> signals = {SIGWINCH};
      const int got = co_await wait_for_os_signal(std::move(signals));
      if (got == 0) co_return;
      send_size();
    }
  }

  /// Files and /dev/null cannot be waited for, they are always there.
  Async<bool> wait_for_input() {
    constexpr auto waiting = boost::asio::as_tuple(boost::asio::use_awaitable_t<Loop::Executor>());
    pollfd look{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (poll(&look, 1, 0) > 0) co_return true;
    const auto [error] = co_await input_.async_wait(boost::asio::posix::stream_descriptor::wait_read, waiting);
    co_return !error;
  }

  Async<void> pass_input() {
    EscapeFilter filter(exec_.tty ? exec_.escape : '\0');
    std::string buffer(read_bytes, '\0');
    for (;;) {
      const bool ready = co_await wait_for_input();
      if (!ready) co_return;
      const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) {
        queue(R"({"stdin":{"close":true}})");
        co_return;
      }
      bool ended = false;
      const std::string passed = filter.pass(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), ended);
      if (!passed.empty()) queue_input(passed);
      if (ended) {
        finish({.code = 1, .problem = ""});
        socket_.close();
        co_return;
      }
      while (out_.size() > queue_max) {  // a slow agent slows the reading down
        const bool slept = co_await loop_.sleep(20ms);
        if (!slept) co_return;
      }
    }
  }

  void queue_input(const std::string& bytes) {
    std::string message = R"({"stdin":{"data":")";
    model::append_base64(message, bytes);
    queue(message + "\"}}");
  }

  static constexpr std::size_t queue_max = 64;

  Loop& loop_;
  const Exec& exec_;
  http::WebSocketClient& socket_;
  boost::asio::posix::stream_descriptor input_;
  std::vector<std::string> out_;
  Signal queued_;
  bool is_over_ = false;
  End end_;
  Scope scope_;
};

Async<End> converse(Loop& loop, http::ClientOptions options, std::string path, Query query, const Exec& exec) {
  auto socket = co_await http::WebSocketClient::connect(loop, std::move(options), std::move(path), std::move(query));
  End end{.code = 1, .problem = socket.ok() ? "" : socket.error().message};
  if (!socket.ok()) co_return end;
  RawTerminal raw(exec.tty && exec.interactive);
  Session session(loop, exec, **socket);
  end = co_await session.run();
  co_return end;
}

Result<Exec> exec_of(Context& context) {
  const Flags& flags = context.flags;
  Exec exec;
  exec.command.assign(context.args().begin() + 1, context.args().end());
  exec.interactive = flags.is_on("i", true);
  exec.tty = flags.is_on("t", context.world.in_is_terminal && context.world.out_is_terminal);
  const std::string escape = flags.text("e", "~");
  if (escape != "none" && escape.size() != 1) return fail(Code::invalid, "-e requires 'none' or a single character");
  exec.escape = escape == "none" ? '\0' : escape[0];
  if (exec.tty && !exec.interactive) return fail(Code::invalid, "-i must be enabled if running with tty");
  DROVER_LET(exec.alloc, find_alloc(context, context.args()[0]));
  auto alloc = context.api.get("/v1/allocation/" + exec.alloc);
  if (!alloc.ok()) return alloc.error().within("Error querying allocation");
  DROVER_LET(exec.task, find_task(*alloc, flags.text("task")));
  return exec;
}

int alloc_exec(Context& context) {
  auto exec = exec_of(context);
  if (!exec.ok()) {
    err(exec.error().message);
    return 1;
  }
  Value command = Value::list();
  for (const std::string& word : exec->command) command.push(Value(word));
  const Query query = context.api.scoped({{"task", exec->task}, {"command", json::write(command)}, {"tty", exec->tty ? "true" : "false"}});
  RealLoop loop;
  const End end = run<End>(loop, converse(loop, context.api.options(), "/v1/client/allocation/" + exec->alloc + "/exec", query, *exec));
  if (!end.problem.empty()) err("failed to exec into task: " + end.problem);
  return end.code;
}

}  // namespace

void add_alloc_exec_commands(std::vector<Command>& rows) {
  const std::vector<Flag> flags = {{"i", "", "pass standard input on (it is, unless -i=false)"}, {"t", "", "give the command a terminal (it gets one when this is one)"}, {"e", "<char|none>", "the escape character of a terminal session, ~ unless given: with a dot at the start of a line it ends the session"},
                                   {"task", "<name>", "the task"}, {"job", "", "the argument is a job"}, {"group", "<name>", "of this group"}};
  constexpr std::string_view needs_command = "A command is required";
  rows.push_back({"alloc exec", "<alloc|job> <command> [args…]", "runs a command in a running task", "drover alloc exec 8ba3 /bin/sh", flags, alloc_exec, 2, SIZE_MAX, "allocs", false, true, needs_command});
  rows.push_back({"exec", "<job|alloc> <command> [args…]", "short for alloc exec", "drover exec web /bin/sh", flags, alloc_exec, 2, SIZE_MAX, "jobs", false, true, needs_command});
}

}  // namespace drover::cli
