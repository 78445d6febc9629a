#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

#include "base/process/process_id.h"

/// What the agent and drover-logs say to each other: one packet a message over a unix socket (SOCK_SEQPACKET), each
/// request answered once, in order. Descriptors travel with the packet.
namespace drover::agent::logs {

inline constexpr std::size_t packet_bytes_max = 16 * 1024;
inline constexpr std::size_t descriptors_max = 3;

enum class Operation : std::uint8_t {
  hello,   ///< answered "ok"
  add,     ///< with three descriptors: log folder, read end of stdout, of stderr. Known already: the limits are taken over
  remove,  ///< moves what is in the FIFOs, then forgets the task; not known: "ok" as well
  end,     ///< the collector moves what is there, and ends
};

struct Request {
  std::uint64_t number = 0;
  Operation operation = Operation::hello;
  std::string alloc_id;
  std::string task;
  std::uint32_t files_max = 0;
  std::uint64_t file_size_max = 0;

  friend bool operator==(const Request&, const Request&) = default;
};

struct Answer {
  std::uint64_t number = 0;
  std::string error;  ///< empty: done

  friend bool operator==(const Answer&, const Answer&) = default;
};

std::string encode(const Request& request);
std::string encode(const Answer& answer);
Result<Request> parse_request(std::string_view packet);
Result<Answer> parse_answer(std::string_view packet);

/// Sends one packet; `unavailable` when the other end is gone, `exhausted` when it does not read.
Result<void> send_packet(int socket, std::string_view bytes, const std::vector<int>& descriptors = {});

struct Packet {
  std::string bytes;
  std::vector<Fd> descriptors;
};
/// The next packet of a non-blocking socket; empty `bytes` when none is there now; `unavailable` at the end.
Result<Packet> receive_packet(int socket);

/// A task's name becomes part of a file name: one path component, nothing hidden behind it.
Result<void> check_task_name(std::string_view task);

}  // namespace drover::agent::logs
