#include "agent/logs/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drover::agent::logs {

namespace {

constexpr std::uint64_t look_bytes_max = 64 * 1024;  // what the looking pipe holds
constexpr std::uint64_t rest_without_split = 32 * 1024;  // a line that does not fit into less goes to the next file whole
constexpr std::uint64_t number_max = 1'000'000'000;  // beyond it, a file is not of ours
constexpr int taken_numbers_max = 100;  // files that are not ours under our names, one after the other

/// N of "<name>.N".
std::optional<std::uint64_t> number_of(std::string_view file, std::string_view name) {
  if (file.size() < name.size() + 2 || !file.starts_with(name) || file[name.size()] != '.') return std::nullopt;
  const std::string_view digits = file.substr(name.size() + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool plain = (digits.size() == 1 || digits.front() != '0') && number <= number_max;
  if (error != std::errc{} || end != digits.data() + digits.size() || !plain) return std::nullopt;
  return number;
}

std::vector<std::uint64_t> numbers_in(int folder, std::string_view name) {
  std::vector<std::uint64_t> numbers;
  // A descriptor of its own: reading moves a position that copies share.
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) ::close(fd);
    return numbers;
  }
  while (const dirent* entry = ::readdir(entries))
    if (const auto number = number_of(entry->d_name, name)) numbers.push_back(*number);
  ::closedir(entries);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

Result<LogStream> LogStream::open(int folder, std::string name, Fd fifo, Limits limits) {
  LogStream stream;
  stream.folder_ = Fd(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
  if (!stream.folder_.is_open()) return fail(Code::exhausted, "keep the folder of {}: {}", name, std::strerror(errno));
  stream.name_ = std::move(name);
  stream.fifo_ = std::move(fifo);
  stream.set_limits(limits);
  DROVER_TRY(stream.open_newest());
  return stream;
}

bool LogStream::reads_from(int fd) const {
  struct stat mine {}, other {};
  return ::fstat(fifo_.get(), &mine) == 0 && ::fstat(fd, &other) == 0 && mine.st_dev == other.st_dev && mine.st_ino == other.st_ino;
}

Result<void> LogStream::open_newest() {
  const auto numbers = numbers_in(folder_.get(), name_);
  return open_file(numbers.empty() ? 0 : numbers.back(), false);
}

/// Others may shorten or delete the file: it goes on where it ends now.
Result<void> LogStream::look_at_file() {
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return fail(Code::internal, "look at {}.{}: {}", name_, number_, std::strerror(errno));
  size_ = static_cast<std::uint64_t>(info.st_size);
  return info.st_nlink > 0 ? Result<void>() : open_file(number_, false);
}

/// A task can write into its log folder: whatever is not a plain file of one name is passed over.
Result<void> LogStream::open_file(std::uint64_t number, bool must_be_new) {
  for (int taken = 0; taken < taken_numbers_max; ++taken, ++number) {
    const std::string file_name = text("{}.{}", name_, number);
    const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (must_be_new ? O_EXCL : 0);
    Fd file(::openat(folder_.get(), file_name.c_str(), flags, 0644));
    if (!file.is_open() && errno != EEXIST && errno != ELOOP && errno != ENXIO && errno != EISDIR)
      return fail(is_full(errno) ? Code::exhausted : Code::unavailable, "create {}: {}", file_name, std::strerror(errno));
    struct stat info {};
    if (!file.is_open() || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) continue;
    ::fchmod(file.get(), 0644);
    file_ = std::move(file);
    number_ = number;
    size_ = static_cast<std::uint64_t>(info.st_size);
    return {};
  }
  return fail(Code::conflict, "create {}.{}: {} names are taken", name_, number, taken_numbers_max);
}

Result<void> LogStream::rotate() {
  DROVER_TRY(open_file(number_ + 1, true));
  delete_old();
  return {};
}

void LogStream::delete_old() const {
  const auto numbers = numbers_in(folder_.get(), name_);
  const std::size_t kept = std::max<std::size_t>(limits_.files_max, 1);
  for (std::size_t i = 0; i + kept < numbers.size(); ++i) ::unlinkat(folder_.get(), text("{}.{}", name_, numbers[i]).c_str(), 0);
}

/// How many of the next `available` bytes belong into this file, which cannot take them all. 0: none, rotate first.
Result<std::uint64_t> LogStream::bytes_up_to_line_end(std::uint64_t available) {
  if (!look_out_.is_open()) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail(Code::exhausted, "look at the output of {}: {}", name_, std::strerror(errno));
    look_out_ = Fd(ends[0]);
    look_in_ = Fd(ends[1]);
  }
  const std::uint64_t room = limits_.file_size_max > size_ ? limits_.file_size_max - size_ : 0;
  const std::uint64_t wanted = std::min({room, available, look_bytes_max});
  if (wanted == 0) return 0;
  const ssize_t copied = ::tee(fifo_.get(), look_in_.get(), wanted, SPLICE_F_NONBLOCK);
  if (copied <= 0) return fail(Code::internal, "look at the output of {}: {}", name_, std::strerror(errno));
  std::string copy(static_cast<std::size_t>(copied), '\0');
  std::size_t got = 0;
  while (got < copy.size()) {
    const ssize_t part = ::read(look_out_.get(), copy.data() + got, copy.size() - got);
    if (part <= 0) return fail(Code::internal, "look at the output of {}: {}", name_, std::strerror(errno));
    got += static_cast<std::size_t>(part);
  }
  const auto line_end = copy.rfind('\n');
  if (line_end != std::string::npos) return line_end + 1;
  const bool may_wait = room <= rest_without_split && size_ > 0;
  return may_wait ? 0 : copy.size();
}

Result<LogStream::Moved> LogStream::splice_exactly(std::uint64_t bytes) {
  while (bytes > 0) {
    loff_t at = static_cast<loff_t>(size_);
    const ssize_t moved = ::splice(fifo_.get(), nullptr, file_.get(), &at, bytes, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (moved == 0 || (moved < 0 && errno == EAGAIN)) return Moved::all;
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0 && is_full(errno)) return Moved::stuck;
    if (moved < 0) return fail(Code::unavailable, "write {}.{}: {}", name_, number_, std::strerror(errno));
    size_ += static_cast<std::uint64_t>(moved);
    bytes -= static_cast<std::uint64_t>(moved);
  }
  return Moved::some;
}

Result<LogStream::Moved> LogStream::move(std::uint64_t bytes_max) {
  DROVER_TRY(look_at_file());
  for (std::uint64_t moved = 0; moved < bytes_max;) {
    int waiting = 0;
    if (::ioctl(fifo_.get(), FIONREAD, &waiting) != 0) return fail(Code::internal, "look at the FIFO of {}: {}", name_, std::strerror(errno));
    if (waiting == 0) return Moved::all;
    const auto available = static_cast<std::uint64_t>(waiting);
    std::uint64_t wanted = available;
    if (size_ + available > limits_.file_size_max) {
      DROVER_LET(wanted, bytes_up_to_line_end(available));
      if (wanted == 0) {
        const auto rotated = rotate();
        if (!rotated.ok() && rotated.error().code == Code::exhausted) return Moved::stuck;
        DROVER_TRY(rotated);
        continue;
      }
    }
    DROVER_LET(const Moved state, splice_exactly(wanted));
    if (state != Moved::some) return state;
    moved += wanted;
  }
  return Moved::some;
}

}  // namespace drover::agent::logs
