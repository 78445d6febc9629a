#include "plugins/docker/curl_handle.h"

#include <curl/curl.h>

#include <cctype>
#include <mutex>

namespace drover::docker {
namespace {

constexpr long connect_limit_ms = 5'000;

static_assert(CURL_ERROR_SIZE == 256);

}  // namespace

void initialize_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

CurlHandle::CurlHandle() : handle_(curl_easy_init()) {}

CurlHandle::~CurlHandle() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(static_cast<curl_slist*>(headers_));
}

void CurlHandle::address(const Endpoint& endpoint, const std::string& target) {
  what_ = target;
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle_, CURLOPT_URL, (endpoint.base_url + target).c_str());
  curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, connect_limit_ms);
  if (!endpoint.socket_path.empty()) curl_easy_setopt(handle_, CURLOPT_UNIX_SOCKET_PATH, endpoint.socket_path.c_str());
  if (!endpoint.is_tls()) return;
  if (!endpoint.ca.empty()) curl_easy_setopt(handle_, CURLOPT_CAINFO, endpoint.ca.c_str());
  if (!endpoint.certificate.empty()) curl_easy_setopt(handle_, CURLOPT_SSLCERT, endpoint.certificate.c_str());
  if (!endpoint.key.empty()) curl_easy_setopt(handle_, CURLOPT_SSLKEY, endpoint.key.c_str());
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, endpoint.verify ? 1L : 0L);
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, endpoint.verify ? 2L : 0L);
}

void CurlHandle::prepare(const Endpoint& endpoint, const Request& request) {
  address(endpoint, request.target);
  body_ = request.body;
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  if (!body_.empty()) headers = curl_slist_append(headers, ("Content-Type: " + request.content_type).c_str());
  for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
  headers_ = headers;
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers);
  if (request.method == "HEAD") curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
  if (request.method == "POST") {
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body_.data());
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  } else if (request.method != "GET" && request.method != "HEAD") {
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(request.limit).count();
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(limit));
}

void CurlHandle::prepare_connection(const Endpoint& endpoint) {
  address(endpoint, "/");
  curl_easy_setopt(handle_, CURLOPT_CONNECT_ONLY, 1L);
}

long CurlHandle::status() const {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

Result<void> CurlHandle::outcome(int code, const Endpoint& endpoint) const {
  if (code == CURLE_OK) return {};
  const std::string why = error_[0] != '\0' ? error_ : curl_easy_strerror(static_cast<CURLcode>(code));
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(Code::unavailable, "the docker engine at {} cannot be reached: {}", endpoint.text, why);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(Code::timeout, "the docker engine at {} gave no answer in time: {}", endpoint.text, why);
    default:
      return fail(Code::unavailable, "the connection to the docker engine at {} broke: {}", endpoint.text, why);
  }
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  endpoint.text = text;
  if (text.starts_with("unix://")) text.remove_prefix(7);
  if (text.starts_with('/')) {
    endpoint.socket_path = text;
    endpoint.base_url = "http://docker";
    return endpoint;
  }
  for (const auto& [prefix, scheme] : {std::pair{"tcp://", "http://"}, {"http://", "http://"}, {"https://", "https://"}}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(std::string_view(prefix).size());
    while (text.ends_with('/')) text.remove_suffix(1);
    if (text.empty()) break;
    endpoint.base_url = scheme + std::string(text);
    return endpoint;
  }
  return fail(Code::invalid, "endpoint '{}' is neither unix:///path, tcp://host:port nor https://host:port", endpoint.text);
}

std::string url_encoded(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~' || c == '/' || c == ':' || c == '@') {
      out += c;
    } else {
      out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return out;
}

}  // namespace drover::docker
