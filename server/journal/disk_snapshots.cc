#include "server/journal/disk_snapshots.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/file/checksum.h"
#include "base/file/durable_file.h"

namespace drover::server {

namespace {

namespace fs = std::filesystem;

// A file is: magic, index (8 bytes), body, size of the body (8 bytes), checksum of all before it (4 bytes).
constexpr std::string_view magic = "drover snapshot 1\n";
constexpr std::size_t head_size = magic.size() + 8;
constexpr std::size_t tail_size = 8 + 4;
constexpr std::string_view prefix = "snapshot-";
constexpr std::string_view suffix = ".drover";
constexpr std::size_t digits = 20;  // so that names sort as their numbers

std::string number_bytes(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::uint64_t number_from(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

struct Found {
  Index index = 0;
  fs::path path;
};

std::string name_of(Index index) {
  const std::string number = std::to_string(index);
  return text("{}{}{}{}", prefix, std::string(digits - number.size(), '0'), number, suffix);
}

/// Newest first.
Result<std::vector<Found>> list(const fs::path& folder) {
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    Index index = 0;
    if (name.size() != prefix.size() + digits + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const char* first = name.data() + prefix.size();
    if (std::from_chars(first, first + digits, index).ptr == first + digits) found.push_back(Found{index, at->path()});
  }
  if (error) return fail(Code::unavailable, "list '{}': {}", folder.string(), error.message());
  std::ranges::sort(found, std::greater(), &Found::index);
  return found;
}

Result<Index> write(const fs::path& folder, Index index, const SnapshotBody& body) {
  DROVER_LET(DurableFile file, DurableFile::create(folder / name_of(index)));
  std::uint32_t checksum = 0;
  std::uint64_t size = 0;
  const auto put = [&file, &checksum, &size](std::string_view piece) {
    checksum = crc32(piece, checksum);
    size += piece.size();
    return file.write(piece);
  };
  DROVER_TRY(put(magic));
  DROVER_TRY(put(number_bytes(index, 8)));
  size = 0;
  DROVER_TRY(body(put));
  DROVER_TRY(put(number_bytes(size, 8)));
  DROVER_TRY(file.write(number_bytes(checksum, 4)));
  DROVER_TRY(file.commit());

  DROVER_LET(const std::vector<Found> found, list(folder));
  for (std::size_t i = snapshots_kept; i < found.size(); ++i) {
    std::error_code ignored;  // tried again after the next one
    fs::remove(found[i].path, ignored);
  }
  return found[std::min(snapshots_kept, found.size()) - 1].index;
}

Result<std::string> read(const Found& found) {
  DROVER_LET(std::string bytes, read_file(found.path, DiskSnapshots::bytes_max));
  const auto damaged = [&found](std::string_view what) { return fail(Code::internal, "'{}' is damaged: {}", found.path.string(), what); };
  if (bytes.size() < head_size + tail_size) return damaged("it is cut short");
  const std::string_view all = bytes;
  const std::string_view tail = all.substr(all.size() - tail_size);
  const std::size_t body_size = all.size() - head_size - tail_size;
  if (number_from(tail.substr(8)) != crc32(all.substr(0, all.size() - 4))) return damaged("it does not match its checksum");
  if (!all.starts_with(magic)) return fail(Code::unsupported, "'{}' was written by a newer drover: install that one again", found.path.string());
  if (number_from(tail.substr(0, 8)) != body_size) return damaged("it is cut short");
  if (number_from(all.substr(magic.size(), 8)) != found.index) return damaged("its name is that of another one");
  bytes.resize(head_size + body_size);
  bytes.erase(0, head_size);
  return bytes;
}

Result<LoadedSnapshot> load(const fs::path& folder) {
  LoadedSnapshot loaded;
  DROVER_LET(const std::vector<Found> found, list(folder));
  for (const Found& each : found) {
    Result<std::string> bytes = read(each);
    if (bytes) {
      loaded.index = each.index;
      loaded.bytes = *std::move(bytes);
      return loaded;
    }
    if (bytes.error().code == Code::unsupported) return std::move(bytes).error();
    loaded.damaged.push_back(bytes.error().message);
  }
  if (loaded.damaged.empty()) return loaded;
  std::string all;
  for (const std::string& each : loaded.damaged) all += (all.empty() ? "" : "; ") + each;
  return fail(Code::internal, "no snapshot can be read: {}: put back a backup of '{}'", all, folder.string());
}

}  // namespace

DiskSnapshots::DiskSnapshots(Loop& loop, fs::path folder) : loop_(loop), folder_(std::move(folder)), thread_(1) {}

Async<Result<Index>> DiskSnapshots::save(Index index, SnapshotBody body) {
  const std::function<Result<Index>()> work = [folder = folder_, index, body] { return write(folder, index, body); };
  Result<Result<Index>> answer = co_await run_on_pool<Result<Index>>(thread_, loop_, work);
  if (!answer) co_return std::move(answer).error();
  co_return *std::move(answer);
}

Async<Result<LoadedSnapshot>> DiskSnapshots::load_newest() {
  const std::function<Result<LoadedSnapshot>()> work = [folder = folder_] { return load(folder); };
  Result<Result<LoadedSnapshot>> answer = co_await run_on_pool<Result<LoadedSnapshot>>(thread_, loop_, work);
  if (!answer) co_return std::move(answer).error();
  co_return *std::move(answer);
}

}  // namespace drover::server
