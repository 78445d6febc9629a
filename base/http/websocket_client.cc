#include "base/http/websocket_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace drover::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Error_code = boost::system::error_code;
using Plain = asio::generic::stream_protocol::socket;
using Secure = asio::ssl::stream<Plain>;

constexpr std::string_view unix_scheme = "unix://";
constexpr auto waiting = asio::as_tuple(asio::use_awaitable_t<Loop::Executor>());

/// Where an address leads.
struct Target {
  bool secure = false;
  std::string path;        ///< of a unix socket, else ""
  std::string host, port;  ///< of an IP address or name
  std::string authority;   ///< what the Host field says
};

Result<Target> target_of(const std::string& address) {
  Target target;
  if (address.starts_with(unix_scheme)) {
    target.path = address.substr(unix_scheme.size());
    target.authority = "localhost";
    return target;
  }
  target.secure = address.starts_with("https://");
  if (!target.secure && !address.starts_with("http://")) return fail(Code::invalid, "'{}' is not an address of an agent: expected http://host:port, https://host:port or unix:///path", address);
  const auto start = address.find("://") + 3;
  target.authority = address.substr(start, address.find('/', start) - start);
  const auto colon = target.authority.rfind(':');
  const bool has_port = colon != std::string::npos && target.authority.find(']', colon) == std::string::npos;
  target.host = target.authority.substr(0, has_port ? colon : std::string::npos);
  target.port = has_port ? target.authority.substr(colon + 1) : target.secure ? "443" : "80";
  if (target.host.starts_with('[') && target.host.ends_with(']')) target.host = target.host.substr(1, target.host.size() - 2);
  return target;
}

Error cannot_reach(const std::string& address, const Error_code& error) {
  return fail(Code::unavailable, "cannot reach {}: {}{}", address, error.message(), error == asio::error::connection_refused ? "; is the agent running?" : "");
}

Async<Result<void>> connect_to(Plain& socket, Target target, std::string address) {
  std::vector<asio::generic::stream_protocol::endpoint> endpoints;
  if (!target.path.empty()) {
    if (target.path.size() > 107) co_return fail(Code::invalid, "the path of the socket {} is longer than 107 bytes", target.path);
    endpoints.emplace_back(asio::local::stream_protocol::endpoint(target.path));
  } else {
    asio::ip::tcp::resolver resolver(socket.get_executor());
    const auto [error, found] = co_await resolver.async_resolve(target.host, target.port, waiting);
    if (error) co_return cannot_reach(address, error);
    for (const auto& entry : found) endpoints.emplace_back(entry.endpoint());
  }
  Error_code last = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    Error_code ignored;
    socket.close(ignored);
    const auto [error] = co_await socket.async_connect(endpoint, waiting);
    if (!error) co_return Result<void>();
    last = error;
  }
  co_return cannot_reach(address, last);
}

template <class Stream>
class Connection final : public WebSocketClient {
 public:
  template <class... Args>
  explicit Connection(Args&&... args) : stream_(std::forward<Args>(args)...) {
    stream_.read_message_max(message_bytes_max);
    stream_.text(true);
    stream_.auto_fragment(false);  // a message is one frame
  }

  websocket::stream<Stream>& stream() { return stream_; }

  Async<Result<void>> shake_hands(ClientOptions options, std::string authority, std::string target) {
    const Headers headers = options.headers;
    stream_.set_option(websocket::stream_base::decorator([headers](websocket::request_type& request) {
      for (const auto& [name, value] : headers.all()) request.set(name, value);
    }));
    websocket::response_type answer;
    const auto [error] = co_await stream_.async_handshake(answer, authority, target, waiting);
    if (!error) co_return Result<void>();
    if (error != websocket::error::upgrade_declined) co_return fail(Code::unavailable, "open a websocket to {}: {}", options.address, error.message());
    std::string body = answer.body();
    while (body.ends_with('\n')) body.pop_back();
    co_return fail(answer.result_int() == 404 ? Code::not_found : Code::invalid, "Unexpected response code: {} ({})", answer.result_int(), body);
  }

