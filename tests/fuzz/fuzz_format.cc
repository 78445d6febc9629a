#include "base/hcl/format.h"
#include "base/hcl/parser.h"
#include "base/hcl/tree_text.h"
#include "tests/fuzz/fuzz.h"

/// The formatter: twice is as once, and what parses means the same afterwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover;
  const std::string text = fuzz::text_of(bytes, size);
  const std::string once = hcl::format(text);
  hcl::Diagnostics problems, later;
  const hcl::File before = hcl::parse_file("fuzz.hcl", text, problems);
  if (hcl::has_errors(problems)) return 0;
  fuzz::require_equal("layouts", hcl::format(once), once);
  const hcl::File after = hcl::parse_file("fuzz.hcl", once, later);
  fuzz::require(!hcl::has_errors(later), "the laid out text parses");
  fuzz::require_equal("trees", hcl::tree_text(after.body), hcl::tree_text(before.body));
  return 0;
}
