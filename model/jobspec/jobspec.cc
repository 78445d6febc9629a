#include "model/jobspec/jobspec.h"

#include <utility>

#include "base/hcl/content.h"
#include "base/hcl/parser.h"
#include "model/jobspec/job_decoder.h"
#include "model/jobspec/variables.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

using namespace jobspec;

const hcl::Schema& file_schema() {
  static const hcl::Schema schema{{}, {{"variables", {}}, {"variable", {"name"}}, {"locals", {}}, {"job", {"name"}}}, false};
  return schema;
}

/// The tree of the file, HCL or JSON, as a body.
hcl::BodyView read(std::string text, std::string name, Texts& texts, hcl::Diagnostics& out) {
  hcl::BodyView body;
  if (looks_like_json(text)) {
    texts.json.push_back(std::make_unique<hcl::JsonFile>(hcl::parse_json_file(std::move(name), std::move(text), out)));
    body.json = &texts.json.back()->root;
  } else {
    texts.files.push_back(hcl::parse_file(std::move(name), std::move(text), out));
    body.native = &texts.files.back().body;
  }
  return body;
}

/// The one job of the file, or null after an error.
const hcl::FoundBlock* only_job(const hcl::Content& content, const hcl::BodyView& body, hcl::Diagnostics& out) {
  const hcl::FoundBlock* job = nullptr;
  for (const hcl::FoundBlock& block : content.blocks) {
    if (block.type != "job") continue;
    if (job) {
      hcl::add_error(out, block.header, "Duplicate job block", text("A file holds one job. Another was defined at {}.", hcl::to_text(job->header)));
      return nullptr;
    }
    job = &block;
  }
  // A job block with wrong labels was reported as such.
  if (!job && !hcl::has_errors(out)) hcl::add_error(out, body.missing_at(), "Missing job block", "The file has no job: it needs a block such as job \"name\" { … }.");
  return job;
}

}  // namespace

ParsedJob parse_job(std::string text, std::string name, const JobspecOptions& options) {
  ParsedJob out;
  Texts texts;
  texts.files.reserve(1 + options.variable_files.size());  // the trees are pointed into
  hcl::BodyView body = read(std::move(text), std::move(name), texts, out.diagnostics);
  // What cannot be read is not interpreted: the rest would be noise.
  if (hcl::has_errors(out.diagnostics)) return out;

  const hcl::Functions functions = hcl::standard_functions(hcl::World{options.random, options.files});
  const hcl::Functions pure_functions = hcl::standard_functions(hcl::World{options.random, nullptr});
  hcl::Budget budget;
  auto scope = std::make_shared<hcl::Scope>();
  scope->use(functions);
  scope->use(budget);
  scope->keep_unknown_references();
  body.scope = scope;

  const hcl::Content content = hcl::read_content(body, file_schema(), out.diagnostics);
  const hcl::FoundBlock* job = only_job(content, body, out.diagnostics);
  Variables variables(options, pure_functions, texts, out.diagnostics);
  for (const hcl::FoundBlock& block : content.blocks) {
    if (block.type == "variables") variables.declare_untyped(block);
    if (block.type == "variable") variables.declare(block);
    if (block.type == "locals") variables.declare_locals(block);
  }
  variables.resolve(*scope);
  if (!job) return out;

  auto message = std::make_shared<Job>();
  JobDecoder(out.diagnostics, out.refusals).decode("job", *job, *message);
  if (hcl::has_errors(out.diagnostics)) {
    out.refusals.clear();  // a misspelt driver is not also a missing one
  } else {
    out.job = std::move(message);
  }
  return out;
}

}  // namespace drover::model
