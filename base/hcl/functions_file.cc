#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {
namespace {

template <Result<Datum> (*run)(Files& files, Arguments arguments)>
Result<Datum> with_files(const World& world, Arguments arguments) {
  if (!world.files) return fail(Code::denied, "filesystem function disabled: files can be read only where the job file itself is read from a folder");
  return run(*world.files, arguments);
}

Result<Datum> file(Files& files, Arguments a) {
  DROVER_LET(const std::string text, files.read(a[0].text()));
  if (text.size() > text_bytes_max) return fail(Code::exhausted, "{} is longer than {} bytes", a[0].text(), text_bytes_max);
  if (unicode::first_invalid(text) != std::string::npos) return fail(Code::invalid, "contents of {} are not valid UTF-8; use the filebase64 function instead", a[0].text());
  return Datum(text);
}

Result<Datum> filebase64(Files& files, Arguments a) {
  DROVER_LET(const std::string bytes, files.read(a[0].text()));
  if (bytes.size() > text_bytes_max) return fail(Code::exhausted, "{} is longer than {} bytes", a[0].text(), text_bytes_max);
  return Datum(to_base64(bytes));
}

Result<Datum> fileexists(Files& files, Arguments a) {
  DROVER_LET(const bool exists, files.exists(a[0].text()));
  return Datum(exists);
}

Result<Datum> fileset(Files& files, Arguments a) {
  DROVER_LET(const std::vector<std::string> names, files.match(a[0].text(), a[1].text()));
  Datum::List out;
  for (const std::string& name : names) out.push_back(Datum(name));
  return Datum::set(Kind::string, std::move(out));
}

Result<Datum> abspath(Files& files, Arguments a) {
  DROVER_LET(const std::string path, files.absolute(a[0].text()));
  return Datum(path);
}

Result<Datum> pathexpand(Files& files, Arguments a) {
  const std::string& path = a[0].text();
  if (!path.starts_with('~')) return a[0];
  if (path.size() > 1 && path[1] != '/') return fail(Code::invalid, "cannot expand user-specific home dir");
  DROVER_LET(const std::string home, files.home());
  return Datum(home + path.substr(1));
}

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

Result<Datum> basename(Files&, Arguments a) {
  const std::string_view path = without_trailing_slashes(a[0].text());
  if (path.empty()) return Datum(".");
  if (path == "/") return Datum("/");
  return Datum(path.substr(path.rfind('/') + 1));
}

/// Without empty parts and ".", ".." taken back where it can be.
std::string clean(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) out.append(i ? "/" : "").append(parts[i]);
  return out.empty() ? "." : out;
}

Result<Datum> dirname(Files&, Arguments a) {
  const std::string& path = a[0].text();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return Datum(".");
  return Datum(clean(slash == 0 ? "/" : path.substr(0, slash)));
}

}  // namespace

void add_file_functions(Functions& functions) {
  const Parameter path{"path", Kind::string};
  functions.add("file", {{path}, {}, &with_files<&file>});
  functions.add("filebase64", {{path}, {}, &with_files<&filebase64>});
  functions.add("fileexists", {{path}, {}, &with_files<&fileexists>});
  functions.add("fileset", {{path, {"pattern", Kind::string}}, {}, &with_files<&fileset>});
  functions.add("abspath", {{path}, {}, &with_files<&abspath>});
  functions.add("pathexpand", {{path}, {}, &with_files<&pathexpand>});
  functions.add("basename", {{path}, {}, &with_files<&basename>});
  functions.add("dirname", {{path}, {}, &with_files<&dirname>});
}

}  // namespace drover::hcl::detail
