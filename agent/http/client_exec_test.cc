#include <catch2/catch.hpp>

#include <deque>

#include "agent/http/base64.h"
#include "agent/http/exec_frames.h"

namespace drover::agent {

TEST_CASE("base64 goes both ways, and what is none is refused", "[agent]") {
  for (const std::string bytes : {"", "a", "ab", "abc", "\x00\xff\x10", "typed\n"}) CHECK(from_base64(to_base64(bytes)) == bytes);
  CHECK(to_base64("typed\n") == "dHlwZWQK");
  CHECK_FALSE(from_base64("a"));
  CHECK_FALSE(from_base64("a$=="));
}

TEST_CASE("messages of an exec session are read: input, its end, a size, and heartbeats", "[agent]") {
  CHECK(read_exec_input(R"({"stdin":{"data":"dHlwZWQK"}})")->data == "typed\n");
  CHECK(read_exec_input(R"({"stdin":{"close":true}})")->close);
  const Result<ExecInput> sized = read_exec_input(R"({"tty_size":{"height":24,"width":80}})");
  REQUIRE(sized.ok());
  REQUIRE(sized->size);
  CHECK(sized->size->height == 24);
  CHECK(sized->size->width == 80);
  const Result<ExecInput> beat = read_exec_input("{}");
  REQUIRE(beat.ok());
  CHECK(beat->data.empty());
  CHECK_FALSE(beat->close);
}

TEST_CASE("what is no message of an exec session is refused", "[agent]") {
  for (const char* bad : {"", "[]", "{", R"({"stdin":{"data":"%"}})", R"({"stdin":{"data":7}})",
                          R"({"tty_size":{"height":-1,"width":80}})", R"({"tty_size":{"height":24}})"})
    CHECK_FALSE(read_exec_input(bad).ok());
}

TEST_CASE("what a command says is written as clients know it", "[agent]") {
  CHECK(write_exec_event({ExecEvent::From::standard_output, "hi", false, {}}) == R"({"stdout":{"data":"aGk="}})");
  CHECK(write_exec_event({ExecEvent::From::standard_error, "", true, {}}) == R"({"stderr":{"close":true}})");
  ExecEvent exited{ExecEvent::From::exited, "", false, {}};
  CHECK(write_exec_event(exited) == R"({"exited":true,"result":{}})");
  exited.exit.exit_code = 7;
  CHECK(write_exec_event(exited) == R"({"exited":true,"result":{"exit_code":7}})");
}

TEST_CASE("a handshake of another version is named", "[agent]") {
  CHECK(check_exec_handshake(R"({"version":1,"auth_token":""})").ok());
  CHECK(check_exec_handshake(R"({"version":9})").error().message == "unexpected handshake value: 9");
}

}  // namespace drover::agent
