#include "base/http/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <drover/result.h>

namespace drover::http {

namespace beast = boost::beast;

struct RequestReader::Parser {
  beast::http::request_parser<beast::http::string_body> beast;
};

namespace {

/// Path and query of a target in origin form ("/v1/jobs?x") or absolute form ("http://host/v1/jobs?x").
std::string_view origin_form(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  const auto slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

}  // namespace

RequestReader::RequestReader(Limits limits) : parser_(std::make_unique<Parser>()) {
  parser_->beast.header_limit(static_cast<std::uint32_t>(limits.headers_max));
  parser_->beast.body_limit(limits.body_max);
  parser_->beast.eager(true);
}

RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::refuse(int status, std::string text) {
  status_ = status;
  text_ = std::move(text);
  return state_ = State::refused;
}

RequestReader::State RequestReader::feed(std::string& bytes) {
  std::size_t used = 0;
  while (state_ != State::done && state_ != State::refused && used < bytes.size()) {
    beast::error_code error;
    const auto rest = boost::asio::buffer(bytes.data() + used, bytes.size() - used);
    used += parser_->beast.put(rest, error);
    if (error == beast::http::error::need_more) break;
    if (error == beast::http::error::header_limit) return refuse(431, "request header is too large");
    if (error == beast::http::error::body_limit) return refuse(413, "request body is too large");
    if (error) return refuse(400, text("malformed request: {}", error.message()));
    if (parser_->beast.is_header_done()) state_ = State::body;
    if (parser_->beast.is_done()) finish();
  }
  bytes.erase(0, used);
  return state_;
}

RequestReader::State RequestReader::finish() {
  auto& message = parser_->beast.get();
  const std::string_view target(message.target().data(), message.target().size());
  const std::string_view origin = origin_form(target);
  const auto question = origin.find('?');
  const auto path = decode_percent(origin.substr(0, question));
  if (!path || path->find('\0') != std::string::npos) {
    return refuse(400, "malformed request: the path has a broken percent escape");
  }

  request_.method = std::string(message.method_string().data(), message.method_string().size());
  request_.target = std::string(target);
  request_.path = *path;
  if (question != std::string_view::npos) request_.query = parse_query(origin.substr(question + 1));
  for (const auto& field : message) {
    request_.headers.add(std::string_view(field.name_string().data(), field.name_string().size()),
                         std::string(field.value().data(), field.value().size()));
  }
  request_.body = std::move(message.body());
  keep_alive_ = message.keep_alive();
  http_1_0_ = message.version() < 11;
  return state_ = State::done;
}

bool RequestReader::expects_continue() const {
  if (state_ != State::body) return false;
  const auto expect = parser_->beast.get()[beast::http::field::expect];
  return beast::iequals(expect, "100-continue");
}

Request RequestReader::take() { return std::move(request_); }
bool RequestReader::keep_alive() const { return keep_alive_; }
bool RequestReader::http_1_0() const { return http_1_0_; }

}  // namespace drover::http
