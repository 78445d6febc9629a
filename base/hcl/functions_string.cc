#include <algorithm>
#include <vector>

#include <re2/re2.h>

#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {
namespace {

const Parameter string{"str", Kind::string};

std::vector<std::string_view> clusters(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t length = unicode::cluster_length(text);
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

Result<Datum> reversed(const World&, Arguments a) {
  std::vector<std::string_view> parts = clusters(a[0].text());
  std::string out;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) out.append(*part);
  return Datum(out);
}

Result<Datum> substr(const World&, Arguments a) {
  DROVER_LET(std::int64_t offset, whole_number(a[1]));
  DROVER_LET(std::int64_t length, whole_number(a[2]));
  const std::vector<std::string_view> parts = clusters(a[0].text());
  const auto size = static_cast<std::int64_t>(parts.size());
  if (offset < 0) {  // from the end, where a length of 0 means all that is left
    offset = std::max<std::int64_t>(0, size + std::max(offset, -size));
    if (length == 0) length = size;
  }
  std::string out;
  const std::int64_t end = length < 0 ? size : offset + std::min(length, size);
  for (std::int64_t i = offset; i < std::min(end, size); ++i) out.append(parts[static_cast<std::size_t>(i)]);
  return Datum(out);
}

/// Upper case for the first letter of each word. Of what is no letter or digit, all of ASCII but the underscore ends a
/// word, and of the rest only white space does.
Result<Datum> title(const World&, Arguments a) {
  std::string out;
  bool word = false;
  for (std::string_view rest = a[0].text(); !rest.empty();) {
    const unicode::Decoded d = unicode::decode(rest);
    const std::size_t bytes = std::max<std::size_t>(d.bytes, 1);
    const std::string_view letter = rest.substr(0, bytes);
    const bool part = d.code < 128 ? d.code != '-' && unicode::is_identifier_part(d.code) : !unicode::is_space(d.code);
    // The title case of ǆ is ǅ, and not its upper case.
    const std::string upper = d.code >= 0x1C4 && d.code <= 0x1CC ? std::string(d.code <= 0x1C6 ? "\u01C5" : d.code <= 0x1C9 ? "\u01C8" : "\u01CB") : unicode::to_upper(letter);
    out += word ? std::string(letter) : upper;
    word = part;
    rest.remove_prefix(bytes);
  }
  return Datum(out);
}

Result<Datum> chomp(const World&, Arguments a) {
  std::string_view text = a[0].text();
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return Datum(text);
}

bool in_set(std::string_view set, std::string_view letter) {
  for (std::size_t at = set.find(letter); at != std::string_view::npos; at = set.find(letter, at + 1))
    if (at == 0 || (static_cast<unsigned char>(set[at]) & 0xC0) != 0x80) return true;
  return false;
}

Result<Datum> trim(const World&, Arguments a) {
  std::vector<std::string_view> letters;
  for (std::string_view rest = a[0].text(); !rest.empty();) {
    letters.push_back(rest.substr(0, std::max<std::size_t>(unicode::decode(rest).bytes, 1)));
    rest.remove_prefix(letters.back().size());
  }
  std::size_t from = 0, to = letters.size();
  while (from < to && in_set(a[1].text(), letters[from])) ++from;
  while (to > from && in_set(a[1].text(), letters[to - 1])) --to;
  std::string out;
  for (; from < to; ++from) out.append(letters[from]);
  return Datum(out);
}

Result<Datum> replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  if (from.empty()) {  // before every character, and at the end
    while (!text.empty()) {
      const std::size_t bytes = std::max<std::size_t>(unicode::decode(text).bytes, 1);
      out.append(to).append(text.substr(0, bytes));
      text.remove_prefix(bytes);
      if (out.size() > text_bytes_max) break;
    }
    return Datum(out.append(to));
  }
  for (std::size_t at = text.find(from); at != std::string_view::npos; at = text.find(from)) {
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
    if (out.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
  }
  return Datum(out.append(text));
}

Result<Datum> split(const World&, Arguments a) {
  std::string_view separator = a[0].text(), text = a[1].text();
  Datum::List out;
  if (separator.empty()) {
    while (!text.empty()) {
      const std::size_t bytes = std::max<std::size_t>(unicode::decode(text).bytes, 1);
      out.push_back(Datum(text.substr(0, bytes)));
      text.remove_prefix(bytes);
    }
    return Datum::list(Kind::string, std::move(out));
  }
  for (std::size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator)) {
    out.push_back(Datum(text.substr(0, at)));
    text.remove_prefix(at + separator.size());
  }
  out.push_back(Datum(text));
  return Datum::list(Kind::string, std::move(out));
}

