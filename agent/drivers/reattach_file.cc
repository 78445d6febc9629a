#include "agent/drivers/reattach_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/json/json.h"

namespace drover::agent {

std::optional<ReattachRecord> read_reattach_file(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Result<Value> parsed = json::parse(text);
  if (!parsed) return std::nullopt;
  const auto text_of = [&parsed](const char* name) {
    const Value* found = parsed->find(name);
    return found != nullptr && found->is_text() ? found->text() : std::string();
  };
  const Value* pid = parsed->find("pid");
  const Value* started = parsed->find("start_ticks");
  if (pid == nullptr || !pid->is_integer() || started == nullptr || !started->is_integer()) return std::nullopt;
  ReattachRecord record;
  record.plugin.process.pid = static_cast<int>(pid->integer());
  record.plugin.process.start_ticks = static_cast<std::uint64_t>(started->integer());
  record.plugin.target = text_of("target");
  record.boot_id = text_of("boot_id");
  record.setup = text_of("setup");
  record.driver = text_of("driver");
  if (record.plugin.target.empty() || record.plugin.process.pid <= 1) return std::nullopt;
  return record;
}

Result<void> write_reattach_file(const std::string& path, const ReattachRecord& record) {
  Value value = Value::map();
  value.set("pid", record.plugin.process.pid);
  value.set("start_ticks", static_cast<std::int64_t>(record.plugin.process.start_ticks));
  value.set("target", record.plugin.target);
  value.set("boot_id", record.boot_id);
  value.set("setup", record.setup);
  value.set("driver", record.driver);
  const std::string text = json::write(value) + "\n";

  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!written) return fail(Code::exhausted, "cannot write {}: {}", fresh, std::strerror(error));
  if (rename(fresh.c_str(), path.c_str()) != 0) return fail(Code::internal, "cannot replace {}: {}", path, std::strerror(errno));
  return {};
}

void remove_reattach_file(const std::string& path) { unlink(path.c_str()); }

std::string file_identity(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "absent";
  return text("{}:{}:{}:{}.{}", path, static_cast<unsigned long>(status.st_ino), static_cast<long>(status.st_size),
              static_cast<long>(status.st_mtim.tv_sec), static_cast<long>(status.st_mtim.tv_nsec));
}

}  // namespace drover::agent
