#include "base/json/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <boost/json/basic_parser_impl.hpp>
#include <numeric>

#include "base/json/text.h"

namespace drover::json {

namespace {

namespace bj = boost::json;

/// Takes out all but the last of members with one name; the last takes the place of the first.
void keep_last_of_each(Value::Map& members) {
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&members](std::size_t i) -> const std::string& { return members[i].first; });
  std::vector<bool> dropped(members.size());
  bool any = false;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && members[order[last + 1]].first == members[order[first]].first) dropped[order[++last]] = true;
    if (last != first) {
      members[order[first]].second = std::move(members[order[last]].second);
      any = true;
    }
    first = last + 1;
  }
  if (!any) return;
  Value::Map kept;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!dropped[i]) kept.push_back(std::move(members[i]));
  }
  members = std::move(kept);
}

/// What Boost.JSON's parser calls as it reads.
class Builder {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  Value result;

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }

  bool on_object_begin(bj::error_code&) { return open(Value::map()); }
  bool on_object_end(std::size_t, bj::error_code&) {
    keep_last_of_each(open_.back().value.members());
    return close();
  }
  bool on_array_begin(bj::error_code&) { return open(Value::list()); }
  bool on_array_end(std::size_t, bj::error_code&) { return close(); }

  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    open_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) {
    text_.append(part.data(), part.size());
    return add(Value(std::exchange(text_, {})));
  }

  bool on_number_part(bj::string_view part, bj::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t value, bj::string_view, bj::error_code&) {
    text_.clear();
    return add(Value(value));
  }
  bool on_uint64(std::uint64_t, bj::string_view part, bj::error_code& error) { return on_double(0, part, error); }
  /// Boost's own result may be off in the last digit; the standard library's is exact.
  bool on_double(double, bj::string_view part, bj::error_code& error) {
    text_.append(part.data(), part.size());
    double value = 0;
    const std::errc wrong = std::from_chars(text_.data(), text_.data() + text_.size(), value).ec;
    if (wrong == std::errc::result_out_of_range) value = std::strtod(text_.c_str(), nullptr);  // tells too large from too small
    text_.clear();
    if (!std::isfinite(value)) error = bj::error::exponent_overflow;
    return !error && add(Value(value));
  }
  bool on_bool(bool value, bj::error_code&) { return add(Value(value)); }
  bool on_null(bj::error_code&) { return add(Value()); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  struct Open {
    Value value;
    std::string key;  ///< of the member that is read now
  };

  bool open(Value container) {
    open_.push_back(Open{std::move(container), {}});
    return true;
  }

  bool close() {
    Value done = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(done));
  }

  bool add(Value value) {
    if (open_.empty()) {
      result = std::move(value);
    } else if (open_.back().value.is_map()) {
      open_.back().value.members().emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().value.items().push_back(std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  std::string text_;
};

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

Error at_byte(std::string_view text, std::size_t byte, std::string_view what) {
  const std::string_view before = text.substr(0, byte);
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fail(Code::invalid, "line {}, column {} (byte {}): {}", line, byte - line_start + 1, byte, what);
}

std::string explain(const bj::error_code& error, std::string_view text, std::size_t byte) {
  if (error == bj::error::incomplete || byte >= text.size()) return "the text ends in the middle of a value";
  if (error == bj::error::too_deep) return drover::text("nested deeper than {}", depth_max);
  if (error == bj::error::exponent_overflow) return "the number is too large";
  return error.message();
}

void append_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(depth * 4, ' ');
}

/// Indents when `depth` is given.
void append_at(std::string& out, const Value& value, std::optional<std::size_t> depth) {
  const std::optional<std::size_t> inner = depth ? std::optional(*depth + 1) : std::nullopt;
  const auto separate = [&out, inner](bool first) {
    if (!first) out += ',';
    if (inner) append_line(out, *inner);
  };
  const auto finish = [&out, depth](bool empty, char bracket) {
    if (!empty && depth) append_line(out, *depth);
    out += bracket;
  };
  switch (value.kind()) {
    case Value::Kind::null: out += "null"; return;
    case Value::Kind::boolean: out += value.boolean() ? "true" : "false"; return;
    case Value::Kind::integer: append_integer(out, value.integer()); return;
    case Value::Kind::real: append_real(out, value.real()); return;
    case Value::Kind::text: append_quoted(out, value.text()); return;
    case Value::Kind::list:
      out += '[';
      for (bool first = true; const Value& item : value.items()) {
        separate(std::exchange(first, false));
        append_at(out, item, inner);
      }
      finish(value.items().empty(), ']');
      return;
    case Value::Kind::map:
      out += '{';
      for (bool first = true; const auto& [name, member] : value.members()) {
        separate(std::exchange(first, false));
        append_quoted(out, name);
        out += inner ? ": " : ":";
        append_at(out, member, inner);
      }
      finish(value.members().empty(), '}');
      return;
  }
}

}  // namespace

Result<Value> parse(std::string_view text) {
  if (text.size() > bytes_max) return fail(Code::exhausted, "JSON of {} bytes is longer than {}", text.size(), bytes_max);
  bj::parse_options options;
  options.max_depth = depth_max;
  bj::basic_parser<Builder> parser(options);
  bj::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error) return at_byte(text, read, explain(error, text, read));
  const auto rest = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(read), text.end(), is_blank);
  if (rest != text.end()) return at_byte(text, static_cast<std::size_t>(rest - text.begin()), "something follows the end of the value");
  return std::move(parser.handler().result);
}

void append(std::string& out, const Value& value) { append_at(out, value, std::nullopt); }

std::string write(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string write_pretty(const Value& value) {
  std::string out;
  append_at(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace drover::json
