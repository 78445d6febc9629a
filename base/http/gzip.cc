#include "base/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include <drover/result.h>

namespace drover::http {
namespace {

constexpr int window_of_gzip = 15 + 16;  // zlib: 16 more means a gzip header and trailer
constexpr int memory_level = 8;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool refused_by_weight(std::string_view parameters) {
  const auto q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  const std::string_view weight = trim(parameters.substr(q + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

struct Gzip::Stream {
  z_stream z{};
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {
  const int made = deflateInit2(&stream_->z, Z_BEST_SPEED, Z_DEFLATED, window_of_gzip, memory_level, Z_DEFAULT_STRATEGY);
  DROVER_ASSERT(made == Z_OK);
}

Gzip::~Gzip() { deflateEnd(&stream_->z); }

void Gzip::add(std::string_view data, End end, std::string& out) {
  z_stream& z = stream_->z;
  const int flush = end == End::finish ? Z_FINISH : end == End::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
  std::array<char, 16384> piece;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  do {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = piece.size();
    const int done = deflate(&z, flush);
    DROVER_ASSERT(done != Z_STREAM_ERROR);
    out.append(piece.data(), piece.size() - z.avail_out);
  } while (z.avail_out == 0);
}

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const std::string_view item = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(accept_encoding.size(), item.size() + 1));
    const auto semicolon = item.find(';');
    const std::string_view name = trim(item.substr(0, semicolon));
    if (name != "gzip" && name != "*") continue;
    return semicolon == std::string_view::npos || !refused_by_weight(item.substr(semicolon + 1));
  }
  return false;
}

}  // namespace drover::http