Result<Datum> join(const World&, Arguments a) {
  if (a.size() < 2) return fail(Code::invalid, "at least one list is required");
  std::string out;
  bool first = true;
  for (const Datum& list : a.subspan(1)) {
    for (const Datum& item : list.items()) {
      if (item.is_null()) return fail(Code::invalid, "element is null; cannot concatenate null values");
      out += (first ? "" : a[0].text()) + item.text();
      if (out.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
      first = false;
    }
  }
  return Datum(out);
}

/// Looks up what a `$` in a replacement stands for: $1, ${1}, $name, ${name}; $$ is a dollar.
void expand_replacement(std::string_view replacement, const std::vector<std::string_view>& groups, const std::map<std::string, int>& names, std::string& out) {
  while (!replacement.empty()) {
    const std::size_t dollar = replacement.find('$');
    out.append(replacement.substr(0, dollar));
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out.push_back('$');
      replacement.remove_prefix(1);
      continue;
    }
    const bool braces = replacement.starts_with('{');
    std::size_t length = braces ? 1 : 0;
    while (length < replacement.size() && (replacement[length] == '_' || std::isalnum(static_cast<unsigned char>(replacement[length])))) ++length;
    const std::string name(replacement.substr(braces ? 1 : 0, length - (braces ? 1 : 0)));
    if (name.empty() || (braces && (length >= replacement.size() || replacement[length] != '}'))) {
      out.push_back('$');
      continue;
    }
    replacement.remove_prefix(length + (braces ? 1 : 0));
    std::size_t index = groups.size();
    if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 6) {
      index = std::stoul(name);
    } else if (const auto at = names.find(name); at != names.end()) {
      index = static_cast<std::size_t>(at->second);
    }
    if (index < groups.size()) out.append(groups[index]);
  }
}

Result<Datum> regex_replace(const World&, Arguments a) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 pattern(a[1].text(), options);
  if (!pattern.ok()) return fail(Code::invalid, "invalid regular expression: {}", pattern.error());
  const re2::StringPiece text(a[0].text());
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(pattern.NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t at = 0, copied = 0;
  bool after_match = false;
  while (at <= text.size() && pattern.Match(text, at, text.size(), RE2::UNANCHORED, found.data(), static_cast<int>(found.size()))) {
    const std::size_t start = static_cast<std::size_t>(found[0].data() - text.data()), length = found[0].size();
    const bool adjacent_empty = length == 0 && after_match && start == copied;
    if (!adjacent_empty) {
      out.append(text.data() + copied, start - copied);
      std::vector<std::string_view> groups;
      for (const re2::StringPiece& group : found) groups.push_back(group.data() ? std::string_view(group.data(), group.size()) : std::string_view());
      expand_replacement(a[2].text(), groups, pattern.NamedCapturingGroups(), out);
      copied = start + length;
      after_match = true;
    }
    if (out.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
    at = start + length;
    if (length == 0) at += std::max<std::size_t>(unicode::decode(std::string_view(text.data(), text.size()).substr(std::min(at, text.size()))).bytes, 1);
  }
  out.append(text.data() + std::min(copied, text.size()), text.size() - std::min(copied, text.size()));
  return Datum(out);
}

Result<Datum> indent(const World&, Arguments a) {
  DROVER_LET(const std::int64_t spaces, whole_number(a[0]));
  if (spaces < 0 || spaces > 10'000) return fail(Code::invalid, "the number of spaces must be between 0 and 10000");
  return replaced(a[1].text(), "\n", "\n" + std::string(static_cast<std::size_t>(spaces), ' '));
}

Result<Datum> urlencode(const World&, Arguments a) {
  std::string out;
  for (const char c : a[0].text()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]});
    }
  }
  return Datum(out);
}

}  // namespace

void add_string_functions(Functions& functions) {
  functions.add("upper", {{string}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(unicode::to_upper(a[0].text())); }});
  functions.add("lower", {{string}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(unicode::to_lower(a[0].text())); }});
  functions.add("title", {{string}, {}, &title});
  functions.add("strlen", {{string}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(static_cast<std::int64_t>(unicode::count_clusters(a[0].text()))); }});
  functions.add("substr", {{string, {"offset", Kind::number}, {"length", Kind::number}}, {}, &substr});
  functions.add("reverse", {{string}, {}, &reversed});
  functions.add("strrev", {{string}, {}, &reversed});
  functions.add("chomp", {{string}, {}, &chomp});
  functions.add("trimspace", {{string}, {}, [](const World&, Arguments a) -> Result<Datum> { return Datum(unicode::trim(a[0].text())); }});
  functions.add("trim", {{string, {"cutset", Kind::string}}, {}, &trim});
  functions.add("trimprefix", {{string, {"prefix", Kind::string}}, {}, [](const World&, Arguments a) -> Result<Datum> {
    const std::string_view text = a[0].text();
    return Datum(text.starts_with(a[1].text()) ? text.substr(a[1].text().size()) : text);
  }});
  functions.add("trimsuffix", {{string, {"suffix", Kind::string}}, {}, [](const World&, Arguments a) -> Result<Datum> {
    const std::string_view text = a[0].text();
    return Datum(text.ends_with(a[1].text()) ? text.substr(0, text.size() - a[1].text().size()) : text);
  }});
  functions.add("indent", {{{"spaces", Kind::number}, string}, {}, &indent});
  functions.add("join", {{{"separator", Kind::string}}, Parameter{"lists", Type::list(Kind::string)}, &join});
  functions.add("split", {{{"separator", Kind::string}, string}, {}, &split});
  functions.add("replace", {{string, {"substr", Kind::string}, {"replace", Kind::string}}, {}, [](const World&, Arguments a) { return replaced(a[0].text(), a[1].text(), a[2].text()); }});
  functions.add("regex_replace", {{string, {"pattern", Kind::string}, {"replace", Kind::string}}, {}, &regex_replace});
  functions.add("urlencode", {{string}, {}, &urlencode});
}

}  // namespace drover::hcl::detail
