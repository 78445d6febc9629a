#include "cli/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/json/json.h"

namespace drover::cli {
namespace {

constexpr int depth_max = 64;  ///< blocks in blocks, and parentheses in expressions

/// A word of an action: names, literals and punctuation, already split.
struct Word {
  std::string text;
  bool is_quoted = false;
};

struct Node {
  enum class Kind { text, print, assign, range, branch, with } kind = Kind::text;
  std::string text;                 // text: itself
  std::vector<Word> pipeline;       // everything else
  std::string name, second_name;    // variables that assign or range bind
  std::vector<Node> body, otherwise;
};

Result<std::vector<Word>> split(std::string_view action) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < action.size();) {
    const char c = action[i];
    if (c == ' ' || c == '\t' || c == '\n') {
      ++i;
    } else if (c == '"' || c == '`') {
      std::string value;
      std::size_t end = i + 1;
      for (; end < action.size() && action[end] != c; ++end) {
        if (c == '"' && action[end] == '\\' && end + 1 < action.size()) {
          const char escaped = action[++end];
          value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
        } else {
          value += action[end];
        }
      }
      if (end == action.size()) return fail(Code::invalid, "template: unterminated quoted string");
      words.push_back({value, true});
      i = end + 1;
    } else if (c == '(' || c == ')' || c == '|' || c == ',') {
      words.push_back({std::string(1, c)});
      ++i;
    } else {
      const auto end = action.find_first_of(" \t\n()|,\"`", i);
      words.push_back({std::string(action.substr(i, end - i))});
      i = end == std::string_view::npos ? action.size() : end;
    }
  }
  return words;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Node>> parse() {
    std::string stopped;
    DROVER_LET(auto nodes, block(0, stopped));
    if (!stopped.empty()) return fail(Code::invalid, "template: unexpected {{{}}}", stopped);
    return nodes;
  }

 private:
  Result<std::vector<Node>> block(int depth, std::string& stopped) {
    if (depth > depth_max) return fail(Code::exhausted, "template: more than {} nested blocks", depth_max);
    std::vector<Node> nodes;
    while (at_ < text_.size()) {
      const auto open = text_.find("{{", at_);
      std::string before(text_.substr(at_, open == std::string_view::npos ? open : open - at_));
      if (trim_next_) before.erase(0, std::min(before.size(), before.find_first_not_of(" \t\r\n")));
      trim_next_ = false;
      if (open == std::string_view::npos) {
        if (!before.empty()) nodes.push_back({.kind = Node::Kind::text, .text = before});
        at_ = text_.size();
        break;
      }
      const auto close = text_.find("}}", open);
      if (close == std::string_view::npos) return fail(Code::invalid, "template: :{}: unclosed action", 1 + std::ranges::count(text_.substr(0, open), '\n'));
      std::string_view action = text_.substr(open + 2, close - open - 2);
      if (action.starts_with("- ")) {
        action.remove_prefix(2);
        before.erase(before.find_last_not_of(" \t\r\n") + 1);
      }
      if (action.ends_with(" -")) {
        action.remove_suffix(2);
        trim_next_ = true;
      }
      if (!before.empty()) nodes.push_back({.kind = Node::Kind::text, .text = before});
      at_ = close + 2;
      if (action.starts_with("/*")) continue;

      DROVER_LET(auto words, split(action));
      if (words.empty()) return fail(Code::invalid, "template: missing value for command");
      const std::string& first = words[0].text;
      if (!words[0].is_quoted && (first == "end" || first == "else")) {
        stopped = first;
        rest_.assign(words.begin() + 1, words.end());
        return nodes;
      }
      DROVER_LET(Node node, statement(std::move(words), depth));
      nodes.push_back(std::move(node));
    }
    stopped.clear();
    return nodes;
  }

  Result<Node> statement(std::vector<Word> words, int depth) {
    const std::string first = words[0].is_quoted ? "" : words[0].text;
    Node node;
    if (first == "range" || first == "if" || first == "with") {
      node.kind = first == "range" ? Node::Kind::range : first == "if" ? Node::Kind::branch : Node::Kind::with;
      words.erase(words.begin());
      bind_names(words, node);
      node.pipeline = std::move(words);
      std::string stopped;
      DROVER_LET(node.body, block(depth + 1, stopped));
      if (stopped == "else") {
        if (!rest_.empty()) {
          DROVER_LET(Node nested, statement(rest_, depth + 1));
          node.otherwise.push_back(std::move(nested));
          return node;
        }
        DROVER_LET(node.otherwise, block(depth + 1, stopped));
      }
      if (stopped != "end") return fail(Code::invalid, "template: unexpected EOF: {{{}}} has no {{end}}", first);
      return node;
    }
    node.kind = Node::Kind::print;
    bind_names(words, node);
    if (!node.name.empty()) node.kind = Node::Kind::assign;
    node.pipeline = std::move(words);
    return node;
  }