  Async<Result<std::string>> receive() override {
    const auto [error, size] = co_await stream_.async_read(buffer_, waiting);
    // A peer that has said why it closes may be gone before it is answered: another error then, but a known reason.
    const bool has_closed = error && stream_.reason().code != websocket::close_code::none;
    if (error == websocket::error::closed || has_closed) co_return closed();
    if (error == asio::error::operation_aborted || closed_here_) co_return fail(Code::cancelled, "the websocket was closed");
    if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) co_return fail(Code::exhausted, "a message of the websocket is larger than {} bytes", message_bytes_max);
    if (error) co_return fail(Code::unavailable, "the connection was lost: {}", error.message());
    std::string message = beast::buffers_to_string(buffer_.data());
    buffer_.consume(buffer_.size());
    co_return message;
  }

  Async<Result<void>> send(std::string message) override {
    const auto [error, size] = co_await stream_.async_write(asio::buffer(message), waiting);
    if (error) co_return fail(closed_here_ ? Code::cancelled : Code::unavailable, "the connection was lost: {}", error.message());
    co_return Result<void>();
  }

  void close() override {
    closed_here_ = true;
    Error_code ignored;
    beast::get_lowest_layer(stream_).close(ignored);
  }

 private:
  Error closed() const {
    const websocket::close_reason& why = stream_.reason();
    if (why.code == websocket::close_code::normal || why.code == websocket::close_code::none) return fail(Code::cancelled, "the websocket was closed");
    const std::string reason(why.reason.data(), why.reason.size());
    return fail(Code::internal, "{}", reason.empty() ? text("the websocket was closed with code {}", static_cast<int>(why.code)) : reason);
  }

  websocket::stream<Stream> stream_;
  beast::flat_buffer buffer_{message_bytes_max};
  bool closed_here_ = false;
};

Async<Result<std::unique_ptr<WebSocketClient>>> connect_plain(Loop::Executor executor, Target target, ClientOptions options, std::string where) {
  auto connection = std::make_unique<Connection<Plain>>(executor);
  DROVER_CO_TRY(co_await connect_to(connection->stream().next_layer(), target, options.address));
  DROVER_CO_TRY(co_await connection->shake_hands(options, target.authority, where));
  co_return std::unique_ptr<WebSocketClient>(std::move(connection));
}

/// The files of `options` in a TLS context.
Result<void> load_tls(asio::ssl::context& tls, const ClientOptions& options) {
  Error_code error;
  const auto use = [&error](const std::string& file, auto load) -> Result<void> {
    if (!file.empty()) load(file);
    if (!error) return {};
    return fail(Code::invalid, "cannot use {}: {}", file, error.message());
  };
  if (options.ca_file.empty() && options.ca_folder.empty()) tls.set_default_verify_paths(error);
  error.clear();
  DROVER_TRY(use(options.ca_file, [&](const std::string& file) { tls.load_verify_file(file, error); }));
  DROVER_TRY(use(options.ca_folder, [&](const std::string& folder) { tls.add_verify_path(folder, error); }));
  DROVER_TRY(use(options.certificate_file, [&](const std::string& file) { tls.use_certificate_chain_file(file, error); }));
  DROVER_TRY(use(options.key_file, [&](const std::string& file) { tls.use_private_key_file(file, asio::ssl::context::pem, error); }));
  tls.set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none, error);
  return {};
}

Async<Result<std::unique_ptr<WebSocketClient>>> connect_secure(Loop::Executor executor, Target target, ClientOptions options, std::string where) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  DROVER_CO_TRY(load_tls(tls, options));
  auto connection = std::make_unique<Connection<Secure>>(executor, tls);  // the session holds on to the context itself
  Secure& secure = connection->stream().next_layer();
  DROVER_CO_TRY(co_await connect_to(secure.next_layer(), target, options.address));
  SSL_set_tlsext_host_name(secure.native_handle(), target.host.c_str());
  if (options.verify) secure.set_verify_callback(asio::ssl::host_name_verification(target.host));
  const auto [error] = co_await secure.async_handshake(asio::ssl::stream_base::client, waiting);
  if (error) co_return cannot_reach(options.address, error);
  DROVER_CO_TRY(co_await connection->shake_hands(options, target.authority, where));
  co_return std::unique_ptr<WebSocketClient>(std::move(connection));
}

}  // namespace

Async<Result<std::unique_ptr<WebSocketClient>>> WebSocketClient::connect(Loop& loop, ClientOptions options, std::string path, Query query) {
  DROVER_CO_LET(Target target, target_of(options.address));
  std::string where = path + format_query(query);
  if (target.secure) {
    auto made = co_await connect_secure(loop.executor(), std::move(target), std::move(options), std::move(where));
    co_return made;
  }
  auto made = co_await connect_plain(loop.executor(), std::move(target), std::move(options), std::move(where));
  co_return made;
}

}  // namespace drover::http
