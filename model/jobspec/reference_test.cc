#include "model/jobspec/reference.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "model/jobspec/about.h"
#include "tests/paths.h"

namespace drover::model::jobspec {
namespace {

TEST_CASE("every row of the table is explained, and nothing else is", "[jobspec]") {
  std::size_t explained = 0;
  for (const Row& row : all_rows()) {
    INFO(row.block << "." << row.name);
    REQUIRE(about(row.block, row.name));
    CHECK_FALSE(about(row.block, row.name)->text.empty());
    ++explained;
  }
  CHECK(explained == about_job().size() + about_service().size() + about_task().size());
  CHECK(about("job", "nothing") == nullptr);
}

TEST_CASE("docs/jobspec.md is the table", "[jobspec]") {
  const std::string path = (tests::source_dir() / "docs" / "jobspec.md").string();
  const std::string today = reference_markdown();
  if (std::getenv("DROVER_REWRITE_DOCS")) std::ofstream(path, std::ios::binary) << today;

  std::ifstream in(path, std::ios::binary);
  CHECK((std::string(std::istreambuf_iterator<char>(in), {}) == today));
}

TEST_CASE("a row is shown with its default, its choices and its name in JSON", "[jobspec]") {
  for (const Row& row : all_rows())
    if (row.block == "restart" && row.name == "mode")
      CHECK(hover_markdown(row) == "**mode**: text\n\nwhen the attempts are spent: the allocation fails, or waits for the next interval.\n\nDefault: `fail`\n\nOne of `fail`, `delay`\n\nIn JSON: `Mode`\n");
}

}  // namespace
}  // namespace drover::model::jobspec
