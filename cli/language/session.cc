#include "cli/language/session.h"

#include <charconv>

#include <fmt/format.h>

#include "base/json/json.h"

namespace drover::cli::language {
namespace {

// JSON-RPC's codes.
constexpr int parse_error = -32700, method_not_found = -32601, invalid_params = -32602;

Value object(std::initializer_list<Value::Member> members) { return Value(Value::Map(members)); }

const Value& member(const Value& of, std::string_view name) {
  static const Value none;
  const Value* found = of.find(name);
  return found ? *found : none;
}

std::string text_member(const Value& of, std::string_view name) {
  const Value& found = member(of, name);
  return found.is_text() ? found.text() : "";
}

int number_member(const Value& of, std::string_view name) {
  const Value& found = member(of, name);
  if (!found.is_integer() || found.integer() < 0 || found.integer() > INT32_MAX) return 0;
  return static_cast<int>(found.integer());
}

Value reply(const Value& id, Value result) { return object({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}}); }

Value refusal(const Value& id, int code, std::string message) {
  return object({{"jsonrpc", "2.0"}, {"id", id}, {"error", object({{"code", code}, {"message", Value(std::move(message))}})}});
}

/// "file:///a%20b" → "/a b"; empty for any other kind of address.
std::string path_of(std::string_view uri) {
  constexpr std::string_view scheme = "file://";
  if (!uri.starts_with(scheme)) return "";
  uri.remove_prefix(scheme.size());
  std::string out;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    unsigned value = 0;
    const bool coded = uri[i] == '%' && i + 2 < uri.size() && std::from_chars(uri.data() + i + 1, uri.data() + i + 3, value, 16).ptr == uri.data() + i + 3;
    out.push_back(coded ? static_cast<char>(value) : uri[i]);
    if (coded) i += 2;
  }
  return out;
}

Value capabilities() {
  constexpr int full_text = 1;
  return object({{"capabilities", object({{"positionEncoding", "utf-16"},
                                          {"textDocumentSync", object({{"openClose", true}, {"change", full_text}})},
                                          {"completionProvider", object({{"triggerCharacters", Value(Value::List{".", "\""})}})},
                                          {"hoverProvider", true},
                                          {"documentSymbolProvider", true},
                                          {"documentFormattingProvider", true}})},
                 {"serverInfo", object({{"name", "drover"}})}});
}

}  // namespace

std::vector<Value> Session::handle(const Value& message) {
  std::vector<Value> out;
  const std::string method = text_member(message, "method");
  const Value& params = member(message, "params");
  const Value* id = message.find("id");
  if (method.empty()) {
    if (!message.is_map()) out.push_back(refusal({}, parse_error, "a message must be an object with a method"));
    return out;  // a reply to a question that was never asked
  }
  if (!id) {
    notified(method, params, out);
    return out;
  }
  auto result = answer(method, params);
  if (result.ok()) {
    out.push_back(reply(*id, std::move(result).value()));
  } else {
    out.push_back(refusal(*id, result.error().code == Code::unsupported ? method_not_found : invalid_params, result.error().message));
  }
  return out;
}

Result<Value> Session::answer(std::string_view method, const Value& params) {
  if (method == "initialize") return capabilities();
  if (method == "shutdown") return shut_down_ = true, Value();
  if (!method.starts_with("textDocument/")) return fail(Code::unsupported, "the method '{}' is not supported yet", method);
  DROVER_LET(const Document* of, document(params));
  const Value& position = member(params, "position");
  const std::size_t offset = offset_of(of->text, EditorPosition{number_member(position, "line"), number_member(position, "character")});
  if (method == "textDocument/completion") return completions(*of, offset);
  if (method == "textDocument/hover") return hover(*of, offset);
  if (method == "textDocument/documentSymbol") return symbols(*of);
  if (method == "textDocument/formatting") return formatting(*of);
  return fail(Code::unsupported, "the method '{}' is not supported yet", method);
}

void Session::notified(std::string_view method, const Value& params, std::vector<Value>& out) {
  if (method == "textDocument/didOpen") return opened(params, out);
  if (method == "textDocument/didChange") return changed(params, out);
  if (method == "textDocument/didClose") return closed(params, out);
  if (method == "exit") ended_ = shut_down_ ? 0 : 1;
}

void Session::opened(const Value& params, std::vector<Value>& out) {
  const Value& given = member(params, "textDocument");
  const std::string uri = text_member(given, "uri");
  if (uri.empty() || (documents_.size() >= documents_max && !documents_.contains(uri))) return;
  Document& document = documents_[uri] = Document{uri, path_of(uri), text_member(given, "text")};
  publish(document, out);
}

void Session::changed(const Value& params, std::vector<Value>& out) {
  const auto at = documents_.find(text_member(member(params, "textDocument"), "uri"));
  const Value& changes = member(params, "contentChanges");
  if (at == documents_.end() || !changes.is_list() || changes.items().empty()) return;
  at->second.text = text_member(changes.items().back(), "text");  // whole texts were asked for: the last one counts
  publish(at->second, out);
}

void Session::closed(const Value& params, std::vector<Value>& out) {
  const auto at = documents_.find(text_member(member(params, "textDocument"), "uri"));
  if (at == documents_.end()) return;
  Document gone{at->first, "", ""};
  documents_.erase(at);
  publish(gone, out);
}

void Session::publish(const Document& document, std::vector<Value>& out) const {
  Value found = document.text.empty() ? Value::list() : diagnostics(document, files_of_);
  out.push_back(object({{"jsonrpc", "2.0"}, {"method", "textDocument/publishDiagnostics"}, {"params", object({{"uri", Value(document.uri)}, {"diagnostics", std::move(found)}})}}));
}

Result<const Document*> Session::document(const Value& params) const {
  const std::string uri = text_member(member(params, "textDocument"), "uri");
  const auto at = documents_.find(uri);
  if (at == documents_.end()) return fail(Code::invalid, "the document '{}' is not open", uri);
  return &at->second;
}

std::string framed(const Value& message) {
  const std::string body = json::write(message);
  return fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

Result<std::optional<std::string>> Frames::next() {
  const std::size_t header = pending_.find("\r\n\r\n");
  if (header == std::string::npos) {
    if (pending_.size() > header_bytes_max) return fail(Code::invalid, "the input has no header within {} bytes", header_bytes_max);
    return std::optional<std::string>();
  }
  constexpr std::string_view name = "Content-Length:";
  const std::string_view text = std::string_view(pending_).substr(0, header);
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return fail(Code::invalid, "a header has no Content-Length");
  std::size_t from = at + name.size(), length = 0;
  while (from < text.size() && text[from] == ' ') ++from;
  if (std::from_chars(text.data() + from, text.data() + text.size(), length).ec != std::errc{}) return fail(Code::invalid, "a header has no Content-Length");
  if (length > message_bytes_max) return fail(Code::exhausted, "a message of {} bytes: at most {} are read", length, message_bytes_max);
  if (pending_.size() < header + 4 + length) return std::optional<std::string>();
  std::string body = pending_.substr(header + 4, length);
  pending_.erase(0, header + 4 + length);
  return std::optional(std::move(body));
}

}  // namespace drover::cli::language
