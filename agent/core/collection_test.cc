#include "agent/core/collection.h"

#include <catch2/catch.hpp>

namespace drover::agent {
namespace {

CollectCandidate ended(const std::string& id, int at, bool told = true) { return {id, true, told, from_ns(at)}; }
CollectCandidate live(const std::string& id) { return {id, false, true, {}}; }

}  // namespace

TEST_CASE("exactly as many go as are too many, the oldest first", "[agent]") {
  CHECK(choose_garbage({ended("c", 3), ended("a", 1), live("x"), ended("b", 2)}, 2, false) ==
        std::vector<std::string>{"a", "b"});
  CHECK(choose_garbage({ended("a", 1), live("x")}, 2, false).empty());
}

TEST_CASE("what lives, or whose end the server does not know, never goes", "[agent]") {
  CHECK(choose_garbage({live("x"), ended("a", 1, false)}, 0, true).empty());
  CHECK(choose_garbage({live("x"), ended("a", 1), ended("b", 2)}, 50, true) == std::vector<std::string>{"a", "b"});
}

}  // namespace drover::agent
