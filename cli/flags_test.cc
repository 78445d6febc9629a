#include "cli/flags.h"

#include <catch2/catch.hpp>

using drover::cli::Flag;
using drover::cli::Flags;

namespace {

const std::vector<Flag> table = {{"detach", "", ""}, {"n", "<lines>", ""}, {"var", "<k=v>", ""}};

drover::Result<Flags> parse(std::vector<std::string> words) { return Flags::parse(words, {&table}, false); }

}  // namespace

TEST_CASE("flags take Go's forms, before and after arguments") {
  const auto flags = parse({"-detach", "job", "--n", "5", "-var=a=b", "-var", "c=d"});

  REQUIRE(flags.ok());
  CHECK(flags->is_on("detach"));
  CHECK(flags->text("n") == "5");
  CHECK(flags->all("var") == std::vector<std::string>{"a=b", "c=d"});
  CHECK(flags->args == std::vector<std::string>{"job"});
}

TEST_CASE("a switch can be turned off") {
  CHECK_FALSE(parse({"-detach=false"})->is_on("detach"));
  CHECK_FALSE(parse({})->is_on("detach"));
}

TEST_CASE("an unknown flag and a missing value are named") {
  CHECK(parse({"-nope"}).error().message == "flag provided but not defined: -nope");
  CHECK(parse({"-n"}).error().message == "flag needs an argument: -n");
}

TEST_CASE("two dashes end the flags, a single dash is an argument") {
  const auto flags = parse({"-", "--", "-detach"});

  REQUIRE(flags.ok());
  CHECK(flags->args == std::vector<std::string>{"-", "-detach"});
}
