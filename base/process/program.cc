#include "base/process/program.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process/process_id.h"

namespace drover {

namespace {

#if defined(__x86_64__)
constexpr int own_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int own_machine = EM_AARCH64;
#elif defined(__riscv)
constexpr int own_machine = EM_RISCV;
#else
constexpr int own_machine = EM_NONE;  // not compared
#endif

std::string machine_name(int machine) {
  switch (machine) {
    case EM_X86_64: return "x86_64";
    case EM_386: return "i386";
    case EM_AARCH64: return "aarch64";
    case EM_ARM: return "arm";
    case EM_RISCV: return "riscv";
    case EM_PPC64: return "ppc64";
    case EM_S390: return "s390";
    default: return text("machine {}", machine);
  }
}

bool runs_here(int machine) { return own_machine == EM_NONE || machine == own_machine || (own_machine == EM_X86_64 && machine == EM_386); }

Result<void> check_content(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return {};  // executable, though not readable: only execve can tell
  Elf64_Ehdr header{};
  const ssize_t got = ::read(fd.get(), &header, sizeof header);
  const auto* bytes = reinterpret_cast<const char*>(&header);
  if (got >= 2 && std::memcmp(bytes, "#!", 2) == 0) return {};
  if (got < static_cast<ssize_t>(EI_NIDENT) + 4 || std::memcmp(bytes, ELFMAG, SELFMAG) != 0)
    return fail(Code::invalid, "is neither a program nor a script");
  if (!runs_here(header.e_machine)) return fail(Code::invalid, "is built for another machine ({})", machine_name(header.e_machine));
  return {};
}

}  // namespace

Result<void> check_executable(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return fail(Code::not_found, "is missing");
    return fail(Code::denied, "cannot be reached: {}", std::strerror(errno));
  }
  if (S_ISDIR(info.st_mode)) return fail(Code::invalid, "is a folder");
  if (!S_ISREG(info.st_mode)) return fail(Code::invalid, "is not a file");
  if (::access(path.c_str(), X_OK) != 0) return fail(Code::denied, "is not executable");
  return check_content(path);
}

Result<std::string> own_program_folder() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return fail(Code::internal, "read /proc/self/exe: {}", std::strerror(errno));
  const std::string whole(path, static_cast<std::size_t>(size));
  return whole.substr(0, whole.rfind('/'));
}

}  // namespace drover
