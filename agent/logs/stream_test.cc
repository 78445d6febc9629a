#include "agent/logs/stream.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/logs/fifos.h"
#include "agent/logs/test_folder.h"

using namespace drover;
using namespace drover::agent::logs;

namespace {

constexpr std::uint64_t all_of_it = 1 << 30;

struct Rig {
  TestFolder folder;
  Fifos fifos = open_fifos(folder.path, "web").value();
  Fd writer{::open(fifos.stdout_path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};

  LogStream open(Limits limits) {
    Fd reader(::fcntl(fifos.stdout_read.get(), F_DUPFD_CLOEXEC, 0));
    return LogStream::open(fifos.folder.get(), "web.stdout", std::move(reader), limits).value();
  }
  void write(const std::string& text) { REQUIRE(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())); }
};

std::string line(int number) { return "line " + std::to_string(number) + "\n"; }

}  // namespace

TEST_CASE("output is moved from the FIFO into the file", "[logs]") {
  Rig rig;
  LogStream stream = rig.open({});
  CHECK(stream.move(all_of_it).value() == LogStream::Moved::all);

  rig.write("one\ntwo");
  CHECK(stream.move(all_of_it).value() == LogStream::Moved::all);
  rig.write(" and a half\n");
  CHECK(stream.move(all_of_it).value() == LogStream::Moved::all);

  CHECK(rig.folder.content("web.stdout.0") == "one\ntwo and a half\n");
}

TEST_CASE("a stream that is opened again goes on at the end of the newest file", "[logs]") {
  Rig rig;
  std::ofstream(rig.folder.path / "web.stdout.9") << "nine\n";
  std::ofstream(rig.folder.path / "web.stdout.10") << "ten\n";
  std::ofstream(rig.folder.path / "web.stdout.x") << "not ours\n";
  std::ofstream(rig.folder.path / "web.stdout.99999999999999999999") << "not ours\n";

  LogStream stream = rig.open({});
  rig.write("more\n");
  REQUIRE(stream.move(all_of_it).ok());

  CHECK(rig.folder.content("web.stdout.10") == "ten\nmore\n");
  CHECK(rig.folder.content("web.stdout.9") == "nine\n");
}

TEST_CASE("files are rotated at the end of a line, and only the newest are kept", "[logs]") {
  Rig rig;
  LogStream stream = rig.open({3, 1000});
  std::string written;
  for (int i = 0; i < 1000; ++i) {
    rig.write(line(i));
    written += line(i);
    if (i % 37 == 0) REQUIRE(stream.move(all_of_it).ok());
  }
  REQUIRE(stream.move(all_of_it).ok());

  const auto files = rig.folder.files("web.stdout");
  CHECK(files.size() == 3);
  CHECK(files.begin()->first > 0);
  for (const auto& [number, content] : files) {
    CHECK(content.size() <= 1000);
    CHECK(content.back() == '\n');
  }
  const std::string kept = rig.folder.whole("web.stdout");
  CHECK(written.ends_with(kept));
}

TEST_CASE("a line longer than a file is split, none of it is lost", "[logs]") {
  Rig rig;
  LogStream stream = rig.open({100, 1000});
  const std::string long_line = std::string(3500, 'x') + "\nshort\n";
  rig.write("first\n" + long_line);

  REQUIRE(stream.move(all_of_it).ok());

  const auto files = rig.folder.files("web.stdout");
  CHECK(files.at(0) == "first\n");
  CHECK(files.at(1) == std::string(1000, 'x'));
  CHECK(rig.folder.whole("web.stdout") == "first\n" + long_line);
}

