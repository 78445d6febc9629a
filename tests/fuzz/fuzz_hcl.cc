#include "base/hcl/diagnostic.h"
#include "base/hcl/parser.h"
#include "base/hcl/tree_text.h"
#include "tests/fuzz/fuzz.h"

/// Lexer and parser: any bytes give a tree and errors whose places lie in the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover;
  const std::string text = fuzz::text_of(bytes, size);
  hcl::Diagnostics problems;
  const hcl::File file = hcl::parse_file("fuzz.hcl", text, problems);
  hcl::tree_text(file.body);
  for (const hcl::Diagnostic& problem : problems) {
    fuzz::require(problem.subject.source != nullptr && problem.subject.start.byte <= problem.subject.end.byte && problem.subject.end.byte <= text.size() + 1,
                  "a problem lies in the text");
    fuzz::require(!hcl::render(problem).empty(), "a problem can be shown");
  }
  return 0;
}
