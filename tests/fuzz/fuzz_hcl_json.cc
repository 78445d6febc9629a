#include "base/hcl/content.h"
#include "base/hcl/json_body.h"
#include "model/jobspec/jobspec.h"
#include "tests/fuzz/fuzz.h"

/// The JSON form: read, and read as a job file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover;
  const std::string text = fuzz::text_of(bytes, size);
  hcl::Diagnostics problems;
  const hcl::JsonFile file = hcl::parse_json_file("fuzz.json", text, problems);
  if (!hcl::has_errors(problems)) file.root.expression(problems);
  model::parse_job(text.starts_with("{") ? text : "{" + text, "fuzz.hcl.json", {});
  return 0;
}
