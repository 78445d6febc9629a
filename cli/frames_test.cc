#include "cli/frames.h"

#include <catch2/catch.hpp>

#include <vector>

#include "cli/output.h"

using namespace drover;
using namespace drover::cli;

TEST_CASE("frames are found wherever the pieces of a stream end") {
  const std::string stream = R"({}{"Data":"a}{\"b","Offset":3}
{"Data":{"x":"\\"}}{"Dat)";
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    FrameReader reader;
    std::vector<Value> frames;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      REQUIRE(reader.take(std::string_view(stream).substr(at, size), [&frames](const Value& frame) { frames.push_back(frame); }));
    }
    REQUIRE(frames.size() == 3);
    CHECK(text_of(frames[1], "Data") == "a}{\"b");
    CHECK(text_of(member_of(frames[2], "Data"), "x") == "\\");
  }
}

TEST_CASE("what is no stream of objects is refused, and so is an object without end") {
  FrameReader reader;
  CHECK_FALSE(reader.take("not found", [](const Value&) {}));
  FrameReader endless;
  CHECK_FALSE(endless.take("{\"Data\":\"" + std::string(FrameReader::frame_bytes_max, 'a'), [](const Value&) {}));
}

TEST_CASE("last lines are whole lines") {
  CHECK(last_lines("a\nb\nc\n", 2) == "b\nc\n");
  CHECK(last_lines("a\nb\nc", 1) == "c");
  CHECK(last_lines("a\n", 5) == "a\n");
  CHECK(last_lines("", 3) == "");
}
