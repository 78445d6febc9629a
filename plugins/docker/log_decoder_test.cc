#include "plugins/docker/log_decoder.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <unistd.h>
#include <vector>

#include "plugins/docker/log_position_file.h"

namespace drover::docker {
namespace {

struct Kept {
  bool is_stderr;
  std::int64_t time_ns;
  std::string text;
  friend bool operator==(const Kept&, const Kept&) = default;
};

std::string frame(int stream, const std::string& body) {
  std::string out{static_cast<char>(stream), 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((body.size() >> shift) & 255);
  return out + body;
}

std::string stamp(std::int64_t second, int ns = 0) {
  char text[64];
  std::snprintf(text, sizeof text, "1970-01-01T00:00:%02d.%09dZ ", static_cast<int>(second), ns);
  return text;
}

/// Feeds the bytes in pieces of the given size.
std::vector<Kept> decoded(const std::string& bytes, bool terminal, std::size_t piece) {
  LogDecoder decoder(terminal);
  std::vector<Kept> out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    REQUIRE(decoder.feed(std::string_view(bytes).substr(at, piece), [&out](const LogEntry& e) { out.push_back({e.is_stderr, e.time_ns, std::string(e.text)}); }).ok());
  }
  return out;
}

/// Plays `log` to the resumer from the start, as an engine does for a new stream; gives what is passed on.
std::string resumed(LogResumer& resumer, const std::vector<Kept>& log) {
  std::string out;
  for (const Kept& each : log) {
    const LogEntry entry{each.is_stderr, each.time_ns, each.text};
    const std::string_view rest = resumer.remaining(entry);
    out += rest;
    if (!rest.empty()) resumer.passed_on(entry.time_ns, rest.size(), true);
  }
  return out;
}

}  // namespace

TEST_CASE("times of log entries", "[docker]") {
  CHECK(*parse_timestamp("1970-01-01T00:00:01.5Z") == 1'500'000'000);
  CHECK(*parse_timestamp("2024-02-29T12:00:00Z") == 1'709'208'000'000'000'000);
  CHECK(*parse_timestamp("2024-02-29T12:00:00.000000007+02:00") == 1'709'200'800'000'000'007);
  CHECK(unix_time(1'709'200'800'000'000'007) == "1709200800.000000007");
  for (const char* wrong : {"", "now", "2024-02-30T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29T12:00:00", "2024-02-29T12:00:00+2"}) CHECK_FALSE(parse_timestamp(wrong).ok());
}

TEST_CASE("frames come apart wherever the stream was cut", "[docker]") {
  const std::string bytes = frame(1, stamp(1) + "one\n") + frame(2, stamp(2) + "\n") + frame(1, stamp(2, 5) + "no end");
  const std::vector<Kept> wanted{{false, 1'000'000'000, "one\n"}, {true, 2'000'000'000, "\n"}, {false, 2'000'000'005, "no end"}};
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{8}, bytes.size()}) CHECK(decoded(bytes, false, piece) == wanted);
}

TEST_CASE("a terminal's log is lines, and pieces of long ones", "[docker]") {
  const std::string piece(16 << 10, 'x');
  const std::string bytes = stamp(1) + "a\n" + stamp(2) + piece + stamp(3) + piece + stamp(4) + "end\n" + stamp(5) + "\n";
  for (const std::size_t cut : {std::size_t{1}, std::size_t{1000}, bytes.size()}) {
    const auto all = decoded(bytes, true, cut);
    REQUIRE(all.size() == 5);
    CHECK(all[0] == Kept{false, 1'000'000'000, "a\n"});
    CHECK(all[1].text == piece);
    CHECK(all[3] == Kept{false, 4'000'000'000, "end\n"});
    CHECK(all[4].text == "\n");
  }
}

TEST_CASE("what is no log stream is refused", "[docker]") {
  LogDecoder decoder(false);
  CHECK_FALSE(decoder.feed("HTTP/1.1 200 OK\r\n", [](const LogEntry&) {}).ok());
  LogDecoder long_one(false);
  CHECK_FALSE(long_one.feed(std::string("\1\0\0\0\x7f\xff\xff\xff", 8), [](const LogEntry&) {}).ok());
  LogDecoder unstamped(false);
  CHECK_FALSE(unstamped.feed(frame(1, "no time here"), [](const LogEntry&) {}).ok());
}

TEST_CASE("a stream opened again goes on with the next byte", "[docker]") {
  const std::vector<Kept> log{{false, 1, "a\n"}, {false, 2, "b\n"}, {false, 2, "c\n"}, {false, 2, "d\n"}, {false, 3, "e\n"}};
  std::string whole;
  for (const Kept& entry : log) whole += entry.text;

  // Cut after every byte: the position is what survives.
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    LogResumer first{LogPosition{}};
    std::string got;
    for (const Kept& each : log) {
      const std::string_view rest = first.remaining({each.is_stderr, each.time_ns, each.text});
      const std::size_t taken = std::min(rest.size(), cut - got.size());
      got += rest.substr(0, taken);
      if (taken > 0) first.passed_on(each.time_ns, taken, taken == rest.size());
      if (got.size() == cut) break;
    }
    LogResumer second{first.position()};
    INFO("cut after " << cut);
    CHECK(got + resumed(second, log) == whole);
  }
}

TEST_CASE("a clock that is set back loses nothing of a stream that goes on", "[docker]") {
  LogResumer resumer{LogPosition{5, 1, 0}};
  CHECK(resumed(resumer, {{false, 5, "old\n"}, {false, 6, "new\n"}, {false, 2, "earlier\n"}, {false, 2, "too\n"}}) == "new\nearlier\ntoo\n");
}

TEST_CASE("positions survive in their file", "[docker]") {
  const auto path = std::filesystem::temp_directory_path() / ("drover-docker-log-" + std::to_string(::getpid())) / "x.log-position";
  {
    auto file = LogPositionFile::open(path).value();
    CHECK(file->read(false) == LogPosition{});
    file->write(false, {1, 2, 3});
    file->write(false, {4, 5, 6});
    file->write(true, {7, 8, 9});
    CHECK(file->read(false) == LogPosition{4, 5, 6});
  }
  auto again = LogPositionFile::open(path).value();
  CHECK(again->read(false) == LogPosition{4, 5, 6});
  CHECK(again->read(true) == LogPosition{7, 8, 9});
  std::filesystem::create_symlink(path, path.string() + ".link");
  CHECK_FALSE(LogPositionFile::open(path.string() + ".link").ok());
  std::filesystem::remove_all(path.parent_path());
}

}  // namespace drover::docker
