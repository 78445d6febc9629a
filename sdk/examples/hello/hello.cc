// The smallest useful driver: runs a script with /bin/sh. docs/writing-a-driver.md explains it line by line.
#include <drover/module.h>
#include <drover/process.h>

namespace {

using namespace drover;

struct Options {
  std::string script;

  static void describe(sdk::Fields<Options>& fields) { fields.field("script", &Options::script).required().doc("what /bin/sh runs"); }
};

class HelloTask final : public sdk::Task, public sdk::TakesSignals, public sdk::HasUsage, public sdk::RunsCommands {
 public:
  explicit HelloTask(std::unique_ptr<sdk::Process> process) : process_(std::move(process)) {}

  sdk::Exit wait() override { return process_->wait(); }
  Result<void> stop(int signal, sdk::Duration grace) override { return process_->stop(signal != 0 ? signal : 15, grace); }
  std::string checkpoint() const override { return process_->saved_state(); }
  Result<void> destroy() override { return process_->destroy(); }

  Result<void> signal(int number) override { return process_->signal(number); }
  Result<sdk::TaskUsage> usage() override { return process_->usage(0); }
  Result<std::unique_ptr<sdk::ExecSession>> exec(const sdk::ExecSpec& spec, sdk::ExecSession::Handlers handlers) override { return process_->exec(spec, std::move(handlers)); }

 private:
  std::unique_ptr<sdk::Process> process_;
};

class HelloDriver final : public sdk::DriverOf<HelloTask, Options> {
 public:
  sdk::DriverInfo info() const override { return {.name = "hello", .version = "0.1.0"}; }

  Result<std::unique_ptr<HelloTask>> start(const sdk::TaskConfig& task, const Options& options, sdk::Events&) override {
    const std::string states = task.task_dir() + "/private/hello";
    DROVER_TRY(supervisor_.end_leftovers(states, {}));  // of a start whose answer never arrived
    sdk::ProcessSpec spec{.id = task.id, .state_dir = states + "/" + task.id.substr(task.id.rfind('/') + 1), .command = "/bin/sh", .args = {"-c", options.script}};
    spec.env.assign(task.env.begin(), task.env.end());
    spec.cwd = task.task_dir();
    spec.user = task.user;
    spec.stdout_path = task.stdout_path;
    spec.stderr_path = task.stderr_path;
    DROVER_LET(auto process, supervisor_.start(spec));
    return std::make_unique<HelloTask>(std::move(process));
  }

  Result<std::unique_ptr<HelloTask>> recover(const sdk::TaskConfig&, const Options&, const std::string& checkpoint) override {
    DROVER_LET(auto process, supervisor_.recover(checkpoint));
    return std::make_unique<HelloTask>(std::move(process));
  }

 private:
  sdk::Supervisor supervisor_{{}};
};

}  // namespace

DROVER_DRIVER(HelloDriver)
