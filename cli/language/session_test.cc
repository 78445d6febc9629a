#include "cli/language/session.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <catch2/catch.hpp>

#include "base/json/json.h"
#include "tests/paths.h"

namespace drover::cli::language {
namespace {

namespace fs = std::filesystem;

Value parsed(const std::string& line) {
  auto value = json::parse(line);
  INFO(line);
  REQUIRE(value.ok());
  return std::move(value).value();
}

/// Lines that begin with "> " are said; "< " is what is answered to them.
std::string replayed(const std::string& conversation) {
  Session session;
  std::istringstream in(conversation);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("< ")) continue;
    out += line + "\n";
    if (!line.starts_with("> ")) continue;
    for (const Value& answer : session.handle(parsed(line.substr(2)))) out += "< " + json::write(answer) + "\n";
  }
  return out;
}

TEST_CASE("recorded conversations go as they went", "[lsp]") {
  const fs::path folder = tests::source_dir() / "cli" / "language" / "conversations";
  int count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    INFO(entry.path());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string before(std::istreambuf_iterator<char>(in), {});
    const std::string today = replayed(before);
    if (std::getenv("DROVER_REWRITE_DOCS")) std::ofstream(entry.path(), std::ios::binary) << today;
    CHECK(today == before);
    ++count;
  }
  CHECK(count >= 3);
}

TEST_CASE("messages come in any pieces", "[lsp]") {
  const std::string bytes = framed(parsed("{\"a\": 1}")) + framed(parsed("{\"b\": \"é\"}"));
  Frames frames;
  std::vector<std::string> found;
  for (const char byte : bytes) {
    frames.add(std::string_view(&byte, 1));
    auto message = frames.next();
    REQUIRE(message.ok());
    if (message->has_value()) found.push_back(**message);
  }
  CHECK(found == std::vector<std::string>{"{\"a\":1}", "{\"b\":\"é\"}"});
}

TEST_CASE("a header that is none, or a message too long, ends the session", "[lsp]") {
  for (const std::string& bytes : {std::string("X: 1\r\n\r\n{}"), std::string("Content-Length: x\r\n\r\n"), std::string("Content-Length: 99999999999\r\n\r\n"), std::string(5000, 'x')}) {
    Frames frames;
    frames.add(bytes);
    CHECK_FALSE(frames.next().ok());
  }
}

TEST_CASE("what is no message is answered, and hurts nothing", "[lsp]") {
  Session session;
  CHECK(session.handle(Value(1)).size() == 1);
  CHECK(session.handle(parsed("{}")).empty());
  CHECK(session.handle(parsed("{\"method\": \"textDocument/didChange\", \"params\": 7}")).empty());
  CHECK(session.handle(parsed("{\"id\": 1, \"method\": \"textDocument/hover\", \"params\": []}")).at(0).find("error") != nullptr);
  CHECK(session.handle(parsed("{\"id\": 1, \"method\": \"textDocument/definition\", \"params\": {}}")).at(0).find("error") != nullptr);
  CHECK_FALSE(session.ended());
  session.handle(parsed("{\"method\": \"exit\"}"));
  CHECK(session.ended() == 1);
}

}  // namespace
}  // namespace drover::cli::language
