// Wrong commands inside tasks.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "conformance/broken/fault.h"

namespace drover::broken {
namespace exec_part {

using Frame = pb::ExecTaskStreamingResponse;
using Request = pb::ExecTaskStreamingRequest;

Fault answered(std::function<void(pb::ExecTaskResponse&)> change) { return changes<pb::ExecTaskResponse>("ExecTask", std::move(change)); }

Fault asked(std::function<void(pb::ExecTaskRequest&)> change) { return asks<pb::ExecTaskRequest>("ExecTask", std::move(change)); }

Fault frames(std::function<void(Frame&)> change) { return changes<Frame>("ExecTaskStreaming", std::move(change)); }

Fault sends(std::function<void(Request&)> change) { return asks<Request>("ExecTaskStreaming", std::move(change)); }

/// Frames that are left out.
Fault without(std::function<bool(const Frame&)> which) {
  Fault fault;
  fault.response = [which = std::move(which)](const std::string& method, std::string& bytes) {
    Frame frame;
    return method != "ExecTaskStreaming" || !frame.ParseFromString(bytes) || !which(frame);
  };
  return fault;
}

Fault only_first(const std::string& method) {
  Fault fault;
  fault.instead = [method](const std::string& called, const std::string&, rpc::Call& call) {
    static std::atomic<int> calls = 0;
    if (called != method || ++calls == 1) return false;
    call.close(rpc::Status{rpc::StatusCode::unknown, "once is enough", {}});
    return true;
  };
  return fault;
}

Fault dies_of(std::function<bool(const Request&)> which) {
  return dies_at("ExecTaskStreaming", [which = std::move(which)](const std::string& bytes) {
    Request request;
    return request.ParseFromString(bytes) && which(request);
  });
}

/// A session that is another one: its command replaced.
Fault runs_instead(const std::string& script) {
  return sends([script](Request& request) {
    if (!request.has_setup()) return;
    request.mutable_setup()->clear_command();
    for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), script}) request.mutable_setup()->add_command(word);
  });
}

}  // namespace exec_part

