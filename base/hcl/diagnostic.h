#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

/// Where something stands in a configuration text, and what is wrong there.
namespace drover::hcl {

/// A place in a text. Columns count grapheme clusters, so that they match what an editor shows.
struct Position {
  int line = 1;          ///< from 1
  int column = 1;        ///< from 1
  std::size_t byte = 0;  ///< from 0

  friend bool operator==(const Position&, const Position&) = default;
};

/// The text that was read, and its name for messages. Shared by the tree made from it and by diagnostics.
class Source : public std::enable_shared_from_this<Source> {
 public:
  static std::shared_ptr<const Source> make(std::string name, std::string text);
  /// A text that stands, written another way, within `outer`: its places count there, and excerpts show that.
  static std::shared_ptr<const Source> make_within(const Source& outer, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  int line_count() const { return outer_ ? outer_->line_count() : static_cast<int>(line_starts_.size()); }
  /// Line `number` (from 1) without its end; empty beyond the text.
  std::string_view line(int number) const;

 private:
  Source(std::string name, std::string text);

  std::string name_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
  std::shared_ptr<const Source> outer_;
};

/// Half open. Valid while the source is.
struct Range {
  const Source* source = nullptr;
  Position start, end;

  std::string_view text() const;
  friend bool operator==(const Range&, const Range&) = default;
};

/// From the start of the one to the end of the other.
Range between(const Range& first, const Range& last);
/// "job.hcl:7,3-8", or "job.hcl:7,3-9,1" across lines.
std::string to_text(const Range& range);

enum class Severity : std::uint8_t { error, warning };

/// One thing that is wrong: a short summary, and a sentence or more on what to do about it.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string summary;
  std::string detail;
  Range subject;          ///< what is wrong; without a source where there is no text to point at
  std::string within;     ///< the enclosing blocks, such as `job "web", group "app"`; may be empty
  std::shared_ptr<const Source> source;  ///< keeps the text of `subject` alive
};

using Diagnostics = std::vector<Diagnostic>;

/// At most so many are kept for one text: whoever reads more has stopped reading.
constexpr std::size_t diagnostics_max = 200;

void add_error(Diagnostics& out, const Range& subject, std::string summary, std::string detail);
void add_warning(Diagnostics& out, const Range& subject, std::string summary, std::string detail);
bool has_errors(const Diagnostics& diagnostics);

/// "job.hcl:7,11-16: Unsuitable value type; a number is required"
std::string one_line(const Diagnostic& diagnostic);
/// Several lines: the summary, the place, the source line with carets below it, the detail.
std::string render(const Diagnostic& diagnostic);
std::string render(const Diagnostics& diagnostics);

/// ` Did you mean "x"?` for the first candidate that is nearly `given`, otherwise nothing.
std::string did_you_mean(std::string_view given, const std::vector<std::string_view>& candidates);

}  // namespace drover::hcl
