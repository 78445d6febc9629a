#include "base/hcl/format.h"
#include "model/jobspec/jobspec.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "tests/fuzz/fuzz.h"

namespace {

/// A reference that is left for run time keeps its blanks as they were written: layout may change those.
std::string without_blanks(std::string text) {
  std::erase(text, ' ');
  return text;
}

}  // namespace

/// Job files: a job or errors; the job's JSON reads back as the same job; the laid out file is the same job.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover;
  const std::string text = fuzz::text_of(bytes, size);
  const model::ParsedJob parsed = model::parse_job(text, "fuzz.nomad.hcl", {});
  fuzz::require(parsed.job || hcl::has_errors(parsed.diagnostics), "a job or an error");
  hcl::render(parsed.diagnostics);
  hcl::render(parsed.refusals);
  if (!parsed.job) return 0;
  const std::string json = model::to_json(*parsed.job);
  model::Job again;
  fuzz::require(model::from_json(json, again).ok(), "a job's JSON can be read");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos || text.starts_with("{")) return 0;
  const model::ParsedJob laid_out = model::parse_job(hcl::format(text), "fuzz.nomad.hcl", {});
  fuzz::require(laid_out.job != nullptr, "the laid out file has a job");
  fuzz::require_equal("jobs before and after layout", without_blanks(model::to_json(*laid_out.job)), without_blanks(json));
  return 0;
}
