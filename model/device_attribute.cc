#include "model/device_attribute.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/constraint.h"

namespace drover::model {
namespace {

enum class Measure : std::uint8_t { bytes, bytes_a_second, hertz, watts };

struct Unit {
  std::string_view name;
  Measure measure;
  double factor;
};

constexpr double kibi = 1024, kilo = 1000;

/// Longer names before those they end with.
constexpr Unit units[] = {
    {"KiB/s", Measure::bytes_a_second, kibi}, {"MiB/s", Measure::bytes_a_second, kibi * kibi}, {"GiB/s", Measure::bytes_a_second, kibi * kibi * kibi},
    {"TiB/s", Measure::bytes_a_second, kibi * kibi * kibi * kibi}, {"PiB/s", Measure::bytes_a_second, kibi * kibi * kibi * kibi * kibi},
    {"EiB/s", Measure::bytes_a_second, kibi * kibi * kibi * kibi * kibi * kibi},
    {"kB/s", Measure::bytes_a_second, kilo}, {"KB/s", Measure::bytes_a_second, kilo}, {"MB/s", Measure::bytes_a_second, kilo * kilo},
    {"GB/s", Measure::bytes_a_second, kilo * kilo * kilo}, {"TB/s", Measure::bytes_a_second, kilo * kilo * kilo * kilo},
    {"PB/s", Measure::bytes_a_second, kilo * kilo * kilo * kilo * kilo}, {"EB/s", Measure::bytes_a_second, kilo * kilo * kilo * kilo * kilo * kilo},
    {"KiB", Measure::bytes, kibi}, {"MiB", Measure::bytes, kibi * kibi}, {"GiB", Measure::bytes, kibi * kibi * kibi}, {"TiB", Measure::bytes, kibi * kibi * kibi * kibi},
    {"PiB", Measure::bytes, kibi * kibi * kibi * kibi * kibi}, {"EiB", Measure::bytes, kibi * kibi * kibi * kibi * kibi * kibi},
    {"kB", Measure::bytes, kilo}, {"KB", Measure::bytes, kilo}, {"MB", Measure::bytes, kilo * kilo}, {"GB", Measure::bytes, kilo * kilo * kilo},
    {"TB", Measure::bytes, kilo * kilo * kilo * kilo}, {"PB", Measure::bytes, kilo * kilo * kilo * kilo * kilo}, {"EB", Measure::bytes, kilo * kilo * kilo * kilo * kilo * kilo},
    {"MHz", Measure::hertz, kilo * kilo}, {"GHz", Measure::hertz, kilo * kilo * kilo},
    {"mW", Measure::watts, 1 / kilo}, {"kW", Measure::watts, kilo}, {"MW", Measure::watts, kilo * kilo}, {"GW", Measure::watts, kilo * kilo * kilo}, {"W", Measure::watts, 1},
};

const Unit* unit_at_end(std::string_view text) {
  const auto found = std::ranges::find_if(units, [text](const Unit& unit) { return text.ends_with(unit.name); });
  return found == std::end(units) ? nullptr : found;
}

const Unit* unit_named(std::string_view name) {
  const auto found = std::ranges::find(units, name, &Unit::name);
  return found == std::end(units) ? nullptr : found;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A whole number, or one with a fraction or an exponent; underscores may stand between digits of the latter.
std::optional<Measured> as_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  if (const auto whole = number<std::int64_t>(text)) return Measured{*whole, {}};
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos && text.find_first_of("xXnN") == std::string_view::npos;
  std::string plain(text);
  std::erase(plain, '_');
  if (const auto real = number<double>(plain); digits && real && std::isfinite(*real)) return Measured{*real, {}};
  return std::nullopt;
}

std::optional<bool> as_boolean(std::string_view text) {
  for (const std::string_view word : {"t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const std::string_view word : {"f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

double size_of(const Measured& a) { return a.value.index() == 0 ? static_cast<double>(std::get<0>(a.value)) : std::get<1>(a.value); }

/// As constraints on nodes see it; nothing for numbers with a fraction and for booleans.
std::optional<std::string> text_of(const Measured& a) {
  if (const auto* text = std::get_if<std::string>(&a.value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&a.value); whole && a.unit.empty()) return std::to_string(*whole);
  return std::nullopt;
}

}  // namespace

Measured Measured::parse(std::string_view text) {
  if (const Unit* unit = unit_at_end(text)) {
    std::string_view digits = text.substr(0, text.size() - unit->name.size());
    while (digits.ends_with(' ')) digits.remove_suffix(1);
    if (auto out = as_number(digits)) {
      out->unit = unit->name;
      return *out;
    }
    return {std::string(text), {}};
  }
  if (auto out = as_number(text)) return *out;
  if (const auto flag = as_boolean(text)) return {*flag, {}};
  return {std::string(text), {}};
}

std::optional<std::partial_ordering> compare(const Measured& a, const Measured& b) {
  if (!a.is_number() || !b.is_number()) {
    if (a.value.index() != b.value.index()) return std::nullopt;
    if (const auto* flag = std::get_if<bool>(&a.value)) return *flag <=> std::get<bool>(b.value);
    return std::get<std::string>(a.value) <=> std::get<std::string>(b.value);
  }
  const Unit *x = unit_named(a.unit), *y = unit_named(b.unit);
  if ((x == nullptr) != (y == nullptr) || (x && x->measure != y->measure)) return std::nullopt;
  if (a.unit == b.unit && a.value.index() == 0 && b.value.index() == 0) return std::get<0>(a.value) <=> std::get<0>(b.value);
  return size_of(a) * (x ? x->factor : 1) <=> size_of(b) * (y ? y->factor : 1);
}

bool device_constraint_holds(const Measured* left, std::string_view operand, const Measured* right) {
  if (operand == "is_set") return left != nullptr;
  if (operand == "is_not_set") return left == nullptr;
  const bool unequal = operand == "!=" || operand == "not";
  if (unequal && (left == nullptr || right == nullptr)) return left != right;
  if (left == nullptr || right == nullptr) return false;
  const auto order = compare(*left, *right);
  if (operand == "=" || operand == "==" || operand == "is") return order && *order == 0;
  if (unequal) return order && *order != 0;
  if (operand == "<") return order && *order < 0;
  if (operand == "<=") return order && *order <= 0;
  if (operand == ">") return order && *order > 0;
  if (operand == ">=") return order && *order >= 0;
  const auto a = text_of(*left), b = text_of(*right);
  return a && b && Condition(*a, operand, *b).holds(*a, *b);
}

}  // namespace drover::model
