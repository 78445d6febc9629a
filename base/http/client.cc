#include "base/http/client.h"

#include <curl/curl.h>

#include <cerrno>
#include <cstring>

namespace drover::http {
namespace {

constexpr std::string_view unix_scheme = "unix://";

struct Transfer {
  ClientResponse response;
  const OnData* on_data = nullptr;
  std::size_t body_max = 0;
  bool ended_by_caller = false;
  bool too_large = false;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a new head: after 100 Continue, or a redirect
    transfer.response.headers = Headers();
    transfer.response.status = 0;
    const auto space = line.find(' ');
    if (space != std::string_view::npos) transfer.response.status = std::atoi(std::string(line.substr(space + 1, 3)).c_str());
    return size * count;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  transfer.response.headers.add(line.substr(0, colon), std::string(value));
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view piece(data, size * count);
  const bool good = transfer.response.status >= 200 && transfer.response.status < 300;
  if (transfer.on_data && good) {
    if ((*transfer.on_data)(piece)) return piece.size();
    transfer.ended_by_caller = true;
    return 0;
  }
  if (transfer.response.body.size() + piece.size() > transfer.body_max) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(piece);
  return piece.size();
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& stop = *static_cast<const std::function<bool()>*>(user);
  return stop() ? 1 : 0;
}

long milliseconds(Duration limit) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

void set_tls(CURL* curl, const ClientOptions& options) {
  const auto set = [curl](CURLoption option, const std::string& value) {
    if (!value.empty()) curl_easy_setopt(curl, option, value.c_str());
  };
  set(CURLOPT_CAINFO, options.ca_file);
  set(CURLOPT_CAPATH, options.ca_folder);
  set(CURLOPT_SSLCERT, options.certificate_file);
  set(CURLOPT_SSLKEY, options.key_file);
  if (!options.verify) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

/// The URL of a request; sets the socket path for "unix://" addresses.
std::string url_of(CURL* curl, const ClientOptions& options, const ClientRequest& request) {
  std::string base = options.address;
  if (base.starts_with(unix_scheme)) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, base.substr(unix_scheme.size()).c_str());
    base = "http://localhost";
  }
  while (base.ends_with('/')) base.pop_back();
  return base + request.path + format_query(request.query);
}

void set_method(CURL* curl, const ClientRequest& request) {
  if (request.method == "GET") {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "DELETE" && request.body.empty()) return;
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
}

struct HeaderList {
  curl_slist* list = nullptr;
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const Headers& headers) {
    for (const auto& [name, value] : headers.all()) list = curl_slist_append(list, text("{}: {}", name, value).c_str());
  }
};

Error not_an_address(const std::string& address) {
  return fail(Code::invalid, "'{}' is not an address of an agent: expected http://host:port, https://host:port or unix:///path",
              address);
}

bool known_scheme(const std::string& address) {
  return address.starts_with("http://") || address.starts_with("https://") || address.starts_with(unix_scheme);
}

Error exchange_error(CURL* curl, CURLcode code, const ClientOptions& options, const Transfer& transfer, const char* detail) {
  const std::string& address = options.address;
  if (transfer.too_large) {
    return fail(Code::exhausted, "the answer of {} is larger than {} bytes", address, options.body_max);
  }
  long os_error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      if (os_error == ECONNREFUSED || os_error == ENOENT) {
        return fail(Code::unavailable, "cannot reach {}: {}; is the agent running?", address,
                    os_error == ENOENT ? "no such socket" : "connection refused");
      }
      return fail(Code::unavailable, "cannot reach {}: {}", address, os_error ? std::strerror(static_cast<int>(os_error)) : detail);
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(Code::unavailable, "cannot reach {}: the host name is not known", address);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(Code::timeout, "{} did not answer in time", address);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return fail(Code::unavailable, "the connection to {} was lost: {}", address, detail);
    case CURLE_ABORTED_BY_CALLBACK:
      return fail(Code::cancelled, "the request to {} was given up", address);
    case CURLE_URL_MALFORMAT:
      return not_an_address(address);
    default:
      return fail(Code::unavailable, "cannot talk to {}: {}", address, *detail ? detail : curl_easy_strerror(code));
  }
}

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {}

Client::~Client() {
  if (curl_) curl_easy_cleanup(static_cast<CURL*>(curl_));
}

Result<ClientResponse> Client::send(const ClientRequest& request) { return stream(request, OnData()); }

Result<ClientResponse> Client::stream(const ClientRequest& request, const OnData& on_data) {
  if (!known_scheme(options_.address)) return not_an_address(options_.address);
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return fail(Code::internal, "cannot set up the HTTP client: {}", curl_easy_strerror(ready));
  if (curl_) {
    curl_easy_reset(static_cast<CURL*>(curl_));  // keeps the connection
  } else {
    curl_ = curl_easy_init();
  }
  if (!curl_) return fail(Code::internal, "cannot set up the HTTP client");

  CURL* curl = static_cast<CURL*>(curl_);
  Transfer transfer;
  transfer.on_data = on_data ? &on_data : nullptr;
  transfer.body_max = options_.body_max;
  char detail[CURL_ERROR_SIZE] = "";
  HeaderList headers;
  headers.add(options_.headers);
  headers.add(request.headers);
  if (!request.headers.find("Content-Type") && !request.body.empty()) {
    headers.list = curl_slist_append(headers.list, "Content-Type: application/json");
  }

  curl_easy_setopt(curl, CURLOPT_URL, url_of(curl, options_, request).c_str());
  set_method(curl, request);
  set_tls(curl, options_);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_limit));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds(request.limit));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);

  if (request.stop) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, const_cast<std::function<bool()>*>(&request.stop));
  }

  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK && !transfer.ended_by_caller) return exchange_error(curl, code, options_, transfer, detail);
  return std::move(transfer.response);
}

Result<ClientResponse> Client::get(std::string path, Query query) {
  return send(ClientRequest{.method = "GET", .path = std::move(path), .query = std::move(query)});
}

Result<ClientResponse> Client::put(std::string path, std::string body, Query query) {
  return send(ClientRequest{.method = "PUT", .path = std::move(path), .query = std::move(query), .body = std::move(body)});
}

Result<ClientResponse> Client::post(std::string path, std::string body, Query query) {
  return send(ClientRequest{.method = "POST", .path = std::move(path), .query = std::move(query), .body = std::move(body)});
}

Result<ClientResponse> Client::remove(std::string path, Query query) {
  return send(ClientRequest{.method = "DELETE", .path = std::move(path), .query = std::move(query)});
}

}  // namespace drover::http
