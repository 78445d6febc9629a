#include "agent/files/folders.h"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/files/remove_tree.h"

namespace drover::agent {
namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "drover-files-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { static_cast<void>(remove_tree(path)); }
  std::string path;
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("an allocation's folders have the modes that tasks of any user need", "[agent]") {
  Folder folder;
  const std::string alloc_dir = folder.path + "/alloc";
  const mode_t before = ::umask(077);
  REQUIRE(build_alloc_folders(alloc_dir, "id-1"));
  REQUIRE(build_task_folders(alloc_dir, "id-1", "server", 1));
  ::umask(before);

  const std::string root = alloc_dir + "/id-1";
  CHECK(mode_of(alloc_dir) == 0711);
  CHECK(mode_of(root) == 0755);
  CHECK(mode_of(root + "/alloc") == 0777);
  CHECK(mode_of(root + "/alloc/logs") == 0777);
  CHECK(mode_of(root + "/alloc/data") == 0777);
  CHECK(mode_of(root + "/server/local") == 0777);
  CHECK(mode_of(root + "/server/tmp") == 01777);
  const unsigned secrets = mode_of(root + "/server/secrets");
  CHECK((secrets == 0700 || secrets == 0777));

  std::ofstream(root + "/server/secrets/token") << "x";
  REQUIRE(build_task_folders(alloc_dir, "id-1", "server", 1));
  CHECK(std::filesystem::exists(root + "/server/secrets/token"));
  CHECK(list_alloc_folders(alloc_dir) == std::vector<std::string>{"id-1"});
  REQUIRE(remove_alloc_folder(alloc_dir, "id-1"));
  CHECK(list_alloc_folders(alloc_dir).empty());
}

TEST_CASE("names that would leave the folder are refused", "[agent]") {
  Folder folder;
  for (const char* name : {"", "..", ".", "a/b", "/etc", ".hidden"}) {
    CAPTURE(name);
    CHECK_FALSE(build_alloc_folders(folder.path, name));
    CHECK_FALSE(remove_alloc_folder(folder.path, name));
    REQUIRE(build_alloc_folders(folder.path, "id"));
    CHECK_FALSE(build_task_folders(folder.path, "id", name, 1));
  }
  CHECK_FALSE(build_task_folders(folder.path, "id", "alloc", 1));
}

TEST_CASE("a link in place of a folder is not built through", "[agent]") {
  Folder folder;
  REQUIRE(build_alloc_folders(folder.path, "id"));
  std::filesystem::create_directory(folder.path + "/elsewhere");
  std::filesystem::remove_all(folder.path + "/id/alloc/logs");
  std::filesystem::create_directory_symlink(folder.path + "/elsewhere", folder.path + "/id/alloc/logs");
  CHECK_FALSE(build_alloc_folders(folder.path, "id"));
}

TEST_CASE("deleting follows no link and copes with any depth", "[agent]") {
  Folder folder;
  std::filesystem::create_directory(folder.path + "/keep");
  std::ofstream(folder.path + "/keep/file") << "x";
  const std::string root = folder.path + "/gone";
  std::filesystem::create_directory(root);
  std::filesystem::create_directory_symlink(folder.path + "/keep", root + "/link");
  const std::string start = std::filesystem::current_path();
  std::filesystem::current_path(root);
  for (int depth = 0; depth < 500; ++depth) {
    std::filesystem::create_directory("a-rather-long-name");
    std::filesystem::current_path("a-rather-long-name");
  }
  std::filesystem::current_path(start);

  REQUIRE(remove_tree(root));
  CHECK_FALSE(std::filesystem::exists(root));
  CHECK(std::filesystem::exists(folder.path + "/keep/file"));
  CHECK(remove_tree(root));
}

TEST_CASE("deleting never goes through a mount", "[agent]") {
  if (::geteuid() != 0) {
    WARN("not run: needs root");
    return;
  }
  Folder folder;
  const std::string root = folder.path + "/gone";
  std::filesystem::create_directories(root + "/mounted");
  if (::mount("tmpfs", (root + "/mounted").c_str(), "tmpfs", 0, "size=1m") != 0) {
    WARN("not run: mounts are not allowed here");
    return;
  }
  std::ofstream(root + "/mounted/precious") << "x";

  const Result<void> removed = remove_tree(root);
  CHECK_FALSE(removed);
  CHECK(removed.error().message.find("mounted") != std::string::npos);
  CHECK(std::filesystem::exists(root + "/mounted/precious"));
  ::umount2((root + "/mounted").c_str(), MNT_DETACH);
}

}  // namespace drover::agent
