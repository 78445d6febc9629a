#include "agent/logs/protocol.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>

using namespace drover;
using namespace drover::agent::logs;

TEST_CASE("requests and answers survive the way", "[logs]") {
  const Request request{7, Operation::add, "alloc", "task", 3, 1'000'000'000'000};
  CHECK(parse_request(encode(request)).value() == request);
  const Answer answer{7, "disk full"};
  CHECK(parse_answer(encode(answer)).value() == answer);
  CHECK(parse_answer(encode(Answer{8, ""})).value().error.empty());
}

TEST_CASE("nonsense is refused", "[logs]") {
  CHECK_FALSE(parse_request("").ok());
  CHECK_FALSE(parse_request("hello").ok());
  CHECK_FALSE(parse_request(std::string("1\0dance\0\0\0\0\0", 12)).ok());
  CHECK_FALSE(parse_answer("x").ok());
}

TEST_CASE("descriptors travel with a packet", "[logs]") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  const Fd here(pair[0]), there(pair[1]);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));

  CHECK(receive_packet(there.get()).value().bytes.empty());
  REQUIRE(send_packet(here.get(), "with", {null.get(), null.get()}).ok());
  REQUIRE(send_packet(here.get(), "without").ok());

  CHECK(receive_packet(there.get()).value().descriptors.size() == 2);
  CHECK(receive_packet(there.get()).value().bytes == "without");
}

TEST_CASE("a task name that could leave its folder is refused", "[logs]") {
  CHECK(check_task_name("web-1.2 x").ok());
  for (const char* name : {"", ".", "..", "a/b", "/"}) CHECK_FALSE(check_task_name(name).ok());
}