  /// Takes "$x :=" or "$i, $x :=" off the front.
  static void bind_names(std::vector<Word>& words, Node& node) {
    auto is = [&](std::size_t i, std::string_view text) { return i < words.size() && words[i].text == text && !words[i].is_quoted; };
    if (is(1, ":=") || is(1, "=")) {
      node.name = words[0].text;
      words.erase(words.begin(), words.begin() + 2);
    } else if (is(1, ",") && is(3, ":=")) {
      node.second_name = words[0].text;
      node.name = words[2].text;
      words.erase(words.begin(), words.begin() + 4);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool trim_next_ = false;
  std::vector<Word> rest_;
};

bool is_true(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return false;
    case Value::Kind::boolean: return value.boolean();
    case Value::Kind::integer: return value.integer() != 0;
    case Value::Kind::real: return value.real() != 0;
    case Value::Kind::text: return !value.text().empty();
    case Value::Kind::list: return !value.items().empty();
    case Value::Kind::map: return !value.members().empty();
  }
  return false;
}

std::string shown(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return "<nil>";
    case Value::Kind::boolean: return value.boolean() ? "true" : "false";
    case Value::Kind::integer: return std::to_string(value.integer());
    case Value::Kind::real: return fmt::format("{}", value.real());
    case Value::Kind::text: return value.text();
    case Value::Kind::list: {
      std::vector<std::string> parts;
      for (const Value& item : value.items()) parts.push_back(shown(item));
      return fmt::format("[{}]", fmt::join(parts, " "));
    }
    case Value::Kind::map: {
      std::vector<std::string> parts;
      for (const auto& [key, item] : value.members()) parts.push_back(key + ":" + shown(item));
      std::ranges::sort(parts);
      return fmt::format("map[{}]", fmt::join(parts, " "));
    }
  }
  return "";
}

/// %s %v %d %q %x %f with width, as far as templates of this kind use them.
Result<std::string> printf_text(const std::vector<Value>& args) {
  if (args.empty() || !args[0].is_text()) return fail(Code::invalid, "printf: the first argument must be a format");
  const std::string& format = args[0].text();
  std::string text;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const auto verb = format.find_first_not_of("-+ 0123456789.", i + 1);
    if (verb == std::string::npos) return fail(Code::invalid, "printf: the format '{}' ends in a %", format);
    if (format[verb] == '%') {
      text += '%';
      i = verb;
      continue;
    }
    if (next >= args.size()) return fail(Code::invalid, "printf: too few arguments for '{}'", format);
    const Value& value = args[next++];
    std::string cell = shown(value);
    const std::string flags = format.substr(i + 1, verb - i - 1);
    if (format[verb] == 'q') cell = "\"" + cell + "\"";
    if (format[verb] == 'f' && value.is_number()) {
      const auto dot = flags.find('.');
      cell = fmt::format("{:.{}f}", value.real(), dot == std::string::npos ? 6 : std::atoi(flags.c_str() + dot + 1));
    }
    if (format[verb] == 'x' && value.is_integer()) cell = fmt::format("{:x}", value.integer());
    const int width = std::abs(std::atoi(flags.c_str()));
    const std::string fill(static_cast<std::size_t>(std::max(0, std::min(width, 1000) - static_cast<int>(cell.size()))), ' ');
    text += flags.starts_with('-') ? cell + fill : fill + cell;
    i = verb;
  }
  return text;
}

int compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.real() < b.real() ? -1 : a.real() > b.real();
  const std::string left = shown(a), right = shown(b);
  return left < right ? -1 : left > right;
}

