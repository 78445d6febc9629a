#include "agent/http/send_file.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "agent/http/frames.h"
#include "agent/http/log_files.h"

namespace drover::agent {
namespace {

constexpr Duration look_interval = 100ms;
constexpr Duration heartbeat_interval = 1s;
constexpr const char* log_folder = "alloc/logs";

/// Writes pieces as the plan says, and beats when nothing was written for a while.
class Writer {
 public:
  Writer(const SendPlan& plan, http::StreamWriter& out)
      : loop_(*plan.loop), framed_(plan.framed), out_(out), last_(plan.loop->uptime()) {}

  /// `offset` is where the data ends.
  Async<bool> write(std::string data, std::string file, std::uint64_t offset) {
    const Frame frame{data, file, "", offset};
    std::string bytes = framed_ ? write_frame(frame) : std::move(data);
    co_return co_await send(std::move(bytes));
  }
  Async<bool> event(std::string file, std::string what) {
    if (!framed_) co_return true;
    const Frame frame{"", file, what, 0};
    std::string bytes = write_frame(frame);
    co_return co_await send(std::move(bytes));
  }
  /// Waits for the next look.
  Async<bool> pause() {
    const bool slept = co_await loop_.sleep(look_interval);
    if (!slept) co_return false;
    if (!framed_ || loop_.uptime() - last_ < heartbeat_interval) co_return true;
    std::string beat = "{}";
    co_return co_await send(std::move(beat));
  }

 private:
  Async<bool> send(std::string bytes) {
    last_ = loop_.uptime();
    const bool written = co_await out_.write(std::move(bytes));
    if (!written) co_return false;
    co_return co_await out_.flush();
  }

  Loop& loop_;
  const bool framed_;
  http::StreamWriter& out_;
  Duration last_;
};

/// One look at an open file: what is at `offset`, and how long it is.
struct Look {
  std::string data;
  std::uint64_t size = 0;
};

Async<Result<Look>> look(SendPlan plan, std::shared_ptr<Fd> file, std::uint64_t offset, std::size_t bytes_max) {
  std::function<Result<Look>()> work = [file, offset, bytes_max]() -> Result<Look> {
    DROVER_LET(const std::uint64_t size, file_size(file->get()));
    DROVER_LET(std::string data, read_at(file->get(), offset, bytes_max));
    return Look{std::move(data), size};
  };
  Result<Result<Look>> done = co_await run_on_pool<Result<Look>>(*plan.workers, *plan.loop, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<Result<std::shared_ptr<Fd>>> open_off_loop(SendPlan plan, std::string path) {
  std::function<Result<std::shared_ptr<Fd>>()> work = [folder = plan.folder, path]() -> Result<std::shared_ptr<Fd>> {
    DROVER_LET(Fd fd, folder.open_file(path));
    return std::make_shared<Fd>(std::move(fd));
  };
  using Opened = Result<std::shared_ptr<Fd>>;
  Result<Opened> done = co_await run_on_pool<Opened>(*plan.workers, *plan.loop, std::move(work));
  if (!done) co_return std::move(done).error();
  co_return std::move(done).value();
}

Async<std::vector<LogFile>> list_log(SendPlan plan, std::string prefix) {
  std::function<std::vector<LogFile>()> work = [folder = plan.folder, prefix] {
    std::vector<LogFile> files;
    for (const std::string& name : folder.names(log_folder, prefix)) {
      const auto index = log_index(name, prefix);
      const Result<FileInfo> info = folder.stat(std::string(log_folder) + "/" + name);
      if (index && info) files.push_back({*index, static_cast<std::uint64_t>(info->size)});
    }
    std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) { return a.index < b.index; });
    return files;
  };
  Result<std::vector<LogFile>> done =
      co_await run_on_pool<std::vector<LogFile>>(*plan.workers, *plan.loop, std::move(work));
  co_return done ? std::move(done).value() : std::vector<LogFile>();
}

/// The file after `index`, when there is one.
std::optional<std::uint64_t> next_index(const std::vector<LogFile>& files, std::uint64_t index) {
  const auto next =
      std::find_if(files.begin(), files.end(), [index](const LogFile& file) { return file.index > index; });
  return next == files.end() ? std::nullopt : std::optional(next->index);
}

}  // namespace

Async<bool> send_file(SendPlan plan, std::string path, std::uint64_t limit, http::StreamWriter& out) {
  Writer writer(plan, out);
  const Result<std::shared_ptr<Fd>> file = co_await open_off_loop(plan, path);
  if (!file) co_return false;
  std::uint64_t offset = plan.offset;
  if (plan.from_end) {
    const Result<Look> first = co_await look(plan, *file, 0, 0);
    if (!first) co_return false;
    offset = first->size > plan.offset ? first->size - plan.offset : 0;
  }
  while (limit > 0) {
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(limit, frame_bytes_max));
    Result<Look> seen = co_await look(plan, *file, offset, wanted);
    if (!seen) co_return false;
    if (!seen->data.empty()) {
      offset += seen->data.size();
      limit -= seen->data.size();
      const bool written = co_await writer.write(std::move(seen->data), path, offset);
      if (!written) co_return false;
      continue;
    }
    if (!plan.follow) co_return true;
    if (seen->size < offset) {
      offset = 0;
      const bool told = co_await writer.event(path, "file truncated");
      if (!told) co_return false;
      continue;
    }
    const bool paused = co_await writer.pause();
    if (!paused) co_return false;
    const Result<std::shared_ptr<Fd>> still = co_await open_off_loop(plan, path);
    if (!still) co_return co_await writer.event(path, "file deleted");
  }
  co_return true;
}

Async<bool> send_log(SendPlan plan, std::string prefix, std::function<bool()> ended, http::StreamWriter& out) {
  Writer writer(plan, out);
  std::vector<LogFile> files = co_await list_log(plan, prefix);
  LogPlace place = find_place(files, plan.offset, plan.from_end);
  std::shared_ptr<Fd> file;
  bool nothing_more = false;  // it was over before this look began
  for (;;) {
    const std::string path = std::string(log_folder) + "/" + prefix + std::to_string(place.index);
    if (!file) {
      Result<std::shared_ptr<Fd>> opened = co_await open_off_loop(plan, path);
      if (opened) file = std::move(opened).value();
    }
    if (file) {
      Result<Look> seen = co_await look(plan, file, place.offset, frame_bytes_max);
      if (!seen) co_return false;
      if (!seen->data.empty()) {
        place.offset += seen->data.size();
        const bool written = co_await writer.write(std::move(seen->data), path, place.offset);
        if (!written) co_return false;
        continue;
      }
    }
    // The next file begins only when this one is whole: look once more at what may have come in between.
    files = co_await list_log(plan, prefix);
    if (const auto next = next_index(files, place.index)) {
      if (file) {
        Result<Look> rest = co_await look(plan, file, place.offset, frame_bytes_max);
        if (!rest) co_return false;
        if (!rest->data.empty()) continue;
      }
      place = {*next, 0};
      file.reset();
      continue;
    }
    if (!plan.follow || nothing_more) co_return true;
    nothing_more = ended();
    const bool paused = co_await writer.pause();
    if (!paused) co_return false;
  }
}

}  // namespace drover::agent
