#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "tests/paths.h"

namespace {

/// Everything that a program prints.
std::string output_of(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char chunk[4096];
  for (std::size_t got = 0; (got = std::fread(chunk, 1, sizeof chunk, pipe)) > 0;) output.append(chunk, got);
  ::pclose(pipe);
  return output;
}

}  // namespace

TEST_CASE("one seed gives the same trace, line by line, in two processes") {
  const std::string program = (drover::tests::binary_dir() / "bin" / "drover-sim").string();
  for (const char* seed : {"1", "2", "77"}) {
    const std::string command = program + " --story --minutes 3 --seed " + seed;
    const std::string first = output_of(command);
    const std::string second = output_of(command);
    CHECK(first.size() > 10'000);
    CHECK(first == second);
  }
}

TEST_CASE("another seed gives another trace") {
  const std::string program = (drover::tests::binary_dir() / "bin" / "drover-sim").string();
  CHECK(output_of(program + " --minutes 1 --seed 1") != output_of(program + " --minutes 1 --seed 2"));
}