Result<Value> call(const std::string& name, const std::vector<Value>& args) {
  auto needs = [&](std::size_t count) -> Result<void> {
    if (args.size() >= count) return {};
    return fail(Code::invalid, "{}: wants at least {} arguments, has {}", name, count, args.size());
  };
  if (name == "printf") {
    DROVER_LET(auto text, printf_text(args));
    return Value(text);
  }
  if (name == "print" || name == "println") {
    std::string text;
    for (const Value& arg : args) text += (name == "println" && !text.empty() ? " " : "") + shown(arg);
    return Value(text + (name == "println" ? "\n" : ""));
  }
  if (name == "not") {
    DROVER_TRY(needs(1));
    return Value(!is_true(args[0]));
  }
  if (name == "and" || name == "or") {
    DROVER_TRY(needs(1));
    for (const Value& arg : args) {
      if (is_true(arg) == (name == "or")) return arg;
    }
    return args.back();
  }
  if (name == "len") {
    DROVER_TRY(needs(1));
    const Value& v = args[0];
    if (v.is_list()) return Value(static_cast<std::int64_t>(v.items().size()));
    if (v.is_map()) return Value(static_cast<std::int64_t>(v.members().size()));
    if (v.is_text()) return Value(static_cast<std::int64_t>(v.text().size()));
    return v.is_null() ? Result<Value>(Value(0)) : Result<Value>(fail(Code::invalid, "len: of a {}", to_text(v.kind())));
  }
  if (name == "index") {
    DROVER_TRY(needs(2));
    Value at = args[0];
    for (std::size_t i = 1; i < args.size(); ++i) {
      if (at.is_list() && args[i].is_integer()) {
        const auto position = args[i].integer();
        if (position < 0 || position >= static_cast<std::int64_t>(at.items().size()))
          return fail(Code::invalid, "index: {} is out of range", position);
        at = Value(at.items()[static_cast<std::size_t>(position)]);
      } else {
        const Value* member = at.find(shown(args[i]));
        at = member ? Value(*member) : Value();
      }
    }
    return at;
  }
  if (name == "json") {
    DROVER_TRY(needs(1));
    return Value(json::write(args[0]));
  }
  constexpr std::string_view comparisons[] = {"eq", "ne", "lt", "le", "gt", "ge"};
  if (std::ranges::find(comparisons, name) != std::end(comparisons)) {
    DROVER_TRY(needs(2));
    const int order = compare(args[0], args[1]);
    if (name == "eq") {
      return Value(std::any_of(args.begin() + 1, args.end(), [&args](const Value& v) { return compare(args[0], v) == 0; }));
    }
    return Value(name == "ne" ? order != 0 : name == "lt" ? order < 0 : name == "le" ? order <= 0 : name == "gt" ? order > 0 : order >= 0);
  }
  return fail(Code::invalid, "function \"{}\" not defined", name);
}

bool is_function(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }) &&
         word != "true" && word != "false" && word != "nil";
}

class Renderer {
 public:
  explicit Renderer(const Value& data) : data_(data) {}

  Result<void> render(const std::vector<Node>& nodes, const Value& dot, std::string& out) {
    for (const Node& node : nodes) DROVER_TRY(one(node, dot, out));
    return {};
  }

 private:
  Result<void> one(const Node& node, const Value& dot, std::string& out) {
    if (node.kind == Node::Kind::text) {
      out += node.text;
      return {};
    }
    DROVER_LET(const Value value, pipeline(node.pipeline, dot));
    switch (node.kind) {
      case Node::Kind::print: out += shown(value); return {};
      case Node::Kind::assign: variables_[node.name] = value; return {};
      case Node::Kind::branch: return render(is_true(value) ? node.body : node.otherwise, dot, out);
      case Node::Kind::with:
        if (!node.name.empty()) variables_[node.name] = value;
        return is_true(value) ? render(node.body, value, out) : render(node.otherwise, dot, out);
      case Node::Kind::range: return range(node, value, dot, out);
      case Node::Kind::text: break;
    }
    return {};
  }

  Result<void> range(const Node& node, const Value& value, const Value& dot, std::string& out) {
    if (!is_true(value)) return render(node.otherwise, dot, out);
    if (!value.is_list() && !value.is_map()) return fail(Code::invalid, "range can't iterate over {}", shown(value));
    auto each = [&](Value key, const Value& item) -> Result<void> {
      if (!node.second_name.empty()) variables_[node.second_name] = std::move(key);
      if (!node.name.empty()) variables_[node.name] = item;
      return render(node.body, item, out);
    };
    if (value.is_list()) {
      std::int64_t i = 0;
      for (const Value& item : value.items()) DROVER_TRY(each(Value(i++), item));
      return {};
    }
    auto members = value.members();
    std::ranges::sort(members, {}, &Value::Member::first);
    for (const auto& [key, item] : members) DROVER_TRY(each(Value(key), item));
    return {};
  }

