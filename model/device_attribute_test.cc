#include "model/device_attribute.h"

#include <catch2/catch.hpp>

namespace drover::model {
namespace {

bool holds(std::string_view left, std::string_view operand, std::string_view right) {
  const Measured a = Measured::parse(left), b = Measured::parse(right);
  return device_constraint_holds(&a, operand, &b);
}

TEST_CASE("attributes of devices are read with their units") {
  CHECK(std::get<std::int64_t>(Measured::parse("4 GiB").value) == 4);
  CHECK(Measured::parse("4GiB").unit == "GiB");
  CHECK(std::get<double>(Measured::parse("1.5 MB/s").value) == 1.5);
  CHECK(Measured::parse("1.5 MB/s").unit == "MB/s");
  CHECK(std::get<bool>(Measured::parse("True").value));
  CHECK(std::get<std::string>(Measured::parse("7 bananas").value) == "7 bananas");
  CHECK(std::get<std::string>(Measured::parse("GiB").value) == "GiB");
}

TEST_CASE("sizes compare across units, and with nothing else") {
  CHECK(holds("4096 MiB", "=", "4 GiB"));
  CHECK(holds("4 GiB", ">", "4 GB"));
  CHECK(holds("2000 MHz", "=", "2 GHz"));
  CHECK_FALSE(holds("4 GiB", ">", "1 GHz"));
  CHECK_FALSE(holds("4 GiB", "!=", "1 GHz"));
  CHECK_FALSE(holds("4 GiB", ">", "3"));
  CHECK(holds("Tesla T4", "regexp", "T[0-9]"));
}

TEST_CASE("what a device does not have differs from what it has") {
  const Measured a = Measured::parse("1");
  CHECK(device_constraint_holds(&a, "!=", nullptr));
  CHECK_FALSE(device_constraint_holds(nullptr, "!=", nullptr));
  CHECK_FALSE(device_constraint_holds(&a, "=", nullptr));
  CHECK(device_constraint_holds(&a, "is_set", nullptr));
  CHECK(device_constraint_holds(nullptr, "is_not_set", nullptr));
}

}  // namespace
}  // namespace drover::model
