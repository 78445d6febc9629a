#include "base/hcl/disk_files.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "base/hcl/functions_impl.h"

namespace drover::hcl {
namespace {

namespace fs = std::filesystem;

/// A folder with some files, gone with the test.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("drover-hcl-files-" + std::to_string(::getpid()));

  Folder() {
    fs::create_directories(path / "conf" / "deep");
    for (const char* name : {"a.txt", "conf/b.txt", "conf/deep/c.txt", "conf/deep/d.md"}) std::ofstream(path / name) << name;
  }
  ~Folder() { fs::remove_all(path); }
};

TEST_CASE("patterns of files mean what shells mean by them", "[hcl][files]") {
  for (const auto& [path, pattern] : {std::pair("a.txt", "*.txt"), {"a.txt", "?.txt"}, {"a.txt", "[a-c].txt"}, {"a.txt", "[!x].txt"}, {"d/a.txt", "*/a.txt"}, {"d/e/a.txt", "**/a.txt"}, {"a.txt", "**"},
                                      {"a.txt", "**/*.txt"}, {"a.md", "*.{txt,md}"}, {"[x", "[x"}, {"a", "[ab]"}}) {
    INFO(path << " and " << pattern);
    CHECK(path_matches(path, pattern));
  }
  for (const auto& [path, pattern] : {std::pair("d/a.txt", "*.txt"), {"a.txt", "[^a].txt"}, {"d/a", "d?a"}, {"d/a", "d[/]a"}, {"a.txt", "*.{md,cc}"}, {"a", "{a"}, {"", "a"}, {"ab", "a"}, {"a", "ab"}}) {
    INFO(path << " and " << pattern);
    CHECK_FALSE(path_matches(path, pattern));
  }
}

TEST_CASE("a pattern that could be tried without end is given up", "[hcl][files][bad]") {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "*a";
  CHECK_FALSE(path_matches(std::string(100, 'a') + "b", pattern + "c"));
}

TEST_CASE("files of a folder are read and found, and what is no file is told from what is missing", "[hcl][files]") {
  const Folder folder;
  DiskFiles files(folder.path.string(), folder.path.string() + "/conf");

  CHECK(files.read("a.txt").value() == "a.txt");
  CHECK(files.read("~/b.txt").value() == "conf/b.txt");
  CHECK(files.read("none").error() == Error{Code::not_found, "no file exists at none"});
  CHECK(files.read("conf").error() == Error{Code::invalid, "conf is not a regular file"});
  CHECK(files.exists("conf/b.txt").value());
  CHECK_FALSE(files.exists("none").value());
  CHECK(files.exists("conf").error() == Error{Code::invalid, "conf is not a regular file"});
  CHECK(files.match("conf", "**/*.txt").value() == std::vector<std::string>{"b.txt", "deep/c.txt"});
  CHECK(files.match("none", "*").value().empty());
  CHECK(files.absolute("conf/../a.txt").value() == (folder.path / "a.txt").string());
  CHECK(files.absolute("conf/").value() == (folder.path / "conf").string());
  CHECK(files.home().value() == folder.path.string() + "/conf");
  CHECK(DiskFiles(".", "").home().error().code == Code::not_found);
}

TEST_CASE("a file that is longer than any text may be is not read", "[hcl][files][bad]") {
  const Folder folder;
  std::ofstream(folder.path / "a.txt").close();
  fs::resize_file(folder.path / "a.txt", detail::text_bytes_max + 1);

  CHECK(DiskFiles(folder.path.string(), "").read("a.txt").error() == Error{Code::exhausted, "a.txt is longer than 16777216 bytes"});
}

}  // namespace
}  // namespace drover::hcl
