#include "agent/logs/fifos.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include "agent/logs/test_folder.h"

using namespace drover;
using namespace drover::agent::logs;

TEST_CASE("the FIFOs of a task are made once and found again", "[logs]") {
  const TestFolder folder;

  const auto first = open_fifos(folder.path, "web").value();
  const Fd writer(::open(first.stdout_path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(::write(writer.get(), "x", 1) == 1);
  const auto second = open_fifos(folder.path, "web").value();

  CHECK(first.stdout_path == folder.path.string() + "/.web.stdout.fifo");
  struct stat info {};
  REQUIRE(::stat(second.stderr_path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  char byte = 0;
  CHECK(::read(second.stdout_read.get(), &byte, 1) == 1);
  CHECK(remove_fifos(folder.path, "web").ok());
  CHECK_FALSE(std::filesystem::exists(first.stdout_path));
}

TEST_CASE("what a task puts in the place of a FIFO is not followed", "[logs]") {
  const TestFolder folder;
  std::ofstream(folder.path / "secret") << "secret";
  std::filesystem::create_symlink(folder.path / "secret", folder.path / ".web.stdout.fifo");
  std::ofstream(folder.path / ".web.stderr.fifo") << "a file";

  const auto fifos = open_fifos(folder.path, "web");

  REQUIRE(fifos.ok());
  CHECK(std::filesystem::is_fifo(std::filesystem::symlink_status(fifos->stdout_path)));
  CHECK(std::filesystem::is_fifo(std::filesystem::symlink_status(fifos->stderr_path)));
  CHECK(folder.content("secret") == "secret");
}

TEST_CASE("a log folder that is a link, or missing, is refused", "[logs]") {
  const TestFolder folder;
  std::filesystem::create_directory_symlink("/etc", folder.path / "logs");

  CHECK(open_fifos(folder.path / "logs", "web").error().code == Code::denied);
  CHECK(open_fifos(folder.path / "none", "web").error().code == Code::not_found);
  CHECK(open_fifos(folder.path, "../web").error().code == Code::invalid);
}
