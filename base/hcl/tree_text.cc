#include "base/hcl/tree_text.h"

#include <string_view>

namespace drover::hcl {
namespace {

constexpr std::string_view operator_names[] = {"||", "&&", "==", "!=", ">", ">=", "<", "<=", "+", "-", "*", "/", "%", "neg", "not"};

/// Writes each node as (kind parts…). Texts carry their length, so that nothing in them looks like structure.
class TreeWriter {
 public:
  void body(const Body& body) {
    open("body");
    for (const Attribute& attribute : body.attributes) {
      open("set");
      word(attribute.name);
      write(*attribute.value);
      close();
    }
    for (const Block& block : body.blocks) {
      open("block");
      word(block.type);
      for (const Label& label : block.labels) text(label.quoted ? "quoted" : "bare", label.text);
      this->body(block.body);
      close();
    }
    close();
  }

  void write(const Expression& e) {
    std::visit([this](const auto& node) { this->node(node); }, e.node);
  }

  std::string take() { return std::move(out_); }

 private:
  void open(std::string_view kind) {
    if (!out_.empty() && out_.back() != '(') out_.push_back(' ');
    out_.append("(").append(kind);
  }
  void close() { out_.push_back(')'); }
  void word(std::string_view word) { out_.append(" ").append(word); }
  void text(std::string_view kind, std::string_view text) {
    open(kind);
    word(std::to_string(text.size()));
    word(text);
    close();
  }
  void optional(const ExpressionPtr& e) {
    if (e) return write(*e);
    word("none");
  }
  void flag(std::string_view name, bool on) {
    if (on) word(name);
  }

  void steps(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      if (step.kind == Step::Kind::number) text("at", step.index.to_text());
      else text(step.kind == Step::Kind::key ? "key" : "name", step.name);
    }
  }

  void node(const Literal& literal) {
    if (const auto* number = std::get_if<Number>(&literal.value)) return text("number", number->to_text());
    const bool* boolean = std::get_if<bool>(&literal.value);
    text("literal", boolean ? (*boolean ? "true" : "false") : "null");
  }
  void node(const Reference& reference) {
    open("reference");
    word(reference.root);
    steps(reference.steps);
    close();
  }
  void node(const Access& access) {
    open("access");
    write(*access.from);
    steps(access.steps);
    close();
  }
  void node(const Index& index) {
    open("index");
    write(*index.from);
    write(*index.key);
    close();
  }
  void node(const Splat& splat) {
    open("splat");
    write(*splat.from);
    write(*splat.each);
    close();
  }
  void node(const Item&) { word("item"); }
  void node(const Call& call) {
    open("call");
    word(call.name);
    for (const ExpressionPtr& argument : call.arguments) write(*argument);
    flag("expanded", call.expand_last);
    close();
  }
  void node(const Tuple& tuple) {
    open("tuple");
    for (const ExpressionPtr& item : tuple.items) write(*item);
    close();
  }
  void node(const Object& object) {
    open("object");
    for (const ObjectItem& item : object.items) {
      open("item");
      write(*item.key);
      write(*item.value);
      close();
    }
    close();
  }
  void node(const For& loop) {
    open(loop.key ? "for-object" : "for-tuple");
    text("key", loop.key_name);
    text("value", loop.value_name);
    write(*loop.from);
    optional(loop.key);
    write(*loop.value);
    optional(loop.condition);
    flag("grouped", loop.grouped);
    close();
  }
  void node(const Conditional& conditional) {
    open("if");
    write(*conditional.condition);
    write(*conditional.when_true);
    write(*conditional.when_false);
    close();
  }
  void node(const Binary& binary) {
    open(operator_names[static_cast<std::size_t>(binary.op)]);
    write(*binary.left);
    write(*binary.right);
    close();
  }
  void node(const Unary& unary) {
    open(operator_names[static_cast<std::size_t>(unary.op)]);
    write(*unary.operand);
    close();
  }
  void node(const Parentheses& parentheses) {
    open("parentheses");
    write(*parentheses.inner);
    close();
  }
  void node(const Text& part) { text("text", part.text); }
  void node(const Interpolation& interpolation) {
    open("interpolation");
    write(*interpolation.inner);
    close();
  }
  void node(const TextIf& choice) {
    open("text-if");
    write(*choice.condition);
    optional(choice.when_true);
    optional(choice.when_false);
    close();
  }
  void node(const TextFor& loop) {
    open("text-for");
    text("key", loop.key_name);
    text("value", loop.value_name);
    write(*loop.from);
    optional(loop.body);
    close();
  }
  void node(const Template& parts) {
    open(parts.is_heredoc ? "heredoc" : "template");
    for (const ExpressionPtr& part : parts.parts) write(*part);
    close();
  }

  std::string out_;
};

}  // namespace

std::string tree_text(const Expression& expression) {
  TreeWriter writer;
  writer.write(expression);
  return writer.take();
}

std::string tree_text(const Body& body) {
  TreeWriter writer;
  writer.body(body);
  return writer.take();
}

}  // namespace drover::hcl