  Result<Value> pipeline(const std::vector<Word>& words, const Value& dot) {
    std::size_t at = 0;
    return pipeline(words, at, dot, 0);
  }

  Result<Value> pipeline(const std::vector<Word>& words, std::size_t& at, const Value& dot, int depth) {
    if (depth > depth_max) return fail(Code::exhausted, "template: more than {} nested parentheses", depth_max);
    std::optional<Value> piped;
    for (;;) {
      DROVER_LET(Value value, command(words, at, dot, piped, depth));
      if (at >= words.size() || words[at].text != "|" || words[at].is_quoted) return value;
      piped = std::move(value);
      ++at;
    }
  }

  Result<Value> command(const std::vector<Word>& words, std::size_t& at, const Value& dot, const std::optional<Value>& piped, int depth) {
    std::string function;
    std::vector<Value> args;
    for (; at < words.size(); ++at) {
      const Word& word = words[at];
      if (!word.is_quoted && (word.text == "|" || word.text == ")")) break;
      if (!word.is_quoted && word.text == "(") {
        ++at;
        DROVER_LET(Value inner, pipeline(words, at, dot, depth + 1));
        if (at >= words.size()) return fail(Code::invalid, "template: unclosed left paren");
        if (at + 1 < words.size() && !words[at + 1].is_quoted && words[at + 1].text.size() > 1 && words[at + 1].text[0] == '.') {
          DROVER_LET(inner, path(Value(inner), std::string_view(words[++at].text).substr(1)));  // (index . 0).ID
        }
        args.push_back(std::move(inner));
      } else if (function.empty() && args.empty() && !word.is_quoted && is_function(word.text)) {
        function = word.text;
      } else {
        DROVER_LET(Value value, operand(word, dot));
        args.push_back(std::move(value));
      }
    }
    if (piped) args.push_back(*piped);
    if (!function.empty()) return call(function, args);
    if (args.size() != 1) return fail(Code::invalid, "template: expected one value, found {}", args.size());
    return args[0];
  }

  Result<Value> operand(const Word& word, const Value& dot) {
    if (word.is_quoted) return Value(word.text);
    const std::string& text = word.text;
    if (text == ".") return dot;
    if (text == "true" || text == "false") return Value(text == "true");
    if (text == "nil") return Value();
    if (text[0] == '.') return path(dot, std::string_view(text).substr(1));
    if (text[0] == '$') {
      const auto point = text.find('.');
      const std::string name = text.substr(0, point);
      const auto found = variables_.find(name);
      if (name != "$" && found == variables_.end()) return fail(Code::invalid, "undefined variable \"{}\"", name);
      const Value& base = name == "$" ? data_ : found->second;
      return point == std::string::npos ? Result<Value>(base) : path(base, std::string_view(text).substr(point + 1));
    }
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (end && *end == '\0') {
      return text.find('.') == std::string::npos ? Value(static_cast<std::int64_t>(number)) : Value(number);
    }
    return fail(Code::invalid, "function \"{}\" not defined", text);
  }

  Result<Value> path(const Value& from, std::string_view fields) {
    const Value* at = &from;
    while (!fields.empty()) {
      const auto point = fields.find('.');
      const std::string_view field = fields.substr(0, point);
      if (at->is_null()) return fail(Code::invalid, "executing \"\" at <.{}>: nil pointer evaluating", field);
      const Value* next = at->find(field);
      if (!next) return fail(Code::invalid, "executing \"\" at <.{}>: can't evaluate field {}", field, field);
      at = next;
      fields.remove_prefix(point == std::string_view::npos ? fields.size() : point + 1);
    }
    return *at;
  }

  const Value& data_;
  std::map<std::string, Value> variables_;
};

}  // namespace

Result<std::string> render_template(std::string_view text, const Value& data) {
  DROVER_LET(const auto nodes, Parser(text).parse());
  std::string out;
  DROVER_TRY(Renderer(data).render(nodes, data, out));
  return out;
}

}  // namespace drover::cli
