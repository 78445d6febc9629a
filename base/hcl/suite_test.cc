#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>

#include <catch2/catch.hpp>

#include "base/hcl/content.h"
#include "base/hcl/convert.h"
#include "base/hcl/parser.h"
#include "tests/paths.h"

/// Runs the language's own suite: each case is an input (X.hcl, X.hcl.json), a specification of how to decode it
/// (X.hcldec) and what is expected (X.t).
namespace drover::hcl {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

File parsed(const fs::path& path) {
  Diagnostics out;
  File file = parse_file(path.filename(), read(path), out);
  INFO(render(out));
  REQUIRE(out.empty());
  return file;
}

std::string text_of(const Body& body, const char* name, const std::string& fallback) {
  Diagnostics out;
  const Attribute* attribute = body.find(name);
  return attribute ? evaluate(*attribute->value, nullptr, out).text() : fallback;
}

std::string label_of(const Block& block) { return block.labels.empty() ? "" : block.labels[0].text; }

const Block& inner_spec(const Block& block) { return block.body.blocks.at(0); }

std::vector<std::string> names_of(const Block& block) {
  Diagnostics out;
  std::vector<std::string> names;
  const Datum list = evaluate(*block.body.find("labels")->value, nullptr, out);
  for (const Datum& item : list.items()) names.push_back(item.text());
  return names;
}

/// Decodes a body as a specification says.
class SuiteDecoder {
 public:
  explicit SuiteDecoder(Diagnostics& out) : out_(out) {}

  Datum decode(const Block& spec, const BodyView& body) {
    Schema schema;
    collect(spec, schema);
    return value(spec, read_content(body, schema, out_));
  }

 private:
  void collect(const Block& spec, Schema& schema) {
    if (spec.type == "object") {
      for (const Block& child : spec.body.blocks) collect(child, schema);
    } else if (spec.type == "attr") {
      names_.push_back(text_of(spec.body, "name", label_of(spec)));
      schema.attributes.push_back({names_.back(), false});
    } else if (spec.type.starts_with("block")) {
      names_.push_back(text_of(spec.body, "block_type", label_of(spec)));
      BlockSchema block{names_.back(), {}};
      if (spec.type == "block_map")
        for (const std::string& name : names_of(spec)) block.labels.push_back(names_.emplace_back(name));
      schema.blocks.push_back(block);
    }
  }

  Datum value(const Block& spec, const Content& content) {
    if (spec.type == "literal") return evaluate(*spec.body.find("value")->value, nullptr, out_);
    if (spec.type == "object") {
      Datum::Map members;
      for (const Block& child : spec.body.blocks) members.emplace(label_of(child), value(child, content));
      return Datum::object(std::move(members));
    }
    if (spec.type == "attr") return attribute(spec, content);
    const std::string type = text_of(spec.body, "block_type", label_of(spec));
    if (spec.type == "block") {
      for (const FoundBlock& block : content.blocks)
        if (block.type == type) return decode(inner_spec(spec), block.body);
      return Datum::null();
    }
    if (spec.type == "block_list") {
      Datum::List items;
      for (const FoundBlock& block : content.blocks)
        if (block.type == type) items.push_back(decode(inner_spec(spec), block.body));
      return Datum::tuple(std::move(items));
    }
    REQUIRE(spec.type == "block_map");
    Datum::Map members;
    for (const FoundBlock& block : content.blocks)
      if (block.type == type) members.insert_or_assign(block.labels.at(0).text, decode(inner_spec(spec), block.body));
    return Datum::object(std::move(members));
  }

  Datum attribute(const Block& spec, const Content& content) {
    const FoundAttribute* found = content.find(text_of(spec.body, "name", label_of(spec)));
    if (!found) return Datum::null();
    const Attribute* written = spec.body.find("type");
    const Type type = written ? evaluate_type(*written->value, true, out_).value_or(Type()) : Type();
    const Result<Datum> out = convert(found->evaluate(out_), type);
    INFO((out ? "" : out.error().message));
    REQUIRE(out);
    return *out;
  }

