#include <algorithm>
#include <cstdio>

#include "base/hcl/convert.h"
#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {
namespace {

/// A wider or more precise verb than this is a mistake.
constexpr int width_max = 10'000;
/// The smallest exponent that is written as one.
constexpr int exponent_from = 6;

struct Verb {
  char letter = 0;
  bool plus = false, minus = false, zero = false, space = false, sharp = false;
  std::optional<int> width, precision;
  std::size_t argument = 0;  ///< from 1
  std::string written;
};

std::string padded(std::string text, const Verb& verb, bool zeros_allowed) {
  const auto length = static_cast<int>(unicode::count_clusters(text));
  const int missing = verb.width.value_or(0) - length;
  if (missing <= 0) return text;
  const auto count = static_cast<std::size_t>(missing);
  if (verb.minus) return text + std::string(count, ' ');
  if (!verb.zero || !zeros_allowed) return std::string(count, ' ') + text;
  const bool sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.substr(0, sign ? 1 : 0) + std::string(count, '0') + text.substr(sign ? 1 : 0);
}

std::string signed_text(std::string digits, const Verb& verb) {
  if (digits.starts_with('-')) return digits;
  return verb.plus ? "+" + digits : verb.space ? " " + digits : digits;
}

std::string first_clusters(std::string_view text, int count) {
  std::size_t bytes = 0;
  for (; count > 0 && bytes < text.size(); --count) bytes += unicode::cluster_length(text.substr(bytes));
  return std::string(text.substr(0, bytes));
}

std::string upper(std::string text) { return unicode::to_upper(text); }

/// As few digits as tell the number apart; with an exponent where it is small or beyond six digits, or always.
std::string shortest(const Number& number, bool exponent_always) {
  const std::string plain = number.to_text();
  const bool negative = plain.starts_with('-');
  std::string digits;
  int point = 0;
  bool fraction = false;
  for (const char c : plain.substr(negative ? 1 : 0)) {
    if (c == '.') {
      fraction = true;
      continue;
    }
    if (digits.empty() && c == '0') {
      point -= fraction;
      continue;
    }
    digits.push_back(c);
    point += !fraction;
  }
  const int exponent = point - 1;
  if (digits.empty() || (!exponent_always && exponent >= -4 && exponent < exponent_from)) return plain;
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  const std::string size = std::to_string(std::abs(exponent));
  return (negative ? "-" : "") + digits.substr(0, 1) + (digits.size() > 1 ? "." + digits.substr(1) : "") + (exponent < 0 ? "e-" : "e+") + (size.size() < 2 ? "0" : "") + size;
}

/// The verb's letters are printf's, save that an exponent has two digits at least and %g is as short as can be.
std::string real_text(const Number& number, const Verb& verb) {
  if (number.is_infinite()) return number.is_negative() ? "-Inf" : "+Inf";
  if (verb.letter == 'f' || verb.letter == 'F') return number.to_fixed(verb.precision.value_or(6));
  char buffer[512];
  const std::string pattern = std::string("%.*") + verb.letter;
  const int precision = std::min(verb.precision.value_or(verb.letter == 'g' || verb.letter == 'G' ? -1 : 6), 200);
  if (precision >= 0) {
    std::snprintf(buffer, sizeof buffer, pattern.c_str(), precision, number.to_double());
    return buffer;
  }
  const std::string out = shortest(number, verb.letter == 'e' || verb.letter == 'E');
  return verb.letter == 'E' || verb.letter == 'G' ? upper(out) : out;
}

Result<Datum> as(const Datum& datum, const Type& type, const Verb& verb, std::size_t at) {
  const auto refuse = [&](const std::string& why) { return fail(Code::invalid, "unsupported value for \"{}\" at {}: {}", verb.written, at, why); };
  if (datum.is_null()) return refuse("null value cannot be formatted");
  Result<Datum> out = convert(datum, type);
  return out ? std::move(out) : Result<Datum>(refuse(out.error().message));
}

Result<std::string> plain_value(const Datum& datum, const Verb& verb) {
  if (verb.sharp || (!datum.is_null() && !datum.type().is_primitive())) return json_text(datum);
  if (datum.is_null()) return std::string("null");
  if (datum.kind() == Kind::number) return shortest(datum.number(), false);
  DROVER_LET(const Datum text, convert(datum, Kind::string));
  return text.text();
}

Result<std::string> formatted(const Datum& datum, const Verb& verb, std::size_t at) {
  switch (verb.letter) {
    case 'v': {
      DROVER_LET(std::string text, plain_value(datum, verb));
      return padded(std::move(text), verb, datum.kind() == Kind::number);
    }
    case 't': {
      DROVER_LET(const Datum value, as(datum, Kind::boolean, verb, at));
      return padded(value.boolean() ? "true" : "false", verb, false);
    }
    case 'd': case 'b': case 'o': case 'x': case 'X': {
      DROVER_LET(const Datum value, as(datum, Kind::number, verb, at));
      if (!value.number().is_whole()) return fail(Code::invalid, "unsupported value for \"{}\" at {}: an integer is required", verb.written, at);
      std::string digits = verb.letter == 'd' ? value.number().to_text() : value.number().to_base(verb.letter == 'b' ? 2 : verb.letter == 'o' ? 8 : 16);
      if (verb.letter == 'X') digits = upper(std::move(digits));
      return padded(signed_text(std::move(digits), verb), verb, true);
    }
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': {
      DROVER_LET(const Datum value, as(datum, Kind::number, verb, at));
      return padded(signed_text(real_text(value.number(), verb), verb), verb, true);
    }
    case 's': case 'q': {
      DROVER_LET(const Datum value, as(datum, Kind::string, verb, at));
      std::string text = value.text();
      if (verb.letter == 'q') {
        DROVER_LET(text, json_text(value));
      }
      if (verb.precision) text = first_clusters(text, *verb.precision);
      return padded(std::move(text), verb, verb.zero);
    }
    default: return fail(Code::invalid, "unsupported format verb '{}' in \"{}\" at offset {}", verb.letter, verb.written, at);
  }
}

