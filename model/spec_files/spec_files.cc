#include "model/spec_files/spec_files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "base/hcl/content.h"
#include "base/hcl/convert.h"
#include "base/hcl/duration.h"
#include "base/hcl/json_body.h"
#include "base/hcl/parser.h"
#include "model/spec_files/spec_table.h"

namespace drover::model {
namespace {

using namespace spec_files;
using hcl::Datum;

std::vector<std::string_view> words_of(std::string_view list) {
  std::vector<std::string_view> words;
  while (!list.empty()) {
    const std::size_t blank = std::min(list.find(' '), list.size());
    words.push_back(list.substr(0, blank));
    list.remove_prefix(std::min(blank + 1, list.size()));
  }
  return words;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

/// "10GiB", "500 MB", "1024".
std::optional<std::int64_t> bytes_of(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3}, {"KB", 1e3},
                                                                  {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},    {"K", 1e3},      {"M", 1e6},  {"G", 1e9},
                                                                  {"T", 1e12},     {"B", 1}};
  double factor = 1;
  for (const auto& [name, its] : units) {
    if (!text.ends_with(name)) continue;
    factor = its;
    text.remove_suffix(name.size());
    break;
  }
  while (text.ends_with(' ')) text.remove_suffix(1);
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const double bytes = number * factor;
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(bytes) || bytes < 0 || bytes >= 0x1p63) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

class SpecReader {
 public:
  explicit SpecReader(hcl::Diagnostics& out) : out_(out) {}

  Value read(std::string_view kind, const hcl::BodyView& body) {
    std::vector<const Row*> rows;
    hcl::Schema schema;
    schema.allow_dynamic = false;
    for (const Row& row : all_rows()) {
      if (row.block != kind || row.kind == Kind::label) continue;
      rows.push_back(&row);
      if (!is_block(row.kind)) schema.attributes.push_back({row.name, row.required && row.kind != Kind::map});
      if (is_block(row.kind) || row.kind == Kind::map) schema.blocks.push_back({row.name, has_label(row.of) ? std::vector<std::string_view>{"name"} : std::vector<std::string_view>{}});
    }
    const hcl::Content content = hcl::read_content(body, schema, out_);
    Value object = Value::map();
    for (const hcl::FoundAttribute& found : content.attributes) argument(*row_of(rows, found.name), found, object);
    std::map<std::string_view, const hcl::FoundBlock*> seen;
    for (const hcl::FoundBlock& found : content.blocks) block(*row_of(rows, found.type), found, object, seen);
    for (const Row* row : rows) {
      if (row->required && !object.find(row->field) && (is_block(row->kind) || row->kind == Kind::map) && !hcl::has_errors(out_))
        hcl::add_error(out_, body.missing_at(), text("Missing {} block", row->name), text("A block such as {} { … } is required here.", row->name));
    }
    return object;
  }

 private:
  static bool is_block(Kind kind) { return kind == Kind::block || kind == Kind::blocks || kind == Kind::keyed; }

  static const Row* label_of(std::string_view kind) {
    const auto rows = all_rows();
    const auto at = std::ranges::find_if(rows, [kind](const Row& row) { return row.block == kind && row.kind == Kind::label; });
    return at == rows.end() ? nullptr : &*at;
  }
  static bool has_label(std::string_view kind) { return label_of(kind) != nullptr; }

  static const Row* row_of(const std::vector<const Row*>& rows, std::string_view name) { return *std::ranges::find(rows, name, &Row::name); }

  void refuse(const hcl::Range& at, const std::string& need) { hcl::add_error(out_, at, "Unsuitable value type", "Unsuitable value: " + need + "."); }

  /// The value as the type; nothing after an error or for null.
  std::optional<Datum> fitting(const Datum& datum, const hcl::Type& type, const hcl::Range& at) {
    if (!datum.is_known()) return std::nullopt;
    Result<Datum> value = hcl::convert(datum, type);
    if (value) return std::move(value).value();
    refuse(at, value.error().message);
    return std::nullopt;
  }

  /// A text that must be one of the row's choices is held to them.
  void check_choice(const Row& row, const std::string& given, const hcl::Range& at) {
    if (row.of.empty()) return;
    const std::vector<std::string_view> choices = words_of(row.of);
    if (std::ranges::find(choices, given) != choices.end()) return;
    hcl::add_error(out_, at, text("Invalid {}", row.name), text("\"{}\" is none of {}.{}", given, joined(choices), hcl::did_you_mean(given, choices)));
  }

