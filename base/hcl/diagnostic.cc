#include "base/hcl/diagnostic.h"

#include <algorithm>

#include "base/hcl/unicode.h"

namespace drover::hcl {
namespace {

/// How far apart two names may be for one to be a likely misspelling of the other.
constexpr std::size_t suggestion_distance_max = 3;
/// Lines of an excerpt: a block that spans a page is named, not printed.
constexpr int excerpt_lines_max = 4;
constexpr std::size_t excerpt_columns_max = 160;

void append_number(std::string& out, int number) {
  const std::string text = std::to_string(number);
  out.append(text.size() < 4 ? 4 - text.size() : 0, ' ').append(text);
}

/// The white space that moves a caret below a column: tabs stay tabs, so that it lines up in any editor.
std::string margin(std::string_view line, int column) {
  std::string out;
  for (int at = 1; at < column && !line.empty(); ++at) {
    const std::size_t bytes = unicode::cluster_length(line);
    out.push_back(line[0] == '\t' ? '\t' : ' ');
    line.remove_prefix(bytes);
  }
  return out;
}

void append_excerpt(std::string& out, const Range& range) {
  const int last = std::min({range.end.line, range.start.line + excerpt_lines_max - 1, range.source->line_count()});
  for (int number = range.start.line; number <= std::max(last, range.start.line); ++number) {
    const std::string_view line = range.source->line(number);
    if (number > range.start.line && number == range.end.line && range.end.column == 1) break;
    append_number(out, number);
    out.append(": ").append(line.substr(0, excerpt_columns_max)).push_back('\n');
    const int from = number == range.start.line ? range.start.column : 1;
    const int line_end = static_cast<int>(unicode::count_clusters(line)) + 1;
    const int to = number == range.end.line ? range.end.column : line_end;
    if (line.size() > excerpt_columns_max) continue;
    out.append(6, ' ').append(margin(line, from)).append(static_cast<std::size_t>(std::max(1, to - from)), '^').push_back('\n');
  }
}

}  // namespace

Source::Source(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
}

std::shared_ptr<const Source> Source::make(std::string name, std::string text) {
  return std::shared_ptr<const Source>(new Source(std::move(name), std::move(text)));
}

std::shared_ptr<const Source> Source::make_within(const Source& outer, std::string text) {
  const std::shared_ptr<Source> inner(new Source(outer.name(), std::move(text)));
  inner->outer_ = outer.shared_from_this();
  return inner;
}

std::string_view Source::line(int number) const {
  if (outer_) return outer_->line(number);
  if (number < 1 || number > line_count()) return {};
  const std::size_t start = line_starts_[static_cast<std::size_t>(number - 1)];
  const std::size_t end = number < line_count() ? line_starts_[static_cast<std::size_t>(number)] - 1 : text_.size();
  std::string_view line = std::string_view(text_).substr(start, end - start);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string_view Range::text() const {
  return source ? std::string_view(source->text()).substr(start.byte, end.byte - start.byte) : std::string_view{};
}

Range between(const Range& first, const Range& last) { return Range{first.source, first.start, last.end}; }

std::string to_text(const Range& range) {
  const std::string_view name = range.source ? std::string_view(range.source->name()) : std::string_view("?");
  const Position &a = range.start, &b = range.end;
  if (a.line == b.line) return text("{}:{},{}-{}", name, a.line, a.column, b.column);
  return text("{}:{},{}-{},{}", name, a.line, a.column, b.line, b.column);
}

namespace {

void add(Diagnostics& out, Severity severity, const Range& subject, std::string summary, std::string detail) {
  if (out.size() >= diagnostics_max) return;
  // What is expanded or repeated fails for each element in the same way: once is enough.
  if (!out.empty() && out.back().subject == subject && out.back().summary == summary && out.back().detail == detail) return;
  Diagnostic d{severity, std::move(summary), std::move(detail), subject, {}, {}};
  if (subject.source) d.source = subject.source->shared_from_this();
  out.push_back(std::move(d));
}

}  // namespace

void add_error(Diagnostics& out, const Range& subject, std::string summary, std::string detail) {
  add(out, Severity::error, subject, std::move(summary), std::move(detail));
}

void add_warning(Diagnostics& out, const Range& subject, std::string summary, std::string detail) {
  add(out, Severity::warning, subject, std::move(summary), std::move(detail));
}

bool has_errors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string one_line(const Diagnostic& d) {
  const std::string where = d.subject.source ? to_text(d.subject) + ": " : "";
  return where + d.summary + (d.detail.empty() ? "" : "; " + d.detail);
}

std::string render(const Diagnostic& d) {
  std::string out = (d.severity == Severity::error ? "Error: " : "Warning: ") + d.summary + "\n";
  if (d.subject.source) {
    const Position& at = d.subject.start;
    out += text("\n  {}:{}:{}", d.subject.source->name(), at.line, at.column);
    if (!d.within.empty()) out += ", in " + d.within;
    out += "\n";
    append_excerpt(out, d.subject);
  }
  if (!d.detail.empty()) out += "\n" + d.detail + "\n";
  return out;
}

std::string render(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += (out.empty() ? "" : "\n") + render(d);
  return out;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = suggestion_distance_max;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = unicode::edit_distance(given, candidate, suggestion_distance_max);
    if (distance >= best_distance || distance >= std::max(given.size(), candidate.size())) continue;
    best = candidate;
    best_distance = distance;
  }
  return best.empty() ? "" : text(" Did you mean \"{}\"?", best);
}

}  // namespace drover::hcl
