#include "model/version.h"

#include <algorithm>
#include <charconv>

namespace drover::model {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view word = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-~";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// Takes characters of `allowed` from the front.
std::string_view take(std::string_view& text, std::string_view allowed) {
  const auto taken = text.substr(0, text.find_first_not_of(allowed));
  text.remove_prefix(taken.size());
  return taken;
}

/// Words joined by dots: "beta.1". Nothing when a word is empty.
std::optional<std::string> take_words(std::string_view& text) {
  const auto whole = text;
  do {
    if (whole.size() != text.size() && !text.empty() && text.front() == '.') text.remove_prefix(1);
    if (take(text, word).empty()) return {};
  } while (!text.empty() && text.front() == '.');
  return std::string(whole.substr(0, whole.size() - text.size()));
}

std::string_view next_word(std::string_view& text) {
  const auto end = text.find('.');
  const auto out = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return out;
}

/// Numbers come before words.
std::strong_ordering compare_words(std::string_view a, std::string_view b) {
  if (a == b) return std::strong_ordering::equal;
  const auto left = number(a);
  const auto right = number(b);
  if (left && right) return *left <=> *right;
  if (left.has_value() != right.has_value()) return left ? std::strong_ordering::less : std::strong_ordering::greater;
  return a <=> b;
}

/// No pre-release comes after any; otherwise word by word, fewer words first.
std::strong_ordering compare_prereleases(std::string_view a, std::string_view b) {
  if (a == b) return std::strong_ordering::equal;
  if (a.empty()) return std::strong_ordering::greater;
  if (b.empty()) return std::strong_ordering::less;
  while (!a.empty() && !b.empty()) {
    const auto order = compare_words(next_word(a), next_word(b));
    if (order != 0) return order;
  }
  return a.size() <=> b.size();
}

std::int64_t segment(const Version& version, std::size_t i) { return i < version.segments.size() ? version.segments[i] : 0; }

std::strong_ordering compare_segments(const Version& a, const Version& b) {
  const std::size_t count = std::max(a.segments.size(), b.segments.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto order = segment(a, i) <=> segment(b, i); order != 0) return order;
  }
  return std::strong_ordering::equal;
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text, VersionDialect dialect) {
  Version version;
  if (!text.empty() && text.front() == 'v') text.remove_prefix(1);
  for (;;) {
    const auto part = number(take(text, digits));
    if (!part) return {};
    version.segments.push_back(*part);
    if (text.size() < 2 || text[0] != '.' || digits.find(text[1]) == std::string_view::npos) break;
    text.remove_prefix(1);
  }
  version.given = version.segments.size();
  while (version.segments.size() < 3) version.segments.push_back(0);

  const bool dashed = !text.empty() && text.front() == '-';
  if (dashed) text.remove_prefix(1);
  const bool bare = dialect == VersionDialect::loose && !text.empty() && text.front() != '+' && text.front() != '.';
  if (dashed || bare) {
    auto words = take_words(text);
    if (!words) return {};
    version.prerelease = *std::move(words);
  }
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!take_words(text)) return {};
  }
  if (!text.empty()) return {};
  return version;
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  if (const auto order = compare_segments(a, b); order != 0) return order;
  return compare_prereleases(a.prerelease, b.prerelease);
}

std::optional<VersionConditions> VersionConditions::parse(std::string_view text, VersionDialect dialect) {
  VersionConditions list;
  list.dialect_ = dialect;
  for (;;) {
    const auto comma = text.find(',');
    auto condition = parse_one(trimmed(text.substr(0, comma)), dialect);
    if (!condition) return {};
    list.conditions_.push_back(*std::move(condition));
    if (comma == std::string_view::npos) return list;
    text.remove_prefix(comma + 1);
  }
}

std::optional<VersionConditions::Condition> VersionConditions::parse_one(std::string_view text, VersionDialect dialect) {
  struct Name {
    std::string_view text;
    Operator op;
  };
  static constexpr Name names[] = {{"!=", Operator::not_equal},     {">=", Operator::greater_equal}, {"<=", Operator::less_equal},
                                   {"~>", Operator::pessimistic},   {"=", Operator::equal},          {">", Operator::greater},
                                   {"<", Operator::less}};
  Condition condition;
  for (const Name& name : names) {
    if (!text.starts_with(name.text)) continue;
    if (name.op == Operator::pessimistic && dialect == VersionDialect::strict) return {};
    condition.op = name.op;
    text.remove_prefix(name.text.size());
    break;
  }
  auto version = Version::parse(trimmed(text), dialect);
  if (!version) return {};
  condition.version = *std::move(version);
  return condition;
}

bool VersionConditions::hold_for(const Version& version) const {
  return std::ranges::all_of(conditions_, [&](const Condition& condition) { return holds(condition, version, dialect_); });
}

bool VersionConditions::holds(const Condition& condition, const Version& version, VersionDialect dialect) {
  const Version& wanted = condition.version;
  const bool exact = condition.op == Operator::equal || condition.op == Operator::not_equal;
  if (dialect == VersionDialect::loose && !exact) {
    // A pre-release is only meant by a condition that names one of the same version.
    if (!version.prerelease.empty() && wanted.prerelease.empty()) return false;
    if (!version.prerelease.empty() && compare_segments(version, wanted) != 0) return false;
  }
  switch (condition.op) {
    case Operator::equal: return version == wanted;
    case Operator::not_equal: return version != wanted;
    case Operator::less: return version < wanted;
    case Operator::less_equal: return version <= wanted;
    case Operator::greater: return version > wanted;
    case Operator::greater_equal: return version >= wanted;
    case Operator::pessimistic: break;
  }
  // "~> 1.2.3": all but the last number as written, and at least that.
  if (version < wanted || (version.prerelease.empty() && !wanted.prerelease.empty())) return false;
  if (wanted.given > version.given) return false;
  for (std::size_t i = 0; i + 1 < wanted.given; ++i) {
    if (segment(version, i) != segment(wanted, i)) return false;
  }
  return wanted.given > 1 || segment(version, 0) >= segment(wanted, 0);
}

}  // namespace drover::model