  void argument(const Row& row, const hcl::FoundAttribute& found, Value& object) {
    const Datum datum = found.evaluate(out_);
    const hcl::Range& at = found.value->range;
    switch (row.kind) {
      case Kind::text:
        if (const auto value = fitting(datum, hcl::Kind::string, at)) {
          check_choice(row, value->text(), at);
          object.set(row.field, Value(value->text()));
        }
        return;
      case Kind::integer:
        if (const auto value = fitting(datum, hcl::Kind::number, at)) {
          const auto whole = value->number().to_int64();
          whole ? static_cast<void>(object.set(row.field, Value(*whole))) : refuse(at, "a whole number is required");
        }
        return;
      case Kind::boolean:
        if (const auto value = fitting(datum, hcl::Kind::boolean, at)) object.set(row.field, Value(value->boolean()));
        return;
      case Kind::duration:
        if (const auto value = fitting(datum, hcl::Kind::string, at)) {
          const auto duration = hcl::parse_duration(value->text());
          duration ? static_cast<void>(object.set(row.field, Value(*duration))) : refuse(at, "a duration such as \"30s\" is required");
        }
        return;
      case Kind::bytes:
        if (const auto value = fitting(datum, hcl::Kind::string, at)) {
          const auto bytes = bytes_of(value->text());
          bytes ? static_cast<void>(object.set(row.field, Value(*bytes))) : refuse(at, "a size such as \"10GiB\" is required");
        }
        return;
      case Kind::texts: return texts(row, datum, at, object);
      case Kind::map:
        if (const auto value = fitting(datum, hcl::Type::map(hcl::Kind::string), at)) {
          Value map = Value::map();
          for (const auto& [name, item] : value->members()) map.set(name, item.is_null() ? Value("") : Value(item.text()));
          object.set(row.field, std::move(map));
        }
        return;
      default: DROVER_ASSERT(false);
    }
  }

  void texts(const Row& row, const Datum& datum, const hcl::Range& at, Value& object) {
    const auto value = fitting(datum, hcl::Type::list(hcl::Kind::string), at);
    if (!value) return;
    Value list = Value::list();
    for (const Datum& item : value->items()) {
      if (item.is_null()) return refuse(at, "null elements are not allowed");
      check_choice(row, item.text(), at);
      list.push(Value(item.text()));
    }
    object.set(row.field, std::move(list));
  }

  void block(const Row& row, const hcl::FoundBlock& found, Value& object, std::map<std::string_view, const hcl::FoundBlock*>& seen) {
    if (row.kind == Kind::block || row.kind == Kind::map) {
      const auto [first, is_first] = seen.emplace(row.name, &found);
      if (!is_first || (row.kind == Kind::map && object.find(row.field))) {
        hcl::add_error(out_, found.header, text("Duplicate {} block", row.name), text("Only one {} block is allowed. Another was defined at {}.", row.name, hcl::to_text(first->second->header)));
        return;
      }
    }
    if (row.kind == Kind::map) {
      Value map = Value::map();
      for (const hcl::FoundAttribute& attribute : hcl::read_attributes(found.body, out_))
        if (const auto value = fitting(attribute.evaluate(out_), hcl::Kind::string, attribute.value->range)) map.set(attribute.name, Value(value->text()));
      object.set(row.field, std::move(map));
      return;
    }
    Value inner = read(row.of, found.body);
    const Row* label = label_of(row.of);
    if (label && !label->field.empty() && !found.labels.empty()) inner.set(label->field, Value(found.labels[0].text));
    if (row.kind == Kind::block) {
      object.set(row.field, std::move(inner));
    } else if (row.kind == Kind::blocks) {
      if (!object.find(row.field)) object.set(row.field, Value::list());
      object.find(row.field)->push(std::move(inner));
    } else if (!found.labels.empty()) {
      if (!object.find(row.field)) object.set(row.field, Value::map());
      object.find(row.field)->set(found.labels[0].text, std::move(inner));
    }
  }

  hcl::Diagnostics& out_;
};

std::string_view top_kind(SpecKind kind) {
  switch (kind) {
    case SpecKind::acl_policy: return "acl_policy";
    case SpecKind::name_space: return "namespace";
    case SpecKind::node_pool: return "node_pool file";
    case SpecKind::quota: return "quota";
    case SpecKind::volume: return "volume";
    case SpecKind::variable: return "variable";
  }
  return "";
}

/// The API calls the sizes of volumes on nodes otherwise.
void rename_sizes(Value& volume) {
  const Value* type = volume.find("Type");
  if (!type || !type->is_text() || type->text() != "host") return;
  for (auto& [key, value] : volume.members())
    if (key == "RequestedCapacityMin" || key == "RequestedCapacityMax") key += "Bytes";
}

}  // namespace

ParsedSpec parse_spec(SpecKind kind, std::string text, std::string name) {
  ParsedSpec out;
  std::optional<hcl::JsonFile> json;
  std::optional<hcl::File> file;
  hcl::BodyView body;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '{') {
    json = hcl::parse_json_file(std::move(name), std::move(text), out.diagnostics);
    body.json = &json->root;
  } else {
    file = hcl::parse_file(std::move(name), std::move(text), out.diagnostics);
    body.native = &file->body;
  }
  if (hcl::has_errors(out.diagnostics)) return out;
  Value object = SpecReader(out.diagnostics).read(top_kind(kind), body);
  if (hcl::has_errors(out.diagnostics)) return out;
  if (kind == SpecKind::volume) rename_sizes(object);
  if (kind == SpecKind::node_pool) object = *object.find("NodePool");
  out.object = std::move(object);
  return out;
}

}  // namespace drover::model
