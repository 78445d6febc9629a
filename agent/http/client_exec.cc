// Commands in running tasks, over a websocket.
#include "agent/alloc/alloc_runner.h"
#include "agent/http/client_api.h"
#include "agent/http/exec_frames.h"
#include "base/json/json.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"

namespace drover::agent {
namespace {

constexpr int close_normal = 1000;
constexpr int close_refused = 1008;
constexpr int close_failed = 1011;

/// Why a session does not begin, with the code that its websocket is closed with.
struct Refusal {
  int code = 0;  ///< 0: there is nobody to tell
  std::string reason;
};

struct ExecRequest {
  std::string task;
  std::vector<std::string> command;
  bool tty = false;
  bool shakes_hands = false;
};

/// As Go's ParseBool, with its error.
Result<bool> flag(const http::Request& request, std::string_view name) {
  const std::string given = parameter(request, name);
  if (given.empty()) return false;
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (given == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (given == no) return false;
  }
  return fail(Code::invalid, "{} value is not a boolean: strconv.ParseBool: parsing \"{}\": invalid syntax", name, given);
}

/// The command is a JSON list of texts.
std::optional<Refusal> read_command(const std::string& given, std::vector<std::string>& command) {
  const std::string lead = "failed to marshal command into json: ";
  if (given.empty()) return Refusal{close_failed, lead + "unexpected end of JSON input"};
  const Result<Value> list = json::parse(given);
  if (!list) {
    const bool begins = given.front() == '[';
    return Refusal{close_failed, lead + (begins ? list.error().message
                                                : text("invalid character '{}' looking for beginning of value", given.front()))};
  }
  if (!list->is_list()) return Refusal{close_failed, lead + "it is no list of texts"};
  for (const Value& word : list->items()) {
    if (!word.is_text()) return Refusal{close_failed, lead + "it is no list of texts"};
    command.push_back(word.text());
  }
  if (command.empty()) return Refusal{close_refused, "command is not present"};
  return std::nullopt;
}

std::optional<Refusal> read_request(const http::Request& request, ExecRequest& out) {
  const Result<bool> handshake = flag(request, "ws_handshake");
  if (!handshake) return Refusal{close_refused, handshake.error().message};
  out.shakes_hands = *handshake;
  out.task = parameter(request, "task");
  if (out.task.empty()) return Refusal{close_refused, "must provide task name"};
  const Result<bool> tty = flag(request, "tty");
  if (!tty) return Refusal{close_failed, tty.error().message};
  out.tty = *tty;
  return read_command(parameter(request, "command"), out.command);
}

/// One session: what comes in goes to the command, what it says goes out, until it has exited or one side has gone.
class ExecConversation {
 public:
  ExecConversation(Loop& loop, http::WebSocket& socket, std::unique_ptr<ExecSession> session)
      : socket_(socket), session_(std::move(session)), over_(loop), scope_(loop) {}

  Async<void> run() {
    scope_.spawn(pass_input());
    scope_.spawn(pass_output());
    while (!is_over_) {
      const bool woken = co_await over_.wait();
      if (!woken) break;
    }
    co_await scope_.stop();
    session_->close("the session has ended");
    if (closing_.code != 0) socket_.close(closing_.code, closing_.reason);
  }

 private:
  Async<void> pass_input() {
    for (;;) {
      const Result<std::string> message = co_await socket_.receive();
      if (!message) {
        if (message.error().code == Code::exhausted) end({close_refused, message.error().message});
        end({});
        co_return;
      }
      Result<ExecInput> input = read_exec_input(*message);
      if (!input) {
        end({close_refused, input.error().message});
        co_return;
      }
      const bool nothing = input->data.empty() && !input->close && !input->size;
      // A command that has ended takes nothing any more: its exit follows.
      if (!nothing) static_cast<void>(session_->send(std::move(*input)));
    }
  }

  Async<void> pass_output() {
    for (;;) {
      Result<ExecEvent> event = co_await session_->receive();
      if (!event) {
        end({close_failed, event.error().message});  // when the session is over already, that stays as it is
        co_return;
      }
      const bool sent = co_await send(std::move(*event));
      if (!sent) co_return;
    }
  }

  /// False when it was the last, or nobody listens.
  Async<bool> send(ExecEvent event) {
    const bool last = event.from == ExecEvent::From::exited;
    std::string data = std::move(event.data);
    do {
      event.data = data.substr(0, exec_piece_max);
      data.erase(0, event.data.size());
      std::string message = write_exec_event(event);
      const bool sent = co_await socket_.send(std::move(message));
      if (!sent) {
        end({});
        co_return false;
      }
    } while (!data.empty());
    if (last) end({close_normal, ""});
    co_return !last;
  }

  void end(Refusal how) {
    if (!is_over_) closing_ = std::move(how);
    is_over_ = true;
    over_.notify();
  }

  http::WebSocket& socket_;
  std::unique_ptr<ExecSession> session_;
  bool is_over_ = false;
  Refusal closing_;
  Signal over_;
  Scope scope_;
};

}  // namespace

http::Response ClientApi::exec(std::string alloc_id, http::Request request) {
  if (!http::wants_websocket(request))
    return text_answer(500, "exec is a websocket: the request does not ask for an upgrade to one");
  http::Response response;
  response.status = 101;
  response.websocket = [this, alloc_id = std::move(alloc_id), request = std::move(request)](http::WebSocket& socket) {
    return converse(alloc_id, request, socket);
  };
  return response;
}

Async<void> ClientApi::converse(std::string alloc_id, http::Request request, http::WebSocket& socket) {
  ExecRequest asked;
  if (const std::optional<Refusal> refusal = read_request(request, asked)) {
    socket.close(refusal->code, refusal->reason);
    co_return;
  }
  if (asked.shakes_hands) {
    const Result<std::string> first = co_await socket.receive();
    if (!first) co_return;
    const Result<void> shaken = check_exec_handshake(*first);
    if (!shaken) {
      socket.close(close_refused, shaken.error().message);
      co_return;
    }
  }
  const AllocRunner* alloc = owner_.find_alloc(alloc_id);
  const TaskRunner* task = alloc == nullptr ? nullptr : alloc->task(asked.task);
  if (task == nullptr) {
    socket.close(close_failed, "task not found");
    co_return;
  }
  const std::string id = task->task_id();
  if (id.empty()) {
    socket.close(close_refused, text("task \"{}\" is not running.", asked.task));
    co_return;
  }
  Result<std::unique_ptr<ExecSession>> session = co_await parts_.drivers.exec_session(task->driver(), id, asked.command, asked.tty);
  if (!session) {
    socket.close(close_failed, session.error().message);
    co_return;
  }
  ExecConversation conversation(parts_.loop, socket, std::move(*session));
  co_await conversation.run();
}

}  // namespace drover::agent