/// Reads digits; nothing where there are none or the number is too large.
std::optional<int> digits(std::string_view format, std::size_t& at) {
  std::optional<int> out;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) out = std::min(out.value_or(0) * 10 + (format[at] - '0'), width_max + 1);
  return out;
}

/// Reads the verb at the percent sign.
Result<Verb> read_verb(std::string_view format, std::size_t& at, std::size_t next_argument) {
  Verb verb;
  verb.argument = next_argument;
  const std::size_t start = at++;
  for (; at < format.size(); ++at) {
    const char c = format[at];
    if (c == '+') verb.plus = true;
    else if (c == '-') verb.minus = true;
    else if (c == '0') verb.zero = true;
    else if (c == ' ') verb.space = true;
    else if (c == '#') verb.sharp = true;
    else break;
  }
  const auto index = [&]() -> Result<void> {
    if (at >= format.size() || format[at] != '[') return {};
    ++at;
    const std::optional<int> number = digits(format, at);
    if (!number || *number == 0 || at >= format.size() || format[at] != ']') return fail(Code::invalid, "unrecognized format at offset {}: an argument's index such as [1] is expected", start);
    ++at;
    verb.argument = static_cast<std::size_t>(*number);
    return {};
  };
  DROVER_TRY(index());
  verb.width = digits(format, at);
  if (at < format.size() && format[at] == '.') verb.precision = (++at, digits(format, at).value_or(0));
  DROVER_TRY(index());
  if (at >= format.size()) return fail(Code::invalid, "unterminated format verb at offset {}", start);
  if (verb.width.value_or(0) > width_max || verb.precision.value_or(0) > width_max) return fail(Code::exhausted, "the width at offset {} is larger than {}", start, width_max);
  verb.letter = format[at++];
  verb.written = std::string(format.substr(start, at - start));
  return verb;
}

Result<Datum> format_with(const std::string& format, Arguments args) {
  std::string out;
  std::size_t next = 1, highest = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      const std::size_t end = std::min(format.find('%', at), format.size());
      out.append(format, at, end - at);
      at = end;
      continue;
    }
    if (format.compare(at, 2, "%%") == 0) {
      out.push_back('%');
      at += 2;
      continue;
    }
    const std::size_t start = at;
    DROVER_LET(const Verb verb, read_verb(format, at, next));
    if (verb.argument > args.size())
      return fail(Code::invalid, "not enough arguments for \"{}\" at {}: need index {} but have {} total", verb.written, start, verb.argument, args.size());
    DROVER_LET(const std::string piece, formatted(args[verb.argument - 1], verb, start));
    out += piece;
    if (out.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
    highest = std::max(highest, verb.argument);
    next = verb.argument + 1;
  }
  if (highest < args.size()) return fail(Code::invalid, "too many arguments; only {} used by format string", highest);
  return Datum(out);
}

Result<Datum> format(const World&, Arguments a) { return format_with(a[0].text(), a.subspan(1)); }

Result<Datum> formatlist(const World&, Arguments a) {
  const Arguments args = a.subspan(1);
  std::optional<std::size_t> length;
  std::size_t first = 0;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!args[i].is_sequence()) continue;
    if (length && *length != args[i].items().size())
      return fail(Code::invalid, "argument {} has length {}, which is inconsistent with argument {} of length {}", i + 1, args[i].items().size(), first + 1, *length);
    if (!length) first = i;
    length = args[i].items().size();
  }
  Datum::List out;
  for (std::size_t row = 0; row < length.value_or(1); ++row) {
    std::vector<Datum> own;
    for (const Datum& arg : args) own.push_back(arg.is_sequence() ? arg.items()[row] : arg);
    Result<Datum> text = format_with(a[0].text(), own);
    if (!text) return length ? text.error().within(drover::text("error on format iteration {}", row)) : text.error();
    out.push_back(std::move(text).value());
  }
  return Datum::list(Kind::string, std::move(out));
}

}  // namespace

void add_format_functions(Functions& functions) {
  const Parameter arguments{"args", Kind::dynamic, true};
  functions.add("format", {{{"format", Kind::string}}, arguments, &format});
  functions.add("formatlist", {{{"format", Kind::string}}, arguments, &formatlist});
}

}  // namespace drover::hcl::detail
