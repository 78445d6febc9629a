#include "plugins/docker/http.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "plugins/docker/curl_handle.h"

namespace drover::docker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t body_max = 32U << 20;
constexpr int idle_wait_ms = 10'000;

/// One transfer. Lives on the client's thread.
struct Transfer {
  CurlHandle handle;
  StreamEvents events;
  bool head_seen = false;
  bool head_whole = false;  ///< curl is content with a head that breaks off
  bool paused = false;

  void see_head() {
    if (head_seen) return;
    head_seen = true;
    if (events.head) events.head(static_cast<int>(handle.status()));
  }
};

std::size_t on_data(char* bytes, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.see_head();
  const std::size_t length = size * count;
  if (!transfer.events.data || transfer.events.data(std::string_view(bytes, length))) return length;
  transfer.paused = true;
  return CURL_WRITEFUNC_PAUSE;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
  const std::string_view line(bytes, size * count);
  if (line == "\r\n" || line == "\n") static_cast<Transfer*>(user)->head_whole = true;
  return line.size();
}

struct Watched {
  int fd;
  std::function<void()> work;
};

}  // namespace

class Http::Impl {
 public:
  explicit Impl(Endpoint endpoint) : endpoint_(std::move(endpoint)), multi_(curl_multi_init()) {
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    post([this] { stopping_ = true; });
    thread_.join();
    for (auto& [id, transfer] : transfers_) curl_multi_remove_handle(multi_, transfer->handle.get());
    transfers_.clear();
    curl_multi_cleanup(multi_);
  }

  const Endpoint& endpoint() const { return endpoint_; }
  bool on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

  void post(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(work));
    }
    curl_multi_wakeup(multi_);
  }

  void after(Duration delay, std::function<void()> work) {
    const Clock::time_point due = Clock::now() + std::chrono::duration_cast<Clock::duration>(delay);
    post([this, due, work = std::move(work)] { timers_.emplace(due, work); });
  }

  void when_writable(int fd, std::function<void()> work) {
    post([this, fd, work = std::move(work)] { watched_.push_back({fd, work}); });
  }

  StreamId stream(const Request& request, StreamEvents events) {
    const StreamId id = next_id_++;
    post([this, id, request, events = std::move(events)] { begin(id, request, events); });
    return id;
  }

  void resume(StreamId id) {
    post([this, id] {
      const auto found = transfers_.find(id);
      if (found == transfers_.end() || !found->second->paused) return;
      found->second->paused = false;
      curl_easy_pause(found->second->handle.get(), CURLPAUSE_CONT);
    });
  }

  void cancel(StreamId id) {
    if (on_thread() && !performing_) return drop(id);
    post([this, id] { drop(id); });
  }

 private:
  void begin(StreamId id, const Request& request, StreamEvents events) {
    auto transfer = std::make_unique<Transfer>();
    transfer->events = std::move(events);
    transfer->handle.prepare(endpoint_, request);
    curl_easy_setopt(transfer->handle.get(), CURLOPT_WRITEFUNCTION, &on_data);
    curl_easy_setopt(transfer->handle.get(), CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(transfer->handle.get(), CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(transfer->handle.get(), CURLOPT_HEADERDATA, transfer.get());
    curl_easy_setopt(transfer->handle.get(), CURLOPT_PRIVATE, reinterpret_cast<char*>(static_cast<std::uintptr_t>(id)));
    curl_multi_add_handle(multi_, transfer->handle.get());
    transfers_.emplace(id, std::move(transfer));
  }

  void drop(StreamId id) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end()) return;
    curl_multi_remove_handle(multi_, found->second->handle.get());
    transfers_.erase(found);
  }

  void run() {
    while (!stopping_) {
      run_posted();
      if (stopping_) return;
      run_timers();
      int running = 0;
      performing_ = true;
      curl_multi_perform(multi_, &running);
      performing_ = false;
      finish_ended();
      wait();
    }
  }

  void run_posted() {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(posted_);
    }
    for (const auto& each : work) {
      if (!stopping_) each();
    }
  }

  void run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= Clock::now()) {
      const auto work = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      work();
    }
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      char* user = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
      const auto found = transfers_.find(static_cast<StreamId>(reinterpret_cast<std::uintptr_t>(user)));
      if (found == transfers_.end()) continue;
      const std::unique_ptr<Transfer> transfer = std::move(found->second);
      transfers_.erase(found);
      curl_multi_remove_handle(multi_, transfer->handle.get());
      Result<void> ended = transfer->handle.outcome(code, endpoint_);
      if (ended && !transfer->head_whole) ended = fail(Code::unavailable, "the connection to the docker engine at {} broke in the middle of an answer's head", endpoint_.text);
      if (ended) transfer->see_head();
      if (transfer->events.end) transfer->events.end(ended);
    }
  }

  void wait() {
    std::vector<curl_waitfd> fds;
    for (const Watched& watched : watched_) fds.push_back({watched.fd, CURL_WAIT_POLLOUT, 0});
    int timeout = idle_wait_ms;
    if (!timers_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - Clock::now()).count();
      timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, idle_wait_ms));
    }
    int events = 0;
    curl_multi_poll(multi_, fds.data(), static_cast<unsigned>(fds.size()), timeout, &events);
    std::vector<std::function<void()>> ready;
    for (std::size_t i = fds.size(); i-- > 0;) {
      pollfd now{fds[i].fd, POLLOUT, 0};
      if (poll(&now, 1, 0) <= 0) continue;
      ready.push_back(std::move(watched_[i].work));
      watched_.erase(watched_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const auto& work : ready) work();
  }

  const Endpoint endpoint_;
  CURLM* const multi_;
  std::atomic<StreamId> next_id_ = 1;
  std::mutex mutex_;  ///< guards posted_
  std::vector<std::function<void()>> posted_;

  // On the thread.
  std::map<StreamId, std::unique_ptr<Transfer>> transfers_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  std::vector<Watched> watched_;
  bool stopping_ = false;
  bool performing_ = false;
  std::thread thread_;
};