void add_exec_faults(Faults& faults) {
  using namespace exec_part;
  faults["exec.exit-0"] = answered([](auto& message) { message.mutable_result()->set_exit_code(1); });
  faults["exec.exit-4"] = answered([](auto& message) { message.mutable_result()->set_exit_code(0); });
  faults["exec.result"] = answered([](auto& message) { message.clear_result(); });
  faults["exec.output"] = answered([](auto& message) { message.clear_stdout(); });
  faults["exec.errors"] = answered([](auto& message) {
    message.set_stderr(message.stdout());
    message.clear_stdout();
  });
  faults["exec.signal"] = answered([](auto& message) { message.mutable_result()->set_exit_code(9); });
  faults["exec.timeout"] = asked([](auto& message) { message.mutable_timeout()->set_seconds(60); });
  faults["exec.timeout-kills"] = asked([](auto& message) { message.mutable_timeout()->set_seconds(60); });
  faults["exec.empty"] = succeeds_wrongly("ExecTask");
  faults["exec.missing"] = succeeds_wrongly("ExecTask");
  faults["exec.no-timeout"] = dies_at("ExecTask", [](const std::string& bytes) {
    pb::ExecTaskRequest request;
    return request.ParseFromString(bytes) && !request.has_timeout();
  });
  faults["exec.words"] = asked([](auto& message) {
    std::string words;
    for (const std::string& word : message.command()) words += word + " ";
    message.clear_command();
    for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), words}) message.add_command(word);
  });
  faults["exec.environment"] = answered([](auto& message) { message.set_stdout("\n"); });
  faults["exec.own-output"].request = [](const std::string& method, std::string& bytes) {
    static std::string output;  // of the task that was started last
    pb::StartTaskRequest start;
    if (method == "StartTask" && start.ParseFromString(bytes)) output = start.task().stdout_path();
    pb::ExecTaskRequest request;
    if (method != "ExecTask" || !request.ParseFromString(bytes)) return;
    std::string words = "{ ";
    for (const std::string& word : request.command()) words += word + " ";
    request.clear_command();
    for (const std::string& word : {std::string("/bin/sh"), std::string("-c"), words + "; } > " + output}) request.add_command(word);
    bytes = request.SerializeAsString();
  };
  faults["exec.at-once"] = hangs("ExecTask");
  faults["exec.ended-task"] = succeeds_wrongly("ExecTask");

  faults["stream.output"] = frames([](Frame& frame) {
    if (frame.stderr().data().empty()) return;
    *frame.mutable_stdout() = frame.stderr();
    frame.clear_stderr();
  });
  faults["stream.exit-code"] = frames([](Frame& frame) {
    if (frame.exited()) frame.mutable_result()->set_exit_code(0);
  });
  faults["stream.one-exit"] = without([](const Frame& frame) { return frame.exited(); });
  faults["stream.closes"] = without([](const Frame& frame) { return frame.stdout().close(); });
  faults["stream.ok"].status = [](const std::string& method, rpc::Status& status, int) {
    if (method == "ExecTaskStreaming" && status.ok()) status = rpc::Status{rpc::StatusCode::unknown, "end of file", {}};
    return false;
  };
  faults["stream.signal"] = frames([](Frame& frame) {
    if (frame.exited() && frame.result().exit_code() == 137) frame.mutable_result()->set_exit_code(9);
  });
  faults["stream.by-and-by"] = without([](const Frame& frame) { return !frame.stdout().data().empty(); });
  faults["stream.input"] = sends([](Request& request) { request.mutable_stdin()->clear_data(); });
  faults["stream.input-end"] = sends([](Request& request) { request.mutable_stdin()->set_close(false); });
  faults["stream.input-with-end"] = sends([](Request& request) {
    if (request.stdin().close()) request.mutable_stdin()->clear_data();
  });
  faults["stream.input-at-once"] = sends([](Request& request) { request.mutable_stdin()->set_close(false); });
  faults["stream.input-large"] = sends([](Request& request) {
    if (request.stdin().data().size() > 8192) request.mutable_stdin()->mutable_data()->resize(8192);
  });
  faults["stream.output-large"] = frames([](Frame& frame) {
    if (frame.stdout().data().size() > 4096) frame.mutable_stdout()->mutable_data()->resize(4096);
  });
  faults["stream.unread-input"] = dies_of([](const Request& request) { return !request.stdin().data().empty(); });
  faults["stream.heartbeat"] = dies_of([](const Request& request) { return request.ByteSizeLong() == 0; });
  faults["stream.setup-first"] = succeeds_wrongly("ExecTaskStreaming");
  faults["stream.missing"] = succeeds_wrongly("ExecTaskStreaming");
  faults["stream.empty"] = succeeds_wrongly("ExecTaskStreaming");
  faults["stream.no-terminal"] = sends([](Request& request) {
    if (request.has_setup()) request.mutable_setup()->set_tty(true);
  });
  for (const char* id : {"stream.terminal", "stream.terminal-lines"}) {
    faults[id] = sends([](Request& request) {
      if (request.has_setup()) request.mutable_setup()->set_tty(false);
    });
  }
  faults["stream.terminal-size"] = sends([](Request& request) {
    if (request.tty_size().height() > 100) request.clear_tty_size();
  });
  faults["stream.terminal-input"] = sends([](Request& request) { request.mutable_stdin()->clear_data(); });
  faults["stream.terminal-exit"] = frames([](Frame& frame) {
    if (frame.exited()) frame.mutable_result()->set_exit_code(0);
  });
  faults["stream.terminal-child"] = runs_instead("sleep 60");
  faults["stream.cancel"].deaf_to_cancel = "ExecTaskStreaming";
  faults["stream.slow-reader"].instead = [](const std::string& method, const std::string&, rpc::Call&) {
    static std::atomic<bool> streaming = false;
    streaming = streaming || method == "ExecTaskStreaming";
    return streaming && method == "TaskConfigSchema";
  };
  faults["stream.at-once"] = only_first("ExecTaskStreaming");
  faults["stream.many"] = only_first("ExecTaskStreaming");
}

}  // namespace drover::broken
