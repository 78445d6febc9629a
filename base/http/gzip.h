#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace drover::http {

/// Compresses a body as it is made. Fast rather than small: answers are read once.
class Gzip {
 public:
  Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip();

  enum class End { more, flush, finish };

  /// Appends to `out` what has become ready; with flush all of it, with finish also the trailer (then use no more).
  void add(std::string_view data, End end, std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// True when an Accept-Encoding header allows gzip ("gzip, deflate", "*", "gzip;q=0" does not).
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace drover::http
