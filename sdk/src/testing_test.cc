#include <drover/testing.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace drover::sdk::testing {
namespace {

struct Login {
  std::string user;
  static void describe(Fields<Login>& fields) { fields.field("user", &Login::user).required(); }
};

struct Config {
  std::string say;
  std::vector<int> numbers;
  std::optional<Login> login;
  static void describe(Fields<Config>& fields) {
    fields.field("say", &Config::say).required();
    fields.field("numbers", &Config::numbers);
    fields.block("login", &Config::login);
  }
};

std::atomic<int> destroyed = 0;

/// Runs until it is stopped; ends by a thread that waits, or by its own word.
class Sleeper : public Task {
 public:
  explicit Sleeper(std::string checkpoint) : checkpoint_(std::move(checkpoint)) {}
  Exit wait() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_with_ >= 0; });
    return Exit::of_signal(stopped_with_);
  }
  Result<void> stop(int signal, Duration) override {
    const std::lock_guard lock(mutex_);
    stopped_with_ = signal;
    changed_.notify_all();
    return {};
  }
  std::string checkpoint() const override { return checkpoint_; }
  Result<void> destroy() override { return ++destroyed, Result<void>(); }

 private:
  const std::string checkpoint_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int stopped_with_ = -1;
};

class TestDriver final : public DriverOf<Sleeper, Config, Login> {
 public:
  DriverInfo info() const override { return {.name = "sleeper", .version = "0.1.0"}; }
  Result<void> configure(const Login& login, const NodeFacts&) override { return user = login.user, Result<void>(); }
  Result<std::unique_ptr<Sleeper>> start(const TaskConfig& task, const Config& config, Events& events) override {
    if (config.say == "no") return fail(Code::invalid, "it says no");
    events.emit(task, "saying " + config.say);
    std::ofstream(task.stdout_path) << config.say << config.numbers.size() << (config.login ? config.login->user : "");
    return std::make_unique<Sleeper>("checkpoint of " + config.say);
  }
  Result<std::unique_ptr<Sleeper>> recover(const TaskConfig&, const Config& config, const std::string& checkpoint) override {
    if (checkpoint != "checkpoint of " + config.say) return fail(Code::not_found, "no such task");
    recovered = true;
    return std::make_unique<Sleeper>(checkpoint);
  }

  std::string user;
  bool recovered = false;
};

TEST_CASE("a test starts a task, reads its output and events, and stops it", "[sdk]") {
  TestDriver driver;
  Host host(driver);

  const auto task = host.start({{"say", "yes"}, {"numbers", Option::list({1, 2})}, {"login", Option::map({{"user", "me"}})}});

  REQUIRE(task.ok());
  CHECK((*task)->output() == "yes2me");
  CHECK((*task)->events() == std::vector<std::string>{"saying yes"});
  CHECK_FALSE((*task)->wait_for(std::chrono::milliseconds(1)));
  CHECK((*task)->stop(2).ok());
  CHECK((*task)->wait() == Exit::of_signal(2));
  CHECK((*task)->signal(1).error().code == Code::unsupported);
  CHECK((*task)->usage().error().code == Code::unsupported);
  CHECK((*task)->exec({"true"}).error().code == Code::unsupported);
}

TEST_CASE("a test sees what an agent would refuse", "[sdk]") {
  TestDriver driver;
  Host host(driver);

  CHECK(host.start({}).error().message == "config.say is required");
  CHECK(host.start({{"say", "x"}, {"sya", "y"}}).error().message == "config: no argument or block is named 'sya'");
  CHECK(host.start({{"say", "x"}, {"login", Option::map({{"user", "me"}, {"password", "x"}})}}).error().message == "config.login: no argument or block is named 'password'");
  CHECK(host.start({{"say", "no"}}).error().message == "it says no");
  CHECK(host.configure({{"user", "root"}}).ok());
  CHECK(driver.user == "root");
  CHECK_FALSE(host.configure({{"group", "root"}}).ok());
}

TEST_CASE("after a restart the next driver finds the tasks again and ends them", "[sdk]") {
  TestDriver first, second;
  const int before = destroyed;
  {
    Host host(first);
    const auto task = host.start({{"say", "yes"}});
    REQUIRE(task.ok());
    Task* const of_first = &(*task)->task();

    REQUIRE(host.restart(second).ok());

    CHECK(second.recovered);
    CHECK(&(*task)->task() != of_first);
    CHECK(of_first->stop(9, {}).ok());  // in truth it went with its process
    CHECK_FALSE((*task)->wait_for(std::chrono::milliseconds(1)));
    CHECK((*task)->destroy().ok());
  }
  CHECK(destroyed == before + 1);
}

TEST_CASE("what a host started goes with it", "[sdk]") {
  TestDriver driver;
  const int before = destroyed;
  std::string folder;
  {
    Host host(driver);
    folder = host.folder();
    REQUIRE(host.start({{"say", "one"}}).ok());
    REQUIRE(host.start({{"say", "two"}}).ok());
    CHECK(std::filesystem::exists(folder));
  }
  CHECK(destroyed == before + 2);
  CHECK_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace drover::sdk::testing
