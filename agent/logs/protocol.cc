#include "agent/logs/protocol.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <sys/socket.h>

namespace drover::agent::logs {

namespace {

constexpr std::string_view operation_names[] = {"hello", "add", "remove", "end"};
constexpr std::size_t task_name_max = 128;

std::string join(const std::vector<std::string>& fields) {
  std::string bytes;
  for (const std::string& field : fields) {
    bytes += field;
    bytes.push_back('\0');
  }
  return bytes;
}

std::vector<std::string> split(std::string_view bytes) {
  std::vector<std::string> fields;
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    fields.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
  }
  return fields;
}

std::uint64_t to_number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

union Control {
  char bytes[CMSG_SPACE(sizeof(int) * descriptors_max)];
  cmsghdr align;
};

}  // namespace

std::string encode(const Request& request) {
  return join({text("{}", request.number), std::string(operation_names[static_cast<std::size_t>(request.operation)]), request.alloc_id, request.task,
               text("{}", request.files_max), text("{}", request.file_size_max)});
}

std::string encode(const Answer& answer) { return join({text("{}", answer.number), answer.error}); }

Result<Request> parse_request(std::string_view packet) {
  const auto fields = split(packet);
  if (fields.size() != 6) return fail(Code::invalid, "a request of {} fields", fields.size());
  const auto name = std::find(std::begin(operation_names), std::end(operation_names), fields[1]);
  if (name == std::end(operation_names)) return fail(Code::unsupported, "unknown request '{}'", fields[1]);
  Request request;
  request.number = to_number(fields[0]);
  request.operation = static_cast<Operation>(name - std::begin(operation_names));
  request.alloc_id = fields[2];
  request.task = fields[3];
  request.files_max = static_cast<std::uint32_t>(to_number(fields[4]));
  request.file_size_max = to_number(fields[5]);
  return request;
}

Result<Answer> parse_answer(std::string_view packet) {
  const auto fields = split(packet);
  if (fields.size() != 2) return fail(Code::invalid, "an answer of {} fields", fields.size());
  return Answer{to_number(fields[0]), fields[1]};
}

Result<void> send_packet(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control{};
  if (!descriptors.empty()) {
    DROVER_ASSERT(descriptors.size() <= descriptors_max);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
  return fail(errno == EAGAIN ? Code::exhausted : Code::unavailable, "send to the other end: {}", std::strerror(errno));
}

Result<Packet> receive_packet(int socket) {
  std::array<char, packet_bytes_max> buffer;
  iovec part{buffer.data(), buffer.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Packet{};
  if (got <= 0) return fail(Code::unavailable, "the other end has gone");
  Packet packet;
  packet.bytes.assign(buffer.data(), static_cast<std::size_t>(got));
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      packet.descriptors.emplace_back(fd);
    }
  }
  return packet;
}

Result<void> check_task_name(std::string_view task) {
  if (task.empty() || task.size() > task_name_max) return fail(Code::invalid, "a task name of {} characters", task.size());
  const auto is_bad = [](char c) { return c == '/' || c == '\0'; };
  if (task == "." || task == ".." || std::any_of(task.begin(), task.end(), is_bad)) return fail(Code::invalid, "task name '{}' cannot be part of a file name", task);
  return {};
}

}  // namespace drover::agent::logs
