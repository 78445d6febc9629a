#include "cli/diff_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace drover::cli {
namespace {

constexpr std::size_t level = 2;    ///< blanks of indentation
constexpr int depth_max = 50;       ///< blocks in blocks; deeper ones are not shown

std::string_view marker_of(const Value& part) {
  const std::string type = text_of(part, "Type");
  return type == "Added" ? "+ " : type == "Deleted" ? "- " : type == "Edited" ? "+/- " : "";
}

std::string painted(std::string_view marker, const Paint& paint) {
  return marker.starts_with("+/-") ? paint.yellow(marker) : marker.starts_with("+") ? paint.green(marker) : marker.starts_with("-") ? paint.red(marker) : std::string(marker);
}

/// How wide the markers and names of the parts of one block are, so that they stand in columns.
struct Widths {
  std::size_t marker = 0, name = 0;

  void see(const Value::List& parts, bool with_names) {
    for (const Value& part : parts) {
      marker = std::max(marker, marker_of(part).size());
      if (with_names) name = std::max(name, text_of(part, "Name").size());
    }
  }
};

std::string annotations_of(const Value& part, const Paint& paint) {
  std::string text;
  for (const Value& note : list_of(part, "Annotations")) {
    const std::string words = note.is_text() ? note.text() : "";
    const bool severe = words.find("destroy") != std::string::npos;
    text += (text.empty() ? "" : ", ") + (severe ? paint.red(words) : words.find("create") != std::string::npos ? paint.green(words) : paint.yellow(words));
  }
  return text.empty() ? "" : " (" + text + ")";
}

class Writer {
 public:
  Writer(bool verbose, const Paint& paint) : verbose_(verbose), paint_(paint) {}

  std::string job(const Value& diff) {
    line(0, 0, diff, paint_.bold(fmt::format("Job: \"{}\"", text_of(diff, "ID"))));
    Widths widths = widths_of(diff);
    widths.see(list_of(diff, "TaskGroups"), false);
    if (is_shown(diff)) parts(diff, 0, widths, 0);
    for (const Value& group : list_of(diff, "TaskGroups")) this->group(group, widths.marker);
    text_.pop_back();
    return std::move(text_);
  }

 private:
  static Widths widths_of(const Value& part) {
    Widths widths;
    widths.see(list_of(part, "Fields"), true);
    widths.see(list_of(part, "Objects"), false);
    return widths;
  }

  bool is_shown(const Value& part) const { return verbose_ || text_of(part, "Type") == "Edited"; }

  /// One line: markers of a block end in the same column.
  void line(std::size_t indent, std::size_t marker_width, const Value& part, const std::string& rest) {
    const std::string_view marker = marker_of(part);
    text_.append(indent + marker_width - std::min(marker_width, marker.size()), ' ');
    text_ += painted(marker, paint_) + rest + "\n";
  }

  void group(const Value& group, std::size_t marker_width) {
    std::string updates;
    auto counts = map_of(group, "Updates");
    std::ranges::sort(counts, {}, &Value::Member::first);
    for (const auto& [what, count] : counts) {
      const std::string words = fmt::format("{} {}", count.is_integer() ? count.integer() : 0, what);
      updates += (updates.empty() ? "" : ", ") + (what == "ignore" ? words : what.find("destroy") != std::string::npos ? paint_.red(words) : what == "create" ? paint_.green(words) : paint_.yellow(words));
    }
    line(0, marker_width, group, paint_.bold(fmt::format("Task Group: \"{}\"", text_of(group, "Name"))) + (updates.empty() ? "" : " (" + updates + ")"));
    Widths widths = widths_of(group);
    widths.see(list_of(group, "Tasks"), false);
    if (is_shown(group)) parts(group, level, widths, 0);
    for (const Value& task : list_of(group, "Tasks")) this->task(task, widths.marker);
  }

  void task(const Value& task, std::size_t marker_width) {
    line(level, marker_width, task, paint_.bold(fmt::format("Task: \"{}\"", text_of(task, "Name"))) + annotations_of(task, paint_));
    const bool unchanged = text_of(task, "Type") == "None";
    if (is_shown(task) && !unchanged) parts(task, 2 * level, widths_of(task), 0);
  }

  /// Fields and blocks.
  void parts(const Value& part, std::size_t indent, const Widths& widths, int depth) {
    for (const Value& field : list_of(part, "Fields")) {
      const std::string name = text_of(field, "Name"), type = text_of(field, "Type");
      const std::string old = "\"" + text_of(field, "Old") + "\"", now = "\"" + text_of(field, "New") + "\"";
      const std::string value = type == "Deleted" ? old : type == "Edited" ? old + " => " + now : now;
      line(indent, widths.marker, field, name + ":" + std::string(widths.name - std::min(widths.name, name.size()) + 1, ' ') + value + annotations_of(field, paint_));
    }
    for (const Value& object : list_of(part, "Objects")) {
      if (depth == depth_max) continue;
      line(indent, widths.marker, object, text_of(object, "Name") + " {");
      parts(object, indent + widths.marker - marker_of(object).size() + level, widths_of(object), depth + 1);
      text_.append(indent + widths.marker, ' ');
      text_ += "}\n";
    }
  }

  bool verbose_;
  const Paint& paint_;
  std::string text_;
};

}  // namespace

std::string job_diff_text(const Value& diff, bool verbose, const Paint& paint) { return Writer(verbose, paint).job(diff); }

}  // namespace drover::cli
