#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/value/value.h"
#include "cli/language/answers.h"

/// The Language Server Protocol: messages in, messages out. No input or output of its own.
namespace drover::cli::language {

constexpr std::size_t message_bytes_max = 32 << 20;  ///< a longer one ends the session
constexpr std::size_t header_bytes_max = 4096;
constexpr std::size_t documents_max = 1000;

class Session {
 public:
  explicit Session(FilesOf files_of = nullptr) : files_of_(std::move(files_of)) {}

  /// What is answered to a message, in order: replies, and diagnostics of documents that changed.
  std::vector<Value> handle(const Value& message);

  /// The exit code once the client has said `exit`: 0 after `shutdown`, else 1.
  std::optional<int> ended() const { return ended_; }

 private:
  Result<Value> answer(std::string_view method, const Value& params);
  void notified(std::string_view method, const Value& params, std::vector<Value>& out);
  void opened(const Value& params, std::vector<Value>& out);
  void changed(const Value& params, std::vector<Value>& out);
  void closed(const Value& params, std::vector<Value>& out);
  void publish(const Document& document, std::vector<Value>& out) const;
  Result<const Document*> document(const Value& params) const;

  FilesOf files_of_;
  std::map<std::string, Document, std::less<>> documents_;
  bool shut_down_ = false;
  std::optional<int> ended_;
};

/// A message as it goes over the wire, with its header.
std::string framed(const Value& message);

/// Takes whole messages out of bytes that arrive in any pieces.
class Frames {
 public:
  void add(std::string_view bytes) { pending_ += bytes; }
  /// The next whole message; nothing where more bytes are needed. An error ends the session: what follows cannot be told apart.
  Result<std::optional<std::string>> next();

 private:
  std::string pending_;
};

}  // namespace drover::cli::language
