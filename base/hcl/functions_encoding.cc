#include <array>
#include <set>

#include "base/hcl/functions_impl.h"
#include "base/hcl/json_body.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {

std::string to_base64(std::string_view bytes) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t block = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) block = (block << 8) | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j) out.push_back(j <= have ? letters[(block >> (18 - 6 * j)) & 63] : '=');
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string clean, out;
  for (const char c : text)
    if (c != '\n' && c != '\r') clean.push_back(c);
  if (clean.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = clean.ends_with("==") ? 2 : clean.ends_with('=') ? 1 : 0;
  std::uint32_t block = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const char c = clean[i];
    const bool pad = i >= clean.size() - padding;
    const int value = pad ? 0 : c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
    if (value < 0) return std::nullopt;
    block = (block << 6) | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    out.append({static_cast<char>(block >> 16), static_cast<char>(block >> 8), static_cast<char>(block)});
    block = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

namespace {

void append_json_text(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out.append({'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : 't'});
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out.append({"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]});
    } else if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") {
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

Result<void> append_json(std::string& out, const Datum& datum) {
  if (out.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
  if (datum.is_null()) return out += "null", Result<void>();
  if (datum.kind() == Kind::boolean) return out += datum.boolean() ? "true" : "false", Result<void>();
  if (datum.kind() == Kind::string) return append_json_text(out, datum.text()), Result<void>();
  if (datum.kind() == Kind::number) {
    if (datum.number().is_infinite()) return fail(Code::invalid, "cannot represent infinity");
    return out += datum.number().to_text(), Result<void>();
  }
  const char* separator = "";
  if (datum.is_sequence()) {
    out.push_back('[');
    for (const Datum& item : datum.items()) {
      out += separator;
      separator = ",";
      DROVER_TRY(append_json(out, item));
    }
    return out.push_back(']'), Result<void>();
  }
  out.push_back('{');
  for (const auto& [name, item] : datum.members()) {
    out += separator;
    separator = ",";
    append_json_text(out, name);
    out.push_back(':');
    DROVER_TRY(append_json(out, item));
  }
  return out.push_back('}'), Result<void>();
}

Datum from_json(const JsonNode& node) {
  switch (node.kind) {
    case JsonNode::Kind::null: return Datum::null();
    case JsonNode::Kind::boolean: return Datum(node.boolean);
    case JsonNode::Kind::number: return Datum(Number::parse(node.text).value_or(Number()));
    case JsonNode::Kind::text: return Datum(node.text);
    case JsonNode::Kind::list: {
      Datum::List items;
      for (const JsonNode& item : node.items) items.push_back(from_json(item));
      return Datum::tuple(std::move(items));
    }
    case JsonNode::Kind::object: {
      Datum::Map members;
      for (const JsonNode::Member& member : node.members) members.insert_or_assign(member.name, from_json(member.value));
      return Datum::object(std::move(members));
    }
  }
  return Datum::null();
}

Result<Datum> jsondecode(const World&, Arguments a) {
  Diagnostics errors;
  const JsonFile file = parse_json_file("jsondecode", a[0].text(), errors);
  if (!errors.empty()) return fail(Code::invalid, "{} at line {}, column {}", errors[0].summary, errors[0].subject.start.line, errors[0].subject.start.column);
  return from_json(file.root);
}

Result<Datum> base64decode(const World&, Arguments a) {
  const std::optional<std::string> bytes = from_base64(a[0].text());
  if (!bytes) return fail(Code::invalid, "failed to decode base64 data");
  if (unicode::first_invalid(*bytes) != std::string::npos) return fail(Code::invalid, "the result of decoding the provided string is not valid UTF-8");
  return Datum(*bytes);
}

/// Splits comma separated values with quoted fields.
class Csv {
 public:
  explicit Csv(std::string_view text) : text_(text) {}

  Result<std::vector<std::vector<std::string>>> rows() {
    std::vector<std::vector<std::string>> out;
    while (!text_.empty()) {
      if (text_.starts_with('\n')) {
        next_line();
        continue;
      }
      DROVER_LET(std::vector<std::string> row, this->row());
      if (!out.empty() && row.size() != out[0].size()) return fail(Code::invalid, "CSV parse error on line {}: wrong number of fields", line_ - 1);
      out.push_back(std::move(row));
    }
    return out;
  }

 private:
  void next_line() {
    text_.remove_prefix(1);
    ++line_;
  }

  Result<std::vector<std::string>> row() {
    std::vector<std::string> out;
    for (;;) {
      DROVER_LET(std::string field, text_.starts_with('"') ? quoted() : plain());
      out.push_back(std::move(field));
      if (text_.starts_with(',')) {
        text_.remove_prefix(1);
        continue;
      }
      if (text_.starts_with("\r\n")) text_.remove_prefix(1);
      if (!text_.empty()) next_line(); else ++line_;
      return out;
    }
  }

  Result<std::string> plain() {
    const std::size_t end = std::min(text_.find_first_of(",\n"), text_.size());
    std::string_view field = text_.substr(0, end);
    if (end < text_.size() && text_[end] == '\n' && field.ends_with('\r')) field.remove_suffix(1);
    if (field.find('"') != std::string_view::npos) return fail(Code::invalid, "CSV parse error on line {}: bare \" in non-quoted-field", line_);
    text_.remove_prefix(field.size());
    return std::string(field);
  }

  Result<std::string> quoted() {
    std::string out;
    text_.remove_prefix(1);
    while (!text_.empty()) {
      if (text_.starts_with("\"\"")) {
        out.push_back('"');
        text_.remove_prefix(2);
      } else if (text_.starts_with('"')) {
        text_.remove_prefix(1);
        if (text_.empty() || text_[0] == ',' || text_[0] == '\n' || text_.starts_with("\r\n")) return out;
        break;
      } else {
        line_ += text_[0] == '\n';
        out.push_back(text_[0]);
        text_.remove_prefix(1);
      }
    }
    return fail(Code::invalid, "CSV parse error on line {}: extraneous or missing \" in quoted-field", line_);
  }

  std::string_view text_;
  int line_ = 1;
};

Result<Datum> csvdecode(const World&, Arguments a) {
  DROVER_LET(const auto rows, Csv(a[0].text()).rows());
  if (rows.empty()) return fail(Code::invalid, "missing header line");
  std::set<std::string> names;
  Type::Attributes attributes;
  for (const std::string& name : rows[0]) {
    if (!names.insert(name).second) return fail(Code::invalid, "duplicate column name \"{}\"", name);
    attributes.push_back(Type::Attribute{unicode::normalize(name), Kind::string, false, {}});
  }
  Datum::List out;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    Datum::Map row;
    for (std::size_t j = 0; j < rows[0].size(); ++j) row.insert_or_assign(unicode::normalize(rows[0][j]), Datum(rows[i][j]));
    out.push_back(Datum::object(std::move(row)));
  }
  return Datum::list(Type::object(std::move(attributes)), std::move(out));
}

}  // namespace

Result<std::string> json_text(const Datum& datum) {
  std::string out;
  DROVER_TRY(append_json(out, datum));
  return out;
}

void add_encoding_functions(Functions& functions) {
  const Parameter string{"str", Kind::string};
  functions.add("base64encode", {{string}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(to_base64(a[0].text())); }});
  functions.add("base64decode", {{string}, {}, &base64decode});
  functions.add("jsonencode", {{{"val", Kind::dynamic, true}}, {}, [](const World&, Arguments a) -> Result<Datum> {
    DROVER_LET(const std::string text, json_text(a[0]));
    return Datum(text);
  }});
  functions.add("jsondecode", {{string}, {}, &jsondecode});
  functions.add("csvdecode", {{string}, {}, &csvdecode});
}

}  // namespace drover::hcl::detail
