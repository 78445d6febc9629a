#include "cli/language_commands.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/hcl/disk_files.h"
#include "base/json/json.h"
#include "cli/language/session.h"

/// drover lsp: what editors are told of job files.
namespace drover::cli {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;

/// Serves one editor on standard input and output until it says exit, or closes them.
int serve(Context& context) {
  const std::string home = context.world.env("HOME").value_or("");
  language::Session session([home](const language::Document& document) -> std::unique_ptr<hcl::Files> {
    if (document.path.empty()) return nullptr;
    return std::make_unique<hcl::DiskFiles>(std::filesystem::path(document.path).parent_path().string(), home);
  });
  language::Frames frames;
  char buffer[read_bytes];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR && !context.world.interrupted()) continue;
    if (count <= 0) return 1;
    frames.add(std::string_view(buffer, static_cast<std::size_t>(count)));
    for (;;) {
      auto message = frames.next();
      if (!message.ok()) return failed("Error", message.error());
      if (!message->has_value()) break;
      const auto value = json::parse(**message);
      for (const Value& answer : session.handle(value.ok() ? *value : Value("not JSON"))) {
        const std::string text = language::framed(answer);
        std::fwrite(text.data(), 1, text.size(), stdout);
      }
      std::fflush(stdout);
      if (session.ended()) return *session.ended();
    }
  }
}

}  // namespace

void add_language_commands(std::vector<Command>& rows) {
  rows.push_back({"lsp", "", "serves an editor: mistakes, completions, explanations of job files (Language Server Protocol, standard input and output)", "drover lsp   # started by an editor: docs/editor.md", {}, serve, 0, 0});
}

}  // namespace drover::cli