  Diagnostics& out_;
  std::list<std::string> names_;
};

std::string places(const Body& expected) {
  std::vector<std::string> out;
  for (const Block& block : expected.blocks) {
    if (block.type != "error") continue;
    std::string place;
    for (const Block& end : block.body.blocks) {
      Diagnostics ignored;
      place += end.type;
      for (const char* part : {"line", "column", "byte"}) place += " " + evaluate(*end.body.find(part)->value, nullptr, ignored).number().to_text();
      place += " ";
    }
    out.push_back(place);
  }
  std::sort(out.begin(), out.end());
  std::string all;
  for (const std::string& place : out) all += place + "\n";
  return all;
}

std::string places(const Diagnostics& found) {
  std::vector<std::string> out;
  const auto end = [](const char* name, const Position& p) { return text("{} {} {} {} ", name, p.line, p.column, p.byte); };
  for (const Diagnostic& d : found) out.push_back(end("from", d.subject.start) + end("to", d.subject.end));
  std::sort(out.begin(), out.end());
  std::string all;
  for (const std::string& place : out) all += place + "\n";
  return all;
}

void run(const fs::path& base, const fs::path& input) {
  const File expected = parsed(base.string() + ".t");
  const File spec = parsed(base.string() + ".hcldec");
  const Block* root = nullptr;
  auto scope = std::make_shared<Scope>();
  Diagnostics out;
  for (const Block& block : spec.body.blocks) {
    if (block.type != "variables") {
      root = &block;
      continue;
    }
    for (const Attribute& variable : block.body.attributes) scope->set(variable.name, evaluate(*variable.value, nullptr, out));
  }
  REQUIRE(root != nullptr);

  BodyView body{nullptr, nullptr, scope};
  File file;
  JsonFile json;
  if (input.extension() == ".json") {
    json = parse_json_file(input.filename(), read(input), out);
    body.json = &json.root;
  } else {
    file = parse_file(input.filename(), read(input), out);
    body.native = &file.body;
  }
  SuiteDecoder decoder(out);
  const Datum result = has_errors(out) ? Datum() : decoder.decode(*root, body);  // what cannot be read is not decoded

  const auto diagnostics = std::find_if(expected.body.blocks.begin(), expected.body.blocks.end(), [](const Block& b) { return b.type == "diagnostics"; });
  if (diagnostics != expected.body.blocks.end()) {
    CHECK(places(out) == places(diagnostics->body));
    return;
  }
  INFO(render(out));
  CHECK(out.empty());
  Type type;
  if (const Attribute* written = expected.body.find("result_type")) type = evaluate_type(*written->value, true, out).value();
  const Attribute* wanted = expected.body.find("result");
  if (!wanted) return;
  const Result<Datum> want = convert(evaluate(*wanted->value, nullptr, out), type), got = convert(result, type);
  REQUIRE(want);
  REQUIRE(got);
  CHECK(*got == *want);
}

TEST_CASE("the language's own suite passes", "[hcl]") {
  const char* given = std::getenv("DROVER_SHARED");
  const fs::path root = (given ? fs::path(given) : tests::source_dir().parent_path() / "shared") / "corpora" / "hcl-specsuite" / "tests";
  if (!fs::exists(root)) {
    WARN("not run: the language suite is absent (" << root << "; set DROVER_SHARED)");
    return;
  }
  std::vector<fs::path> inputs;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    if (entry.path().extension() == ".hcl" || entry.path().string().ends_with(".hcl.json")) inputs.push_back(entry.path());
  std::sort(inputs.begin(), inputs.end());
  REQUIRE(inputs.size() == 16);
  for (const fs::path& input : inputs) {
    DYNAMIC_SECTION(input.lexically_relative(root).string()) { run(input.string().substr(0, input.string().rfind(".hcl")), input); }
  }
}

}  // namespace
}  // namespace drover::hcl