TEST_CASE("what a task puts in the place of its next file is passed over", "[logs]") {
  Rig rig;
  std::ofstream(rig.folder.path / "secret") << "secret";
  std::filesystem::create_symlink(rig.folder.path / "secret", rig.folder.path / "web.stdout.0");
  std::filesystem::create_hard_link(rig.folder.path / "secret", rig.folder.path / "web.stdout.1");
  REQUIRE(::mkfifo((rig.folder.path / "web.stdout.2").c_str(), 0600) == 0);
  std::filesystem::create_directory(rig.folder.path / "web.stdout.3");

  std::filesystem::remove(rig.folder.path / "web.stdout.3");
  LogStream stream = rig.open({});
  rig.write("text\n");
  REQUIRE(stream.move(all_of_it).ok());

  CHECK(rig.folder.content("secret") == "secret");
  CHECK(rig.folder.content("web.stdout.3") == "text\n");
}

TEST_CASE("a file that others shorten or delete is gone on with", "[logs]") {
  Rig rig;
  LogStream stream = rig.open({});
  rig.write("one\n");
  REQUIRE(stream.move(all_of_it).ok());

  std::filesystem::resize_file(rig.folder.path / "web.stdout.0", 0);
  rig.write("two\n");
  REQUIRE(stream.move(all_of_it).ok());
  CHECK(rig.folder.content("web.stdout.0") == "two\n");

  std::filesystem::remove(rig.folder.path / "web.stdout.0");
  rig.write("three\n");
  REQUIRE(stream.move(all_of_it).ok());
  CHECK(rig.folder.content("web.stdout.0") == "three\n");
}

TEST_CASE("a full disk keeps the output waiting", "[logs][root]") {
  TestFolder folder;
  const std::string small = folder.path / "small";
  std::filesystem::create_directories(small);
  if (::system(("mount -t tmpfs -o size=32k tmpfs " + small + " 2>/dev/null").c_str()) != 0) {
    WARN("nothing can be mounted here: not run");
    return;
  }
  {
    Fifos fifos = open_fifos(small, "web").value();
    const Fd writer(::open(fifos.stdout_path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    LogStream stream = LogStream::open(fifos.folder.get(), "web.stdout", std::move(fifos.stdout_read), {}).value();
    const std::string text(40'000, 'x');
    REQUIRE(::write(writer.get(), text.data(), text.size()) == 40'000);

    CHECK(stream.move(all_of_it).value() == LogStream::Moved::stuck);
    REQUIRE(::system(("mount -o remount,size=1m " + small).c_str()) == 0);
    CHECK(stream.move(all_of_it).value() == LogStream::Moved::all);
    CHECK(std::filesystem::file_size(small + "/web.stdout.0") == 40'000);
  }
  CHECK(::system(("umount " + small).c_str()) == 0);
}

TEST_CASE("killed at any moment, the mover loses no line and doubles none", "[logs]") {
  Rig rig;
  constexpr int lines = 600'000;
  const int printer = ::fork();
  if (printer == 0) {
    const int out = ::open(rig.fifos.stdout_path.c_str(), O_WRONLY);
    for (int i = 0; i < lines; ++i) {
      const std::string text = line(i);
      if (::write(out, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(1);
    }
    ::_exit(0);
  }
  std::minstd_rand random(7);
  int kills = 0;
  for (bool printed = false; !printed;) {
    const int mover = ::fork();
    if (mover == 0) {
      LogStream stream = rig.open({1'000'000, 5000});
      for (;;) {
        const auto moved = stream.move(100'000);
        if (!moved.ok()) ::_exit(1);
        if (*moved == LogStream::Moved::all) ::poll(nullptr, 0, 0);
      }
    }
    const timespec a_moment{0, static_cast<long>(random() % 3'000'000)};
    ::nanosleep(&a_moment, nullptr);
    ::kill(mover, SIGKILL);
    int status = 0;
    ::waitpid(mover, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    ++kills;
    printed = ::waitpid(printer, &status, WNOHANG) == printer;
    if (printed) REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  LogStream stream = rig.open({1'000'000, 5000});
  REQUIRE(stream.move(all_of_it).value() == LogStream::Moved::all);

  std::string expected;
  for (int i = 0; i < lines; ++i) expected += line(i);
  INFO(kills << " kills");
  CHECK(kills > 50);
  CHECK((rig.folder.whole("web.stdout") == expected));
}
