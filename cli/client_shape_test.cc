#include "cli/client_shape.h"

#include <catch2/catch.hpp>

namespace drover::cli {

TEST_CASE("objects have the members that scripts know: zero where the answer has none, nothing besides", "[cli]") {
  Value alloc = Value::map();
  alloc.set("ID", "8ba3").set("SharedResources", Value::map()).set("ClientStatus", "running");

  const Value shaped = client_shape(alloc, "alloc");

  CHECK(shaped.find("ID")->text() == "8ba3");
  CHECK(shaped.find("DeploymentID")->text().empty());
  CHECK(shaped.find("RescheduleTracker")->is_null());
  CHECK(shaped.find("CreateIndex")->integer() == 0);
  CHECK(shaped.find("SharedResources") == nullptr);
}

TEST_CASE("what is printed only when it is there stays out while it is empty", "[cli]") {
  Value node = Value::map();
  node.set("ID", "aa").set("Attributes", Value::map());
  CHECK(client_shape(node, "node stub").find("Attributes") == nullptr);

  Value attributes = Value::map();
  attributes.set("os.name", "debian");
  node.set("Attributes", attributes);
  CHECK(client_shape(node, "node stub").find("Attributes") != nullptr);
}

TEST_CASE("a job keeps every member it has", "[cli]") {
  Value job = Value::map();
  job.set("ID", "web").set("Something", 1);
  const Value shaped = client_shape(job, "job");
  CHECK(shaped.find("Something") != nullptr);
  CHECK(shaped.find("Migrate")->is_null());
}

}  // namespace drover::cli
