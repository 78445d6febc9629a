#include "agent/http/frames.h"

#include <catch2/catch.hpp>

#include "agent/http/file_info.h"

namespace drover::agent {

TEST_CASE("a frame is one object, a heartbeat an empty one", "[agent]") {
  CHECK(write_frame({}) == "{}");
  CHECK(write_frame({"hello", "alloc/logs/a.stdout.0", "", 5}) ==
        R"({"Data":"aGVsbG8=","File":"alloc/logs/a.stdout.0","Offset":5})");
  CHECK(write_frame({"", "", "file deleted", 0}) == R"({"FileEvent":"file deleted"})");
  CHECK(write_frame({"ab", "", "", 0}) == R"({"Data":"YWI="})");
  CHECK(write_frame({std::string_view("\0\xff\x01", 3), "", "", 0}) == R"({"Data":"AP8B"})");
}

TEST_CASE("modes and times are printed as clients know them", "[agent]") {
  CHECK(format_mode(S_IFDIR | 0777) == "drwxrwxrwx");
  CHECK(format_mode(S_IFDIR | S_ISVTX | 0777) == "dtrwxrwxrwx");
  CHECK(format_mode(S_IFREG | 0644) == "-rw-r--r--");
  CHECK(format_mode(S_IFIFO | 0600) == "prw-------");
  CHECK(format_time(1'500'000'000) == "1970-01-01T00:00:01.5Z");
  CHECK(format_time(0) == "1970-01-01T00:00:00Z");
}

TEST_CASE("the type of a file is guessed from its name, then from its beginning", "[agent]") {
  CHECK(guess_content_type("a.html", "x") == "text/html; charset=utf-8");
  CHECK(guess_content_type("a", "hello") == "text/plain; charset=utf-8");
  CHECK(guess_content_type("a", std::string_view("\0\1", 2)) == "application/octet-stream");
}

}  // namespace drover::agent
