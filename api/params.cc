#include "api/params.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "model/json/text.h"

namespace drover::api {
namespace {

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

Error bad_value(std::string_view name, const std::string& value, std::string_view type, std::string_view parser) {
  return fail(Code::invalid, "Failed to parse value of \"{}\" ({}) as a {}: strconv.{}: parsing \"{}\": invalid syntax", name,
              value, type, parser, value);
}

bool set(const http::Request& request, std::string_view name, std::string& out) {
  const std::string* value = request.parameter(name);
  if (value) out = *value;
  return value && !value->empty();
}

Result<void> parse_blocking(const http::Request& request, Params& out) {
  std::string value;
  if (set(request, "wait", value)) {
    const auto wait = model::parse_duration(value);
    if (!wait) return fail(Code::invalid, "Invalid wait time");
    out.wait = *wait <= 0 ? wait_default : std::min<Duration>(Duration(*wait), wait_max);
  }
  if (set(request, "index", value) && !parse_number(value, out.index)) return fail(Code::invalid, "Invalid index");
  return {};
}

Result<void> parse_stale(const http::Request& request, Params& out) {
  const std::string* value = request.parameter("stale");
  if (!value) return {};
  const auto stale = value->empty() ? Result<bool>(true) : parse_bool(*value);
  if (!stale) return fail(Code::invalid, "Expect `true` or `false` for `stale` query string parameter");
  out.stale = *stale;
  return {};
}

Result<void> parse_page(const http::Request& request, Params& out) {
  std::string value;
  if (!set(request, "per_page", value)) return {};
  std::int32_t rows = 0;
  if (!parse_number(value, rows)) return fail(Code::invalid, "Expect a number for `per_page` query string parameter");
  out.per_page = static_cast<std::size_t>(std::max<std::int32_t>(rows, 0));
  return {};
}

}  // namespace

Params parse_lenient(const http::Request& request) {
  Params out;
  std::string value;
  out.ns_given = set(request, "namespace", value);
  if (out.ns_given) out.ns = value;
  set(request, "region", out.region);
  set(request, "prefix", out.prefix);
  set(request, "filter", out.filter);
  set(request, "next_token", out.next_token);
  const std::string* pretty = request.parameter("pretty");
  out.pretty = pretty && *pretty != "0";
  out.reverse = text_parameter(request, "reverse") == "true";
  return out;
}

Result<Params> parse_params(const http::Request& request) {
  Params out = parse_lenient(request);
  DROVER_TRY(parse_stale(request, out));
  DROVER_TRY(parse_blocking(request, out));
  DROVER_TRY(parse_page(request, out));
  return out;
}

Result<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return fail(Code::invalid, "'{}' is neither true nor false", text);
}

Result<bool> bool_parameter(const http::Request& request, std::string_view name, bool otherwise) {
  const std::string value = text_parameter(request, name);
  if (value.empty()) return otherwise;
  const auto parsed = parse_bool(value);
  if (!parsed) return bad_value(name, value, "bool", "ParseBool");
  return *parsed;
}

Result<std::int64_t> int_parameter(const http::Request& request, std::string_view name, std::int64_t otherwise) {
  const std::string value = text_parameter(request, name);
  if (value.empty()) return otherwise;
  std::int64_t number = 0;
  if (!parse_number(value, number)) return bad_value(name, value, "int", "Atoi");
  return number;
}

Result<std::uint64_t> uint_parameter(const http::Request& request, std::string_view name, std::uint64_t otherwise) {
  const std::string value = text_parameter(request, name);
  if (value.empty()) return otherwise;
  std::uint64_t number = 0;
  if (!parse_number(value, number)) return bad_value(name, value, "uint64", "ParseUint");
  return number;
}

std::string text_parameter(const http::Request& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value ? *value : std::string();
}

}  // namespace drover::api
