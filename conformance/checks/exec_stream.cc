// Commands inside a task, with their input and output as they come.
#include <filesystem>

#include "conformance/check.h"

namespace drover::conformance {
namespace exec_stream_part {

using Clock = std::chrono::steady_clock;
using Frame = pb::ExecTaskStreamingResponse;
using Request = pb::ExecTaskStreamingRequest;

/// Everything that a session said.
struct Said {
  std::string out, err;
  int out_closes = 0, err_closes = 0, exits = 0;
  bool exit_was_last = false;
  bool closed_before_exit = true;
  int code = -1;
  std::optional<rpc::Status> status;
};

Said listen(Stream& stream, Duration limit) {
  Said said;
  const auto deadline = Clock::now() + limit;
  while (auto frame = next<Frame>(stream, std::max<Duration>(deadline - Clock::now(), 0s))) {
    said.out += frame->stdout().data();
    said.err += frame->stderr().data();
    said.out_closes += frame->stdout().close() ? 1 : 0;
    said.err_closes += frame->stderr().close() ? 1 : 0;
    said.exit_was_last = frame->exited();
    if (!frame->exited()) continue;
    ++said.exits;
    said.code = frame->result().exit_code();
    said.closed_before_exit = said.out_closes > 0;
  }
  said.status = stream.ended(std::max<Duration>(deadline - Clock::now(), 100ms));
  return said;
}

Request input(const std::string& data, bool close = false) {
  Request request;
  request.mutable_stdin()->set_data(data);
  request.mutable_stdin()->set_close(close);
  return request;
}

Request size(int rows, int columns) {
  Request request;
  request.mutable_tty_size()->set_height(rows);
  request.mutable_tty_size()->set_width(columns);
  return request;
}

/// A session in a task of its own: `sent` goes after the setup.
Result<Said> session(Bench& bench, const std::string& script, const std::vector<Request>& sent, bool tty = false) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  const auto stream = driver->exec_stream(task->id(), {"/bin/sh", "-c", script}, tty);
  for (const Request& request : sent) stream->send(request.SerializeAsString());
  Said said = listen(*stream, 15s);
  EXPECT(said.status, "the stream does not end; it printed \"{}\"", said.out.substr(0, 100));
  EXPECT(said.status->ok() || said.exits == 0, "after the exit it says {}", shown(*said.status));
  return said;
}

Result<void> prints(Bench& bench, const std::string& script, const std::vector<Request>& sent, const std::string& wanted, bool tty = false) {
  DROVER_LET(const Said said, session(bench, script, sent, tty));
  EXPECT(said.out.find(wanted) != std::string::npos, "it printed \"{}\"", said.out.substr(0, 200));
  return {};
}

const std::vector<Request> closed = {input("", true)};
const char* both = "echo out; echo err >&2; exit 43";

Result<void> refused(Bench& bench, const std::vector<std::string>& argv) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  const auto stream = driver->exec_stream(task->id(), argv, false);
  const Said said = listen(*stream, 10s);
  EXPECT(said.status, "the stream does not end");
  EXPECT(!said.status->ok() || said.code > 0, "it says OK");
  EXPECT(driver->task_schema().ok(), "the driver does not answer any more");
  return {};
}

Result<void> comes_by_and_by(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  const auto stream = driver->exec_stream(task->id(), {"/bin/sh", "-c", "echo first; sleep 60"}, false);
  std::string seen;
  while (const auto frame = next<Frame>(*stream, 3s)) {
    seen += frame->stdout().data();
    if (seen.find("first") != std::string::npos) return {};
  }
  return fail(Code::invalid, "within 3 s it printed \"{}\"", seen);
}

Result<void> killed_with_its_caller(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  {
    const auto stream = driver->exec_stream(task->id(), {"/bin/sh", "-c", "echo on; sleep 2; echo alive > \"$NOMAD_ALLOC_DIR/late\""}, false);
    EXPECT(stream->next(5s), "it printed nothing");
    stream->cancel();
  }
  driver->process().ends_within(3s);
  EXPECT(!std::filesystem::exists(task->config.alloc_dir() + "/alloc/late"), "it went on");
  return {};
}