Http::Http(Endpoint endpoint) {
  initialize_curl();
  impl_ = std::make_unique<Impl>(std::move(endpoint));
}
Http::~Http() = default;

const Endpoint& Http::endpoint() const { return impl_->endpoint(); }
Http::StreamId Http::stream(const Request& request, StreamEvents events) { return impl_->stream(request, std::move(events)); }
void Http::resume(StreamId stream) { impl_->resume(stream); }
void Http::cancel(StreamId stream) { impl_->cancel(stream); }
void Http::post(std::function<void()> work) { impl_->post(std::move(work)); }
void Http::after(Duration delay, std::function<void()> work) { impl_->after(delay, std::move(work)); }
void Http::when_writable(int fd, std::function<void()> work) { impl_->when_writable(fd, std::move(work)); }

void Http::call(const Request& request, std::function<void(Result<Response>)> done) {
  struct Gathered {
    Response response;
    StreamId id = 0;
    bool too_long = false;
  };
  auto gathered = std::make_shared<Gathered>();
  StreamEvents events;
  events.head = [gathered](int status) { gathered->response.status = status; };
  events.data = [gathered](std::string_view bytes) {
    gathered->too_long = gathered->too_long || gathered->response.body.size() + bytes.size() > body_max;
    if (!gathered->too_long) gathered->response.body.append(bytes);
    return true;
  };
  events.end = [gathered, done = std::move(done), target = request.target](const Result<void>& ended) {
    if (!ended) return done(ended.error());
    if (gathered->too_long) return done(fail(Code::exhausted, "the answer to {} is longer than {} bytes", target, body_max));
    done(std::move(gathered->response));
  };
  impl_->stream(request, std::move(events));
}

Result<Response> Http::call(const Request& request) {
  DROVER_ASSERT(!impl_->on_thread());
  auto promise = std::make_shared<std::promise<Result<Response>>>();
  auto future = promise->get_future();
  call(request, [promise](Result<Response> response) { promise->set_value(std::move(response)); });
  return future.get();
}

}  // namespace drover::docker
