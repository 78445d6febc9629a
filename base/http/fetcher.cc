#include "base/http/fetcher.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/loop/signal.h"

namespace drover::http {
namespace {

using Done = std::function<void(Result<FetchAnswer>)>;
constexpr int wake_up_at_latest_ms = 1000;

/// One exchange on its way. Lives on the fetcher's thread.
struct Transfer {
  ~Transfer() {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    curl_slist_free_all(connect_to);
  }

  FetchRequest request;
  Done done;
  CURL* curl = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  std::string body;
  bool full = false;
  char detail[CURL_ERROR_SIZE] = "";
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t given = size * count;
  const std::size_t room = transfer.request.keep_max - transfer.body.size();
  transfer.body.append(data, std::min(given, room));
  transfer.full = given > room;
  return transfer.full ? 0 : given;  // 0: enough, curl need not read on
}

void set_method(Transfer& transfer) {
  CURL* curl = transfer.curl;
  const FetchRequest& request = transfer.request;
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.method != "GET" && request.method != "HEAD")
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.body.empty()) return;
  if (request.method == "GET") curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "GET");
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
}

/// Asks for the host under the name that its certificate is to have, and connects to where the url says.
void rename_host(Transfer& transfer) {
  FetchRequest& request = transfer.request;
  constexpr std::string_view scheme = "https://";
  if (request.tls_server_name.empty() || !request.url.starts_with(scheme)) return;
  const std::size_t end = std::min(request.url.find_first_of("/?#", scheme.size()), request.url.size());
  const std::string authority = request.url.substr(scheme.size(), end - scheme.size());
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  const std::string port = has_port ? authority.substr(colon + 1) : "443";
  request.url = text("{}{}:{}{}", scheme, request.tls_server_name, port, request.url.substr(end));
  transfer.connect_to = curl_slist_append(nullptr, text("{}:{}:{}:{}", request.tls_server_name, port, authority.substr(0, has_port ? colon : authority.size()), port).c_str());
  const bool has_host = std::ranges::any_of(request.headers, [](const auto& header) { return header.first == "Host"; });
  if (!has_host) request.headers.emplace_back("Host", authority);
}

void set_up(Transfer& transfer) {
  CURL* curl = transfer.curl;
  rename_host(transfer);
  const FetchRequest& request = transfer.request;
  curl_easy_setopt(curl, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer.detail);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover");
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(request.limit).count();
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, limit)));
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, request.redirects_max > 0 ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(request.redirects_max));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  if (!request.verify_tls) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request.connect_only) curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  for (const auto& [name, value] : request.headers)
    transfer.headers = curl_slist_append(transfer.headers, text("{}: {}", name, value).c_str());
  if (transfer.headers != nullptr) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer.headers);
  if (transfer.connect_to != nullptr) curl_easy_setopt(curl, CURLOPT_CONNECT_TO, transfer.connect_to);
  set_method(transfer);
}

Result<FetchAnswer> result_of(const Transfer& transfer, CURLcode code) {
  if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer.full)) {
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    return FetchAnswer{static_cast<int>(status), transfer.body};
  }
  const std::string why = transfer.detail[0] != '\0' ? transfer.detail : curl_easy_strerror(code);
  if (code == CURLE_OPERATION_TIMEDOUT) return fail(Code::timeout, "{}: no answer in time: {}", transfer.request.url, why);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return fail(Code::invalid, "'{}' is not a URL that can be fetched: {}", transfer.request.url, why);
  return fail(Code::unavailable, "{}: {}", transfer.request.url, why);
}

/// A fetch as the one who waits for it sees it.
struct Waiting {
  explicit Waiting(Loop& its_loop) : loop(its_loop), done(its_loop) {}
  Loop& loop;
  std::optional<Result<FetchAnswer>> result;
  Signal done;
};

}  // namespace

struct Fetcher::Impl {
  Impl() : multi(curl_multi_init()), thread([this] { run(); }) {}
  ~Impl() {
    stopping = true;
    curl_multi_wakeup(multi);
    thread.join();
    for (auto& [id, transfer] : transfers) curl_multi_remove_handle(multi, transfer->curl);
    transfers.clear();
    curl_multi_cleanup(multi);
  }

  std::uint64_t start(FetchRequest request, Done done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex);
      id = ++last;
      begun.emplace_back(id, std::move(transfer));
    }
    curl_multi_wakeup(multi);
    return id;
  }

  void cancel(std::uint64_t id) {
    {
      const std::lock_guard lock(mutex);
      cancelled.push_back(id);
    }
    curl_multi_wakeup(multi);
  }

  void run() {
    while (!stopping) {
      take_orders();
      int running = 0;
      curl_multi_perform(multi, &running);
      answer_finished();
      curl_multi_poll(multi, nullptr, 0, wake_up_at_latest_ms, nullptr);
    }
  }

  void take_orders() {
    std::vector<std::pair<std::uint64_t, std::unique_ptr<Transfer>>> fresh;
    std::vector<std::uint64_t> unwanted;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(begun);
      unwanted.swap(cancelled);
    }
    for (auto& [id, transfer] : fresh) {
      transfer->curl = curl_easy_init();
      set_up(*transfer);
      curl_multi_add_handle(multi, transfer->curl);
      transfers.emplace(id, std::move(transfer));
    }
    for (const std::uint64_t id : unwanted) forget(id);
  }

  void forget(std::uint64_t id) {
    const auto found = transfers.find(id);
    if (found == transfers.end()) return;
    curl_multi_remove_handle(multi, found->second->curl);
    transfers.erase(found);
    --under_way;
  }

  void answer_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = std::find_if(transfers.begin(), transfers.end(),
                                      [message](const auto& entry) { return entry.second->curl == message->easy_handle; });
      if (found == transfers.end()) continue;
      const Result<FetchAnswer> result = result_of(*found->second, message->data.result);
      const Done done = std::move(found->second->done);
      forget(found->first);
      done(result);
    }
  }

  CURLM* multi;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> under_way{0};
  std::mutex mutex;
  std::uint64_t last = 0;
  std::vector<std::pair<std::uint64_t, std::unique_ptr<Transfer>>> begun;
  std::vector<std::uint64_t> cancelled;
  std::map<std::uint64_t, std::unique_ptr<Transfer>> transfers;  // of the thread
  std::thread thread;                                            // last: it uses all of the above
};

Fetcher::Fetcher() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  impl_ = std::make_unique<Impl>();
}
Fetcher::~Fetcher() = default;

Async<Result<FetchAnswer>> Fetcher::fetch(Loop& loop, FetchRequest request) {
  if (impl_->under_way.fetch_add(1) >= fetches_max) {
    --impl_->under_way;
    co_return fail(Code::exhausted, "{}: {} fetches are under way", request.url, fetches_max);
  }
  auto waiting = std::make_shared<Waiting>(loop);
  Done done = [waiting](Result<FetchAnswer> result) {
    auto answer = std::make_shared<Result<FetchAnswer>>(std::move(result));
    waiting->loop.post([waiting, answer] {
      waiting->result.emplace(std::move(*answer));
      waiting->done.notify();
    });
  };
  const std::uint64_t id = impl_->start(std::move(request), std::move(done));
  while (!waiting->result) {
    const bool woken = co_await waiting->done.wait();
    if (!woken) {
      impl_->cancel(id);
      co_return fail(Code::cancelled, "the fetch was cancelled");
    }
  }
  co_return std::move(*waiting->result);
}

}  // namespace drover::http
