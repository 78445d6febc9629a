#include "base/hcl/eval.h"
#include "base/hcl/parser.h"
#include "base/loop/random.h"
#include "tests/fuzz/fuzz.h"

/// Expressions over a small scope with every function: any of them ends, with a value or with errors.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace drover;
  hcl::Diagnostics problems;
  const auto source = hcl::Source::make("fuzz", fuzz::text_of(bytes, size));
  const hcl::ExpressionPtr parsed = hcl::parse_expression(*source, problems);
  if (hcl::has_errors(problems)) return 0;
  SeededRandom random(1);
  const hcl::Functions functions = hcl::standard_functions(hcl::World{&random, nullptr});
  hcl::Budget budget{20'000};
  hcl::Scope scope;
  scope.use(functions);
  scope.use(budget);
  scope.set("var", hcl::Datum::object({{"n", hcl::Datum(std::int64_t{3})}, {"s", hcl::Datum("text")}, {"l", hcl::Datum::tuple({hcl::Datum(true), hcl::Datum::null()})},
                                       {"m", hcl::Datum::map(hcl::Kind::string, {{"a", hcl::Datum("b")}})}}));
  scope.keep_unknown_references();
  const hcl::Datum value = hcl::evaluate(*parsed, &scope, problems);
  fuzz::require(hcl::has_errors(problems) || !value.is_unknown(), "no value without an error");
  const Result<Value> plain = hcl::to_value(value);
  fuzz::require(plain.ok() || !plain.error().message.empty(), "a value or a reason");
  return 0;
}
