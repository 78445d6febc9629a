// Commands inside tasks.
#include <condition_variable>
#include <future>
#include <mutex>

#include "sdk/proto/driver.pb.h"
#include "sdk/src/convert.h"
#include "sdk/src/driver_server.h"
#include "sdk/src/exec_call.h"

namespace drover::sdk {
namespace {

namespace drivers = wire::drivers::proto;

constexpr std::size_t exec_kept_max = 4096;  ///< the last bytes of a command's output; hosts expect no more

/// Output and end of a command that nobody watches.
struct Collected {
  std::mutex mutex;
  std::condition_variable changed;
  std::string output;  ///< both streams as they came
  std::optional<Exit> exit;

  void append(std::string_view bytes) {
    const std::lock_guard lock(mutex);
    output.append(bytes);
    if (output.size() > exec_kept_max) output.erase(0, output.size() - exec_kept_max);
  }

  void end(int code, int signal) {
    const std::lock_guard lock(mutex);
    exit = Exit{code, signal, false, {}};
    changed.notify_all();
  }
};

struct Ran {
  std::string output;
  Exit exit;
};

/// Runs a command to its end or to its time limit; 0 = no limit. On the pool.
Result<Ran> run_command(RunsCommands& task, const ExecSpec& spec, Duration limit) {
  auto collected = std::make_shared<Collected>();
  ExecSession::Handlers handlers;
  handlers.output = [collected](bool, std::string_view bytes) { collected->append(bytes); };
  handlers.exited = [collected](int code, int signal) { collected->end(code, signal); };
  DROVER_LET(std::unique_ptr<ExecSession> session, task.exec(spec, std::move(handlers)));
  session->close_stdin();

  std::unique_lock lock(collected->mutex);
  const auto ended = [&collected] { return collected->exit.has_value(); };
  if (limit <= Duration::zero()) collected->changed.wait(lock, ended);
  const bool in_time = limit <= Duration::zero() || collected->changed.wait_for(lock, limit, ended);
  if (in_time) return Ran{collected->output, *collected->exit};
  lock.unlock();
  session.reset();
  return fail(Code::timeout, "context deadline exceeded: the command was killed at its time limit");
}

Result<RunsCommands*> command_runner(const TrackedTask& tracked) {
  auto* runner = dynamic_cast<RunsCommands*>(tracked.task.get());
  if (runner == nullptr) return fail(Code::unsupported, "ExecTask is not supported by this driver");
  if (tracked.exit) return fail(Code::not_found, "the task has ended");
  return runner;
}

}  // namespace

DriverServer::Answer DriverServer::exec_task(Bytes request) {
  drivers::ExecTaskRequest message;
  if (!message.ParseFromString(request)) co_return fail(Code::invalid, "the request cannot be parsed");
  DROVER_CO_LET(const auto tracked, find(message.task_id()));
  DROVER_CO_LET(RunsCommands* const runner, command_runner(*tracked));
  if (message.command().empty()) co_return fail(Code::invalid, "the command is empty");

  const ExecSpec spec{{message.command().begin(), message.command().end()}, false};
  const Duration limit = std::chrono::seconds(message.timeout().seconds()) + Duration(message.timeout().nanos());
  const std::function<Result<Ran>()> run = [task = tracked->task, runner, spec, limit] {
    return run_command(*runner, spec, limit);
  };
  const Result<Result<Ran>> ran = co_await run_on_pool<Result<Ran>>(pool_, loop_, run);
  DROVER_CO_TRY(ran);
  DROVER_CO_TRY(*ran);
  drivers::ExecTaskResponse response;
  response.set_stdout((**ran).output);
  to_wire((**ran).exit, *response.mutable_result());
  co_return response.SerializeAsString();
}

rpc::CallEvents DriverServer::accept_exec(std::shared_ptr<rpc::Call> call) {
  // The task is looked up on the loop; the pool's thread waits for that answer, which takes no time.
  const ExecCall::Start start = [this](const ExecCall::Setup& setup,
                                       ExecSession::Handlers handlers) -> Result<std::unique_ptr<ExecSession>> {
    auto found = std::make_shared<std::promise<Result<std::shared_ptr<Task>>>>();
    auto future = found->get_future();
    loop_.post([this, found, id = setup.task_id()] {
      const Result<std::shared_ptr<TrackedTask>> tracked = find(id);
      if (!tracked) return found->set_value(tracked.error());
      const Result<RunsCommands*> runner = command_runner(**tracked);
      if (!runner) return found->set_value(runner.error());
      found->set_value((*tracked)->task);
    });
    DROVER_LET(const std::shared_ptr<Task> task, future.get());
    const ExecSpec spec{{setup.command().begin(), setup.command().end()}, setup.tty()};
    return dynamic_cast<RunsCommands&>(*task).exec(spec, std::move(handlers));
  };
  auto exec = std::make_shared<ExecCall>(call, pool_, start);
  rpc::CallEvents events;
  events.received = [exec](const std::string& bytes) { exec->received(bytes); };
  events.sent = [exec] { exec->sent(); };
  events.ended = [exec](const rpc::Status&) { exec->ended(); };
  call->read();
  return events;
}

}  // namespace drover::sdk
