#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"
#include "base/hcl/yaml.h"

namespace drover::hcl::detail {
namespace {

/// Writes block style: keys and texts in quotes, texts of several lines as literal blocks.
class YamlWriter {
 public:
  Result<std::string> write(const Datum& datum) {
    if (is_block(datum)) {
      DROVER_TRY(block(datum, 0, false));
      return std::move(out_);
    }
    DROVER_TRY(scalar(datum, 0));
    const bool quoted = datum.is_string() || datum.is_sequence() || datum.is_mapping();
    out_ += out_.ends_with('\n') ? "" : "\n";
    return std::move(out_) + (quoted ? "" : "...\n");
  }

 private:
  static bool is_block(const Datum& datum) { return (datum.is_sequence() && !datum.items().empty()) || (datum.is_mapping() && !datum.members().empty()); }

  /// `started`: the first entry stands behind a dash already.
  Result<void> block(const Datum& datum, std::size_t indent, bool started) {
    if (out_.size() > text_bytes_max) return fail(Code::exhausted, "the result is longer than {} bytes", text_bytes_max);
    const auto begin = [&] {
      if (!started) out_.append(indent, ' ');
      started = false;
    };
    if (datum.is_sequence()) {
      for (const Datum& item : datum.items()) {
        begin();
        out_ += "- ";
        DROVER_TRY(is_block(item) ? block(item, indent + 2, true) : line(item, indent));
      }
      return {};
    }
    for (const auto& [name, item] : datum.members()) {
      begin();
      quote(name);
      out_ += ":";
      if (is_block(item)) {
        out_ += "\n";
        DROVER_TRY(block(item, item.is_sequence() ? indent : indent + 2, false));
      } else {
        out_ += " ";
        DROVER_TRY(line(item, indent));
      }
    }
    return {};
  }

  Result<void> line(const Datum& datum, std::size_t indent) {
    DROVER_TRY(scalar(datum, indent));
    if (!out_.ends_with('\n')) out_ += "\n";
    return {};
  }

  Result<void> scalar(const Datum& datum, std::size_t indent) {
    if (datum.is_sequence()) return out_ += "[]", Result<void>();
    if (datum.is_mapping()) return out_ += "{}", Result<void>();
    if (datum.is_string()) return text(datum.text(), indent), Result<void>();
    DROVER_LET(const std::string plain, json_text(datum));
    return out_ += plain, Result<void>();
  }

  void text(std::string_view text, std::size_t indent) {
    const bool literal = text.find('\n') != std::string_view::npos && text[0] != ' ' && text[0] != '\n' && text.find('\r') == std::string_view::npos;
    if (!literal) return quote(text);
    out_ += text.ends_with("\n\n") ? "|+\n" : text.ends_with('\n') ? "|\n" : "|-\n";
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (end > 0) out_.append(indent + 2, ' ');
      out_.append(text.substr(0, end)).push_back('\n');
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void quote(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    out_.push_back('"');
    while (!text.empty()) {
      const unicode::Decoded d = unicode::decode(text);
      const std::size_t bytes = std::max<std::size_t>(d.bytes, 1);
      const char c = text[0];
      if (c == '"' || c == '\\') {
        out_.append({'\\', c});
      } else if (c == '\n' || c == '\t' || c == '\r' || c == '\0') {
        out_.append({'\\', c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : '0'});
      } else if (d.code < 0x20 || d.code == 0x7F) {
        out_.append({'\\', 'x', digits[d.code >> 4], digits[d.code & 15]});
      } else if (d.code > 0xFFFF) {
        out_ += "\\U";
        for (int shift = 28; shift >= 0; shift -= 4) out_.push_back(digits[(d.code >> shift) & 15]);
      } else {
        out_.append(text.substr(0, bytes));
      }
      text.remove_prefix(bytes);
    }
    out_.push_back('"');
  }

  std::string out_;
};

Result<Datum> yamlencode(const World&, Arguments a) {
  DROVER_LET(const std::string text, YamlWriter().write(a[0]));
  return Datum(text);
}

}  // namespace

void add_yaml_functions(Functions& functions) {
  functions.add("yamlencode", {{{"value", Kind::dynamic, true}}, {}, &yamlencode});
  functions.add("yamldecode", {{{"src", Kind::string}}, {}, [](const World&, Arguments a) -> Result<Datum> { return read_yaml(a[0].text()); }});
}

}  // namespace drover::hcl::detail
