#include "base/hcl/yaml.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <yaml.h>

#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl {
namespace {

std::string_view bytes(const yaml_char_t* from, std::size_t size) { return {reinterpret_cast<const char*>(from), size}; }
std::string text_or_empty(const yaml_char_t* text) { return text ? reinterpret_cast<const char*>(text) : ""; }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) { return std::ranges::find(words, word) != words.end(); }

/// Digits of a whole number in any of YAML's bases: 0x1f, 0o17, 017, 0b11.
std::optional<Number> whole(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  for (const auto& [prefix, its_base] : std::initializer_list<std::pair<std::string_view, int>>{{"0x", 16}, {"0o", 8}, {"0b", 2}}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    base = its_base;
    break;
  }
  if (base == 10 && text.size() > 1 && text[0] == '0') base = 8;
  if (text.empty() || !std::isxdigit(static_cast<unsigned char>(text[0]))) return std::nullopt;
  const std::optional<Number> value = Number::parse_base(text, base);
  return value && negative ? value->negated() : value;
}

bool looks_like_a_number(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  return !digits.empty() && (std::isdigit(static_cast<unsigned char>(digits[0])) || (digits[0] == '.' && digits.size() > 1));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

/// "2024-01-02", or "2024-1-2 3:04:05.5 +01:00" and the like, as RFC 3339.
std::optional<std::string> timestamp(std::string_view text) {
  const auto part = [&text](std::size_t digits_min, std::size_t digits_max) -> std::optional<std::string> {
    std::size_t count = 0;
    while (count < digits_max && count < text.size() && std::isdigit(static_cast<unsigned char>(text[count]))) ++count;
    if (count < digits_min) return std::nullopt;
    std::string out(text.substr(0, count));
    text.remove_prefix(count);
    if (digits_max == 2 && out.size() == 1) out.insert(0, "0");
    return out;
  };
  const auto mark = [&text](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto year = part(4, 4);
  if (!year || !mark('-')) return std::nullopt;
  const auto month = part(1, 2);
  if (!month || !mark('-')) return std::nullopt;
  const auto day = part(1, 2);
  if (!day || *month < "01" || *month > "12" || *day < "01" || *day > "31") return std::nullopt;
  const std::string date = *year + "-" + *month + "-" + *day;
  if (text.empty()) return date + "T00:00:00Z";
  if (!mark('T') && !mark('t') && !mark(' ')) return std::nullopt;
  const auto hour = part(1, 2);
  if (!hour || *hour > "23" || !mark(':')) return std::nullopt;
  const auto minute = part(2, 2);
  if (!minute || *minute > "59" || !mark(':')) return std::nullopt;
  const auto second = part(2, 2);
  if (!second || *second > "59") return std::nullopt;
  std::string fraction;
  if (mark('.')) {
    const auto digits = part(1, 9);
    if (!digits) return std::nullopt;
    fraction = "." + *digits;
    while (fraction.ends_with('0') || fraction == ".") fraction.pop_back();
  }
  const std::string time = date + "T" + *hour + ":" + *minute + ":" + *second + fraction;
  while (mark(' ')) {}
  if (text.empty() || text == "Z") return time + "Z";
  if ((text[0] != '+' && text[0] != '-') || text.size() != 6 || text[3] != ':' || !all_digits(text.substr(1, 2)) || !all_digits(text.substr(4))) return std::nullopt;
  return time + std::string(text);
}

/// What a word without quotes and without a tag means.
Result<Datum> plain_word(std::string_view word) {
  if (is_one_of(word, {"", "~", "null", "Null", "NULL"})) return Datum::null();
  if (is_one_of(word, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return Datum(true);
  if (is_one_of(word, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return Datum(false);
  if (is_one_of(word, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return Datum(*Number::parse("inf"));
  if (is_one_of(word, {"-.inf", "-.Inf", "-.INF"})) return Datum(*Number::parse("-inf"));
  if (is_one_of(word, {".nan", ".NaN", ".NAN"})) return fail(Code::invalid, "a value that is not a number (NaN) cannot be represented");
  if (looks_like_a_number(word)) {
    if (const auto number = whole(word)) return Datum(*number);
    if (const auto number = Number::parse(word)) return Datum(*number);
    if (auto time = timestamp(word)) return Datum(*time);
  }
  return Datum(word);
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    if (!yaml_parser_initialize(&parser_)) return;
    ready_ = true;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() {
    yaml_event_delete(&event_);
    if (ready_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Datum> document() {
    if (!ready_) return fail(Code::exhausted, "no memory for reading YAML");
    DROVER_TRY(next());  // the start of the stream
    DROVER_TRY(next());
    if (event_.type == YAML_STREAM_END_EVENT) return fail(Code::invalid, "on line 1, column 1: the text holds no value");
    const auto* version = event_.data.document_start.version_directive;
    if (version && (version->major != 1 || version->minor != 1)) return fail(Code::invalid, "this is YAML {}.{}: only 1.1 may be declared", version->major, version->minor);
    DROVER_TRY(next());
    DROVER_LET(Datum out, value(0));
    DROVER_TRY(next());  // the end of the document
    DROVER_TRY(next());
    if (event_.type != YAML_STREAM_END_EVENT) return fail(Code::invalid, "{}: there is more than one document", here());
    return out;
  }

 private:
  std::string here() const { return text("on line {}, column {}", event_.start_mark.line + 1, event_.start_mark.column + 1); }

  Result<void> next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_)) return {};
    event_.type = YAML_NO_EVENT;
    return fail(Code::invalid, "on line {}, column {}: {}", parser_.problem_mark.line + 1, parser_.problem_mark.column + 1, parser_.problem ? parser_.problem : "no YAML");
  }

  /// The value that begins with the current event, all of which is consumed (the last event of it is current then).
  Result<Datum> value(int depth) {
    if (depth > yaml_depth_max) return fail(Code::exhausted, "{}: lists and maps may be nested {} levels deep at most", here(), yaml_depth_max);
    DROVER_TRY(count(1));
    switch (event_.type) {
      case YAML_SCALAR_EVENT: {
        const std::string anchor = text_or_empty(event_.data.scalar.anchor);
        DROVER_LET(Datum out, scalar());
        return remember(anchor, std::move(out));
      }
      case YAML_SEQUENCE_START_EVENT: {
        const std::string anchor = text_or_empty(event_.data.sequence_start.anchor);
        DROVER_LET(Datum out, sequence(depth));
        return remember(anchor, std::move(out));
      }
      case YAML_MAPPING_START_EVENT: {
        const std::string anchor = text_or_empty(event_.data.mapping_start.anchor);
        DROVER_LET(Datum out, mapping(depth));
        return remember(anchor, std::move(out));
      }
      case YAML_ALIAS_EVENT: {
        const std::string name = text_or_empty(event_.data.alias.anchor);
        const auto at = anchors_.find(name);
        if (at == anchors_.end()) return fail(Code::invalid, "{}: the alias \"{}\" refers to nothing before it", here(), name);
        DROVER_TRY(count(at->second.values));
        return at->second.datum;
      }
      default: return fail(Code::invalid, "{}: a value is expected", here());
    }
  }

  Result<Datum> scalar() {
    const auto& event = event_.data.scalar;
    const std::string_view word = bytes(event.value, event.length);
    const std::string tag = text_or_empty(event.tag);
    if (unicode::first_invalid(word) != std::string_view::npos) return fail(Code::invalid, "{}: the text is not UTF-8", here());
    // A tag on a quoted text does not change it; "!!str" keeps a plain word as text, and so does "!!binary" its base64.
    const bool plain = event.style == YAML_PLAIN_SCALAR_STYLE;
    if (!plain || tag == "!" || tag == YAML_STR_TAG || tag == "tag:yaml.org,2002:binary") return Datum(word);
    DROVER_LET(Datum out, plain_word(word));
    const Type wanted = tag == YAML_INT_TAG || tag == YAML_FLOAT_TAG ? Kind::number : tag == YAML_BOOL_TAG ? Kind::boolean : Kind::dynamic;
    if (wanted.kind() != Kind::dynamic && out.kind() != wanted.kind()) return fail(Code::invalid, "{}: \"{}\" is no {}", here(), word, to_text(wanted));
    return out;
  }

  Result<Datum> sequence(int depth) {
    Datum::List items;
    for (;;) {
      DROVER_TRY(next());
      if (event_.type == YAML_SEQUENCE_END_EVENT) return Datum::tuple(std::move(items));
      DROVER_LET(Datum item, value(depth + 1));
      items.push_back(std::move(item));
    }
  }

  Result<Datum> mapping(int depth) {
    Datum::Map members;
    std::vector<Datum> merged;
    for (;;) {
      DROVER_TRY(next());
      if (event_.type == YAML_MAPPING_END_EVENT) break;
      const bool merges = event_.type == YAML_SCALAR_EVENT && event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                          bytes(event_.data.scalar.value, event_.data.scalar.length) == "<<";
      const std::string at = here();
      DROVER_LET(const Datum key, value(depth + 1));
      DROVER_TRY(next());
      DROVER_LET(Datum item, value(depth + 1));
      if (merges) {
        DROVER_TRY(merge(item, merged, at));
        continue;
      }
      DROVER_LET(std::string name, key_text(key, at));
      members.insert_or_assign(std::move(name), std::move(item));
    }
    for (const Datum& map : merged)
      for (const auto& [name, item] : map.members()) members.emplace(name, item);
    return Datum::object(std::move(members));
  }

  static Result<void> merge(const Datum& from, std::vector<Datum>& merged, const std::string& at) {
    if (from.is_mapping()) return merged.push_back(from), Result<void>();
    const bool maps = from.is_sequence() && std::ranges::all_of(from.items(), [](const Datum& item) { return item.is_mapping(); });
    if (!maps) return fail(Code::invalid, "{}: what \"<<\" merges must be a map or a list of maps", at);
    merged.insert(merged.end(), from.items().begin(), from.items().end());
    return {};
  }

  static Result<std::string> key_text(const Datum& key, const std::string& at) {
    if (key.is_string()) return key.text();
    if (key.is_known() && key.kind() == Kind::number) return key.number().to_text();
    if (key.is_known() && key.kind() == Kind::boolean) return std::string(key.boolean() ? "true" : "false");
    return fail(Code::invalid, "{}: a key must be a text, a number or a boolean", at);
  }

  Result<Datum> remember(const std::string& anchor, Datum datum) {
    if (!anchor.empty()) anchors_.insert_or_assign(anchor, Anchor{datum, weight(datum)});
    return datum;
  }

  static int weight(const Datum& datum) {
    int out = 1;
    if (datum.is_sequence())
      for (const Datum& item : datum.items()) out += weight(item);
    if (datum.is_mapping())
      for (const auto& [name, item] : datum.members()) out += weight(item);
    return out;
  }

  Result<void> count(int values) {
    values_ += values;
    if (values_ > yaml_values_max) return fail(Code::exhausted, "the text stands for more than {} values", yaml_values_max);
    return {};
  }

  struct Anchor {
    Datum datum;
    int values;
  };

  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool ready_ = false;
  int values_ = 0;
  std::map<std::string, Anchor> anchors_;
};

}  // namespace

Result<Datum> read_yaml(std::string_view text) {
  if (text.size() > detail::text_bytes_max) return fail(Code::exhausted, "the text is longer than {} bytes", detail::text_bytes_max);
  return Reader(text).document();
}

}  // namespace drover::hcl
