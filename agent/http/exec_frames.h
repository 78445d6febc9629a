#pragma once

#include <string>

#include <drover/result.h>

#include "agent/drivers/drivers.h"

/// The messages of an exec websocket, as JSON objects.
namespace drover::agent {

/// Output is sent in pieces of at most so many bytes.
constexpr std::size_t exec_piece_max = 16 * 1024;

/// {"stdin":{"data":…}}, {"stdin":{"close":true}}, {"tty_size":{…}}, {} (a heartbeat: an input with nothing in it).
Result<ExecInput> read_exec_input(const std::string& message);

/// {"stdout":{"data":…}}, {"stderr":{"close":true}}, {"exited":true,"result":{"exit_code":7}}.
std::string write_exec_event(const ExecEvent& event);

/// The first message of a client that shakes hands; the error is what it is told.
Result<void> check_exec_handshake(const std::string& message);

}  // namespace drover::agent
