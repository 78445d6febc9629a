#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <string>

#include "base/rpc/rpc.h"

/// gRPC's types and ours; included by the sources of this folder only.
namespace drover::rpc {

inline constexpr int message_max = 64 << 20;         ///< bytes of one message, receiving
inline constexpr int metadata_max = 1 << 20;         ///< long error texts travel in trailers

grpc::ByteBuffer to_buffer(const std::string& bytes);
std::string from_buffer(const grpc::ByteBuffer& buffer);
Status from_grpc(const grpc::Status& status);
grpc::Status to_grpc(const Status& status);

}  // namespace drover::rpc
