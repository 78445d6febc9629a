#include "agent/http/log_files.h"

#include <catch2/catch.hpp>

namespace drover::agent {

TEST_CASE("only files of that log count, by their number", "[agent]") {
  CHECK(log_index("web.stdout.12", "web.stdout.") == 12);
  CHECK_FALSE(log_index("web.stdout.", "web.stdout."));
  CHECK_FALSE(log_index("web.stdout.1x", "web.stdout."));
  CHECK_FALSE(log_index("web.stderr.1", "web.stdout."));
  CHECK_FALSE(log_index("web.stdout.-1", "web.stdout."));
}

TEST_CASE("an offset counts over all files, from either end", "[agent]") {
  const std::vector<LogFile> files = {{3, 10}, {4, 20}, {5, 5}};
  CHECK(find_place(files, 0, false) == LogPlace{3, 0});
  CHECK(find_place(files, 10, false) == LogPlace{4, 0});
  CHECK(find_place(files, 34, false) == LogPlace{5, 4});
  CHECK(find_place(files, 1000, false) == LogPlace{5, 5});
  CHECK(find_place(files, 0, true) == LogPlace{5, 5});
  CHECK(find_place(files, 6, true) == LogPlace{4, 19});
  CHECK(find_place(files, 1000, true) == LogPlace{3, 0});
  CHECK(find_place({}, 5, true) == LogPlace{0, 0});
}

}  // namespace drover::agent
