#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch.hpp>

#include "model/jobspec/jobspec.h"
#include "tests/paths.h"

/// docs/errors.md shows mistakes and the messages they give. Each pair of blocks is checked here; with
/// DROVER_REWRITE_DOCS set, the messages are written anew.
namespace drover::model {
namespace {

constexpr std::string_view job_mark = "```hcl\n", message_mark = "```text\n", end_mark = "```\n";

std::string message_of(const std::string& text) {
  const ParsedJob parsed = parse_job(text, "web.nomad.hcl", {});
  return hcl::render(parsed.diagnostics) + hcl::render(parsed.refusals);
}

/// The document with each message as it is today; counts the pairs.
std::string rewritten(std::string_view document, int& pairs) {
  std::string out;
  for (;;) {
    const std::size_t job = document.find(job_mark);
    const std::size_t message = job == std::string_view::npos ? job : document.find(message_mark, job);
    if (message == std::string_view::npos) return out.append(document);
    const std::size_t job_from = job + job_mark.size(), job_end = document.find(end_mark, job_from), message_end = document.find(end_mark, message + message_mark.size());
    REQUIRE(job_end < message);
    REQUIRE(message_end != std::string_view::npos);
    std::string text = message_of(std::string(document.substr(job_from, job_end - job_from)));
    while (text.ends_with("\n\n")) text.pop_back();
    out.append(document.substr(0, message + message_mark.size())).append(text);
    document.remove_prefix(message_end);
    ++pairs;
  }
}

TEST_CASE("docs/errors.md shows the messages that its mistakes give", "[jobspec]") {
  const std::string path = (tests::source_dir() / "docs" / "errors.md").string();
  std::ifstream in(path, std::ios::binary);
  const std::string document(std::istreambuf_iterator<char>(in), {});

  int pairs = 0;
  const std::string today = rewritten(document, pairs);
  if (std::getenv("DROVER_REWRITE_DOCS")) std::ofstream(path, std::ios::binary) << today;

  CHECK(pairs >= 20);
  CHECK(document == today);
  // Each message names the file and a line, points at it, and says what to do.
  CHECK(today.find("```text\n```") == std::string::npos);
}

}  // namespace
}  // namespace drover::model
