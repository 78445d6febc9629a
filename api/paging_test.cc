#include "api/paging.h"

#include <catch2/catch.hpp>

namespace drover::api {
namespace {

constexpr int broken = 0;

Result<Page<int>> passing_page_of(std::size_t per_page, std::string token, const std::vector<int>& passing) {
  Params params;
  params.per_page = per_page;
  params.next_token = std::move(token);
  return take_page(
      std::vector<int>{1, 3, 5, 7}, params, [](int row) { return std::to_string(row); },
      [](int row, const std::string& at) { return row < std::stoi(at); },
      [&passing](int row) -> Result<bool> {
        if (passing.back() == broken && row == 7) return fail(Code::invalid, "no");
        return std::find(passing.begin(), passing.end(), row) != passing.end();
      });
}

Page<int> page_of(std::size_t per_page, std::string token) { return *passing_page_of(per_page, std::move(token), {1, 3, 5, 7}); }

TEST_CASE("a page names the first row that it leaves out, and the next page begins there", "[api]") {
  const Page<int> first = page_of(3, "");
  CHECK(first.rows == std::vector<int>{1, 3, 5});
  CHECK(first.next_token == "7");

  const Page<int> second = page_of(3, first.next_token);
  CHECK(second.rows == std::vector<int>{7});
  CHECK(second.next_token.empty());
}

TEST_CASE("a token of a row that has gone continues with the next one", "[api]") {
  CHECK(page_of(1, "4").rows == std::vector<int>{5});
  CHECK(page_of(1, "9").rows.empty());
}

TEST_CASE("without per_page everything is one page", "[api]") {
  CHECK(page_of(0, "").rows.size() == 4);
  CHECK(page_of(4, "").next_token.empty());
}

TEST_CASE("only rows that pass are counted, and none behind the page is asked", "[api]") {
  CHECK(passing_page_of(2, "", {3, 5, 7})->rows == std::vector<int>{3, 5});
  CHECK(passing_page_of(2, "", {3, 5, 7})->next_token == "7");
  CHECK(passing_page_of(2, "", {3, 5})->next_token.empty());
  CHECK(passing_page_of(1, "", {1, 3, broken})->rows == std::vector<int>{1});
  CHECK_FALSE(passing_page_of(0, "", {1, 3, broken}));
}

TEST_CASE("places in lists by creation read back", "[api]") {
  CHECK(to_token({.index = 12, .id = "ab"}) == "12.ab");
  CHECK(parse_place("12.ab") == PlaceByIndex{12, "ab"});
  CHECK(parse_place("ab-cd") == PlaceByIndex{0, "ab-cd"});
  CHECK(parse_place("x.y") == PlaceByIndex{0, "x.y"});
  CHECK(PlaceByIndex{2, "b"} < PlaceByIndex{10, "a"});
}

}  // namespace
}  // namespace drover::api
