#include "api/metrics.h"

#include <catch2/catch.hpp>

namespace drover::api {
namespace {

const std::vector<Gauge> gauges = {
    {.name = "nomad.b.c", .value = 2, .labels = {{"job", "a\"b"}}},
    {.name = "nomad.a", .value = 1.5},
    {.name = "nomad.b.c", .value = 1, .labels = {{"job", "a"}}},
};

TEST_CASE("metrics as JSON have the members that clients read", "[api]") {
  CHECK(metrics_json(gauges, from_ns(1'767'366'245'000'000'000)) ==
        R"({"Counters":[],"Gauges":[{"Labels":{},"Name":"nomad.a","Value":1.5},)"
        R"({"Labels":{"job":"a"},"Name":"nomad.b.c","Value":1.0},{"Labels":{"job":"a\"b"},"Name":"nomad.b.c","Value":2.0}],)"
        R"("Points":[],"PrecisionGauges":[],"Samples":[],"Timestamp":"2026-01-02 15:04:05 +0000 UTC"})");
}

TEST_CASE("metrics for Prometheus say each type once, in order, with escaped labels", "[api]") {
  CHECK(metrics_prometheus(gauges) ==
        "# HELP nomad_a nomad_a\n# TYPE nomad_a gauge\nnomad_a 1.5\n"
        "# HELP nomad_b_c nomad_b_c\n# TYPE nomad_b_c gauge\nnomad_b_c{job=\"a\"} 1\nnomad_b_c{job=\"a\\\"b\"} 2\n");
}

}  // namespace
}  // namespace drover::api
