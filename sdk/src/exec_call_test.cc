#include "sdk/src/exec_call.h"

#include <catch2/catch.hpp>
#include <future>
#include <thread>

namespace drover::sdk {
namespace {

namespace drivers = hashicorp::nomad::plugins::drivers::proto;
using namespace std::chrono_literals;

/// A caller that takes everything at once.
class Caller final : public rpc::Call {
 public:
  void read() override {}
  Result<void> send(std::string) override { return {}; }
  std::size_t queued() const override { return 0; }
  void close(rpc::Status) override { closed = true; }
  void cancel() override {}

  std::atomic<bool> closed = false;
};

/// Each job runs on a thread of its own, to its end before submit() returns: the other thread is always the faster one.
class QuickWorkers final : public Workers {
 public:
  Result<void> submit(std::function<void()> job) override {
    std::thread([job = std::move(job)] { job(); }).join();
    return {};
  }
};

struct Seen {
  std::promise<std::thread::id> destroyed_by;
  std::atomic<bool> last_output_was_taken = false;
};

/// A command whose destructor waits for a handler that still runs.
class Command final : public ExecSession {
 public:
  Command(Handlers handlers, std::shared_ptr<Seen> seen) : handlers_(std::move(handlers)), seen_(std::move(seen)) {}
  ~Command() override {
    std::promise<void> taken;
    std::future<void> in_time = taken.get_future();
    std::thread handler([handlers = handlers_, taken = std::move(taken)]() mutable {
      handlers.output(false, "last words");
      taken.set_value();
    });
    seen_->last_output_was_taken = in_time.wait_for(5s) == std::future_status::ready;
    handler.detach();  // a handler that is stuck must not hang the test
    seen_->destroyed_by.set_value(std::this_thread::get_id());
  }
  Result<void> write_stdin(std::string_view) override { return {}; }
  void close_stdin() override {}
  Result<void> resize(int, int) override { return {}; }
  void kill() override {}

 private:
  Handlers handlers_;
  std::shared_ptr<Seen> seen_;
};

struct Begun {
  Begun() {
    const auto start = [this](const ExecCall::Setup&, ExecSession::Handlers given) -> Result<std::unique_ptr<ExecSession>> {
      handlers = given;
      return std::unique_ptr<ExecSession>(std::make_unique<Command>(std::move(given), seen));
    };
    call = std::make_shared<ExecCall>(caller, workers, start);
    drivers::ExecTaskStreamingRequest setup;
    setup.mutable_setup()->add_command("true");
    call->received(setup.SerializeAsString());
  }

  std::shared_ptr<Caller> caller = std::make_shared<Caller>();
  std::shared_ptr<Seen> seen = std::make_shared<Seen>();
  std::future<std::thread::id> destroyed_by = seen->destroyed_by.get_future();
  ExecSession::Handlers handlers;
  QuickWorkers workers;
  std::shared_ptr<ExecCall> call;
};

}  // namespace

TEST_CASE("a command that ends is not destroyed on its own thread", "[sdk]") {
  Begun begun;

  begun.handlers.exited(0, 0);  // this thread is the command's

  REQUIRE(begun.destroyed_by.wait_for(10s) == std::future_status::ready);
  CHECK(begun.destroyed_by.get() != std::this_thread::get_id());
  CHECK(begun.seen->last_output_was_taken);
  CHECK(begun.caller->closed);
}

TEST_CASE("a command whose caller has gone can still print while it is destroyed", "[sdk]") {
  Begun begun;

  begun.call->ended();  // this thread is one of gRPC

  REQUIRE(begun.destroyed_by.wait_for(10s) == std::future_status::ready);
  CHECK(begun.destroyed_by.get() != std::this_thread::get_id());
  CHECK(begun.seen->last_output_was_taken);
}

TEST_CASE("a command is let go even when the pool takes no more work", "[sdk]") {
  class FullPool final : public Workers {
   public:
    Result<void> submit(std::function<void()> job) override {
      if (++jobs > 1) return fail(Code::exhausted, "busy");
      job();
      return {};
    }
    int jobs = 0;
  };
  auto seen = std::make_shared<Seen>();
  auto destroyed_by = seen->destroyed_by.get_future();
  FullPool pool;
  const auto start = [seen](const ExecCall::Setup&, ExecSession::Handlers handlers) -> Result<std::unique_ptr<ExecSession>> {
    return std::unique_ptr<ExecSession>(std::make_unique<Command>(std::move(handlers), seen));
  };
  const auto call = std::make_shared<ExecCall>(std::make_shared<Caller>(), pool, start);
  drivers::ExecTaskStreamingRequest setup;
  setup.mutable_setup()->add_command("true");
  call->received(setup.SerializeAsString());

  call->ended();

  REQUIRE(destroyed_by.wait_for(10s) == std::future_status::ready);
  CHECK(destroyed_by.get() != std::this_thread::get_id());
}

}  // namespace drover::sdk
