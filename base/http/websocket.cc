#include "base/http/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace drover::http {
namespace {

constexpr std::string_view handshake_salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t control_payload_max = 125;
constexpr int going_normally = 1000;
constexpr int protocol_error = 1002;

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out((size + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(size));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= 8; }

bool is_opcode(std::uint8_t bits) { return bits <= 2 || (bits >= 8 && bits <= 10); }

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

/// The head of a client's frame, once it is whole.
struct Head {
  std::uint8_t first = 0;
  std::uint64_t payload_size = 0;
  std::size_t mask_at = 0;
};

std::optional<Head> read_head(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  Head head{.first = static_cast<std::uint8_t>(bytes[0]), .payload_size = static_cast<std::uint8_t>(bytes[1]) & 0x7Fu, .mask_at = 2};
  const std::size_t more = head.payload_size == 126 ? 2 : head.payload_size == 127 ? 8 : 0;
  if (bytes.size() < 2 + more + 4) return std::nullopt;
  if (more > 0) head.payload_size = number_in(bytes.substr(2, more));
  head.mask_at += more;
  return head;
}

Result<void> check_head(std::string_view bytes, std::size_t payload_max) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  if ((first & 0x70) != 0) return fail(Code::invalid, "a websocket frame uses an extension that was not agreed upon");
  if (!is_opcode(first & 0x0F)) return fail(Code::invalid, "a websocket frame has the unknown kind {}", first & 0x0F);
  if (bytes.size() > 1 && (static_cast<std::uint8_t>(bytes[1]) & 0x80) == 0) return fail(Code::invalid, "a websocket frame of a client is not masked");
  const std::optional<Head> head = read_head(bytes);
  if (!head) return {};
  const bool control = is_control(static_cast<Opcode>(first & 0x0F));
  if (control && (head->payload_size > control_payload_max || (first & 0x80) == 0)) {
    return fail(Code::invalid, "a control frame of a websocket is split or longer than {} bytes", control_payload_max);
  }
  if (head->payload_size > payload_max) return fail(Code::exhausted, "a websocket message is longer than {} bytes", payload_max);
  return {};
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  const std::string salted = std::string(key) + std::string(handshake_salt);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest.data());
  return base64(digest.data(), digest.size());
}

bool is_websocket_key(std::string_view key) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'; };
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, fits);
}

std::string websocket_frame(Opcode opcode, std::string_view payload) {
  std::string out;
  out.push_back(static_cast<char>(0x80 | static_cast<std::uint8_t>(opcode)));
  const std::uint64_t size = payload.size();
  const int more = size <= control_payload_max ? 0 : size <= 0xFFFF ? 2 : 8;
  out.push_back(static_cast<char>(more == 0 ? size : more == 2 ? 126 : 127));
  for (int i = more - 1; i >= 0; --i) out.push_back(static_cast<char>(size >> (8 * i)));
  out += payload;
  return out;
}

std::string websocket_close_payload(int code, std::string_view reason) {
  std::size_t size = std::min(reason.size(), control_payload_max - 2);
  while (size > 0 && size < reason.size() && (static_cast<unsigned char>(reason[size]) & 0xC0) == 0x80) --size;
  std::string out = {static_cast<char>(code >> 8), static_cast<char>(code)};
  out += reason.substr(0, size);
  return out;
}

Result<std::optional<Frame>> take_frame(std::string& bytes, std::size_t payload_max) {
  if (bytes.empty()) return std::optional<Frame>();
  DROVER_TRY(check_head(bytes, payload_max));
  const std::optional<Head> head = read_head(bytes);
  if (!head || bytes.size() - head->mask_at - 4 < head->payload_size) return std::optional<Frame>();
  const std::size_t begin = head->mask_at + 4;
  const auto size = static_cast<std::size_t>(head->payload_size);
  Frame frame{.opcode = static_cast<Opcode>(head->first & 0x0F), .last = (head->first & 0x80) != 0, .payload = bytes.substr(begin, size)};
  for (std::size_t i = 0; i < size; ++i) frame.payload[i] = static_cast<char>(frame.payload[i] ^ bytes[head->mask_at + i % 4]);
  bytes.erase(0, begin + size);
  return std::optional<Frame>(std::move(frame));
}

Async<Result<Frame>> ServerWebSocket::next_frame() {
  for (;;) {
    Result<std::optional<Frame>> frame = take_frame(wire_.received, websocket_message_max - std::min(message_.size(), websocket_message_max));
    if (!frame) co_return frame.error();
    if (*frame) co_return std::move(**frame);
    const bool more = co_await wire_.fill();
    if (!more) co_return fail(Code::unavailable, "the other side of the websocket has gone");
  }
}

Async<Result<std::string>> ServerWebSocket::receive() {
  while (!broken_) {
    Result<Frame> frame = co_await next_frame();
    if (!frame) {
      broken_ = true;
      if (frame.error().code == Code::invalid) close(protocol_error, frame.error().message);
      co_return frame.error();
    }
    if (is_control(frame->opcode)) {
      const bool goes_on = co_await control(std::move(*frame));
      if (!goes_on) break;
      continue;
    }
    if ((frame->opcode == Opcode::more) != in_message_) {
      close(protocol_error, "the parts of a websocket message are out of order");
      break;
    }
    message_ += frame->payload;
    in_message_ = !frame->last;
    if (frame->last) co_return std::exchange(message_, {});
  }
  broken_ = true;
  co_return fail(Code::unavailable, "the websocket is closed");
}

Async<bool> ServerWebSocket::control(Frame frame) {
  if (frame.opcode == Opcode::pong) co_return true;
  if (frame.opcode == Opcode::ping) {
    std::string pong = websocket_frame(Opcode::pong, frame.payload);
    co_return co_await write(std::move(pong));
  }
  if (close_code_ == 0) close_code_ = frame.payload.size() >= 2 ? static_cast<int>(number_in(frame.payload.substr(0, 2))) : going_normally;
  co_return false;
}

Async<bool> ServerWebSocket::send(std::string message) {
  if (broken_ || close_code_ != 0) co_return false;
  std::string frame = websocket_frame(Opcode::text, message);
  co_return co_await write(std::move(frame));
}

/// A pong may be due while a message is being written: one after the other.
Async<bool> ServerWebSocket::write(std::string frame) {
  while (writing_) {
    const bool woken = co_await written_.wait();
    if (!woken) co_return false;
  }
  writing_ = true;
  const bool sent = co_await wire_.send(frame);
  writing_ = false;
  if (!sent) broken_ = true;
  written_.notify();
  co_return sent;
}

void ServerWebSocket::close(int code, std::string reason) {
  if (close_code_ != 0) return;
  close_code_ = code;
  close_reason_ = std::move(reason);
}

Async<void> ServerWebSocket::finish() {
  const int code = close_code_ == 0 ? going_normally : close_code_;
  std::string frame = websocket_frame(Opcode::close, websocket_close_payload(code, close_reason_));
  static_cast<void>(co_await wire_.send(frame));
}

}  // namespace drover::http