Result<void> slow_reader(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  const auto stream = driver->exec_stream(task->id(), {"/bin/sh", "-c", "while :; do echo more and more; done"}, false);
  EXPECT(!stream->ended(1s), "the stream ended");
  EXPECT(driver->raw("TaskConfigSchema", "", 3s).status.ok(), "TaskConfigSchema is not answered");
  return {};
}

}  // namespace exec_stream_part

std::vector<Check> exec_stream_checks() {
  using namespace exec_stream_part;
  return {
      {"stream.output", Level::exec, Must::must, tasks | exec, "Standard output and error come apart",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, both, closed));
         EXPECT(said.out == "out\n" && said.err == "err\n", "out \"{}\", err \"{}\"", said.out, said.err);
         return {};
       }},
      {"stream.exit-code", Level::exec, Must::must, tasks | exec, "The exit frame has the command's exit code",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, both, closed));
         EXPECT(said.exits > 0 && said.code == 43, "it is {}", said.code);
         return {};
       }},
      {"stream.one-exit", Level::exec, Must::must, tasks | exec, "There is exactly one exit frame, and it is the last",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, both, closed));
         EXPECT(said.exits == 1, "there are {}", said.exits);
         EXPECT(said.exit_was_last, "it is not the last");
         return {};
       }},
      {"stream.closes", Level::exec, Must::must, tasks | exec, "Each stream is closed once, before the exit frame",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, both, closed));
         EXPECT(said.out_closes == 1 && said.err_closes == 1, "stdout {} times, stderr {} times", said.out_closes, said.err_closes);
         EXPECT(said.closed_before_exit, "after it");
         return {};
       }},
      {"stream.ok", Level::exec, Must::must, tasks | exec, "After the exit frame the stream ends well",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, both, closed));
         EXPECT(said.status->ok(), "{}", shown(*said.status));
         return {};
       }},
      {"stream.signal", Level::exec, Must::must, tasks | exec, "A command killed by a signal has exit code 128 + signal",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, "kill -9 $$; sleep 1", closed));
         EXPECT(said.code == 137, "it is {}", said.code);
         return {};
       }},
      {"stream.by-and-by", Level::exec, Must::must, tasks | exec, "Output comes while the command runs", comes_by_and_by},
      {"stream.input", Level::exec, Must::must, tasks | exec, "What is sent arrives in the command's standard input",
       [](Bench& bench) { return prints(bench, "head -n1", {input("to be or not\n")}, "to be or not\n"); }},
      {"stream.input-end", Level::exec, Must::must, tasks | exec, "Closing its input ends a command that reads to the end",
       [](Bench& bench) { return prints(bench, "cat; echo end", {input("x\n"), input("", true)}, "x\nend\n"); }},
      {"stream.input-with-end", Level::exec, Must::must, tasks | exec, "A frame with data that also closes delivers its data",
       [](Bench& bench) { return prints(bench, "cat; echo end", {input("last\n", true)}, "last\nend\n"); }},
      {"stream.input-at-once", Level::exec, Must::must, tasks | exec, "Input that is closed at once is an empty input", [](Bench& bench) { return prints(bench, "cat; echo end", closed, "end\n"); }},
      {"stream.input-large", Level::exec, Must::must, tasks | exec, "A megabyte of input arrives complete",
       [](Bench& bench) -> Result<void> {
         std::vector<Request> sent;
         for (int i = 0; i < 64; ++i) sent.push_back(input(std::string(16 << 10, 'x')));
         sent.push_back(input("", true));
         return prints(bench, "wc -c", sent, "1048576\n");
       }},
      {"stream.output-large", Level::exec, Must::must, tasks | exec, "A megabyte of output arrives complete",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, "head -c 1048576 /dev/zero", closed));
         EXPECT(said.out.size() == 1048576, "{} bytes arrived", said.out.size());
         return {};
       }},
      {"stream.unread-input", Level::exec, Must::must, tasks | exec, "Input that the command does not read is no error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, "exit 5", {input(std::string(1000, 'x')), input(std::string(1000, 'y'))}));
         EXPECT(said.code == 5, "the exit code is {}, {}", said.code, shown(*said.status));
         return {};
       }},
      {"stream.heartbeat", Level::exec, Must::must, tasks | exec, "Empty frames are ignored",
       [](Bench& bench) { return prints(bench, "cat; echo end", {Request(), input("x\n"), Request(), input("", true)}, "x\nend\n"); }},
      {"stream.setup-first", Level::exec, Must::must, tasks | exec, "A first frame without a setup is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto stream = driver->open("ExecTaskStreaming");
         stream->send(input("x").SerializeAsString());
         const auto status = stream->ended(5s);
         EXPECT(status && !status->ok(), "{}", status ? shown(*status) : "it is not answered");
         return {};
       }},
      {"stream.missing", Level::exec, Must::must, tasks | exec, "A command whose program does not exist is an error", [](Bench& bench) { return refused(bench, {"/nonexistent/program"}); }},
      {"stream.empty", Level::exec, Must::must, tasks | exec, "A command without words is an error", [](Bench& bench) { return refused(bench, {}); }},
      {"stream.no-terminal", Level::exec, Must::must, tasks | exec, "Without tty the command has no terminal",
       [](Bench& bench) { return prints(bench, "[ -t 0 ] || [ -t 1 ] || echo none", closed, "none"); }},
      {"stream.terminal", Level::exec, Must::must, tasks | exec, "With tty all three streams are a terminal",
       [](Bench& bench) { return prints(bench, "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo yes", {size(24, 80)}, "yes", true); }},
      {"stream.terminal-lines", Level::exec, Must::must, tasks | exec, "With tty lines end as a terminal ends them", [](Bench& bench) { return prints(bench, "echo line", {}, "line\r\n", true); }},
      {"stream.terminal-size", Level::exec, Must::must, tasks | exec, "With tty the last of several sizes counts",
       [](Bench& bench) { return prints(bench, "sleep 1; stty size", {size(50, 40), size(101, 102)}, "101 102", true); }},
      {"stream.terminal-input", Level::exec, Must::must, tasks | exec, "With tty what is sent is read as if typed",
       [](Bench& bench) { return prints(bench, "read word; echo \"got:$word\"", {input("hello\n")}, "got:hello", true); }},
      {"stream.terminal-exit", Level::exec, Must::must, tasks | exec, "With tty the exit code is reported as well",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, "exit 9", {}, true));
         EXPECT(said.exits == 1 && said.code == 9, "{} exits, code {}", said.exits, said.code);
         return {};
       }},
      {"stream.terminal-child", Level::exec, Must::should, tasks | exec, "With tty the session ends with its command, even if a child keeps the terminal",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const Said said, session(bench, "sleep 60 & echo done", {}, true));
         EXPECT(said.exits == 1, "no exit frame");
         return {};
       }},
      {"stream.cancel", Level::exec, Must::must, tasks | exec, "A command whose caller has gone is killed", killed_with_its_caller},
      {"stream.slow-reader", Level::exec, Must::must, tasks | exec, "A caller that does not read keeps nobody else waiting", slow_reader},
      {"stream.at-once", Level::exec, Must::must, tasks | exec, "Eight sessions at once in one task all end right",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         std::vector<std::unique_ptr<Stream>> streams;
         for (int i = 0; i < 8; ++i) {
           streams.push_back(driver->exec_stream(task->id(), {"/bin/sh", "-c", "cat; exit " + std::to_string(i + 10)}, false));
           streams.back()->send(input(std::to_string(i), true).SerializeAsString());
         }
         for (int i = 0; i < 8; ++i) {
           const Said said = listen(*streams[static_cast<std::size_t>(i)], 15s);
           EXPECT(said.out == std::to_string(i) && said.code == i + 10, "number {} printed \"{}\", code {}", i, said.out, said.code);
         }
         return {};
       }},
      {"stream.many", Level::exec, Must::must, tasks | exec, "Fifty sessions one after the other leave the driver alive",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         for (int i = 0; i < 50; ++i) {
           const auto stream = driver->exec_stream(task->id(), {"/bin/true"}, i % 2 == 1);
           const Said said = listen(*stream, 10s);
           EXPECT(said.exits == 1 && said.code == 0, "number {}: code {}", i, said.code);
         }
         EXPECT(driver->alive(), "it died");
         return {};
       }},
  };
}

}  // namespace drover::conformance
