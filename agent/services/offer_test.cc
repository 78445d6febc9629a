#include "agent/services/offer.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/registration.pb.h"

namespace drover::agent {
namespace {

struct Fixture {
  Fixture() {
    service.set_name("api");
    service.set_port_label("http");
    service.set_address_mode("auto");
    service.set_provider("consul");
    service.add_tags("zone=${node.zone}");
    service.add_canary_tags("canary");
    model::ServiceCheck& check = *service.add_checks();
    check.set_type("http");
    check.set_path("/health");
    check.set_interval(Duration(10s).count());
    check.set_timeout(Duration(2s).count());
  }
  Offer offer(const std::string& task = "") const {
    OfferInput input{*alloc, "dc1", "api", task, {{{"http", 25000, 8000, "10.0.0.1"}}, "10.0.0.1", std::nullopt}, {}};
    input.replace = [](const std::string& text) { return text == "zone=${node.zone}" ? "zone=a" : text; };
    return make_offer(input, {service});
  }

  std::shared_ptr<const model::Allocation> alloc = make_alloc();
  model::Service service;
};

}  // namespace

TEST_CASE("a service is registered with its address, port and tags, whoever its provider is", "[agent]") {
  const Offer offer = Fixture().offer();

  REQUIRE(offer.services.size() == 1);
  const model::ServiceRegistration& registration = *offer.services[0].registration;
  CHECK(registration.id() == "_nomad-task-" + std::string(test_alloc_id) + "-group-api-api-http");
  CHECK(registration.service_name() == "api");
  CHECK(registration.address() == "10.0.0.1");
  CHECK(registration.port() == 25000);
  CHECK(registration.tags_size() == 1);
  CHECK(registration.tags(0) == "zone=a");
  CHECK(registration.datacenter() == "dc1");
  CHECK(offer.problems.empty());
}

TEST_CASE("a task's service has its task in the id, and a canary its own tags", "[agent]") {
  Fixture f;
  f.alloc = changed_alloc(*f.alloc, [](model::Allocation& alloc) { alloc.mutable_deployment_status()->set_canary(true); });

  const Offer offer = f.offer("server");

  CHECK(offer.services[0].registration->id() == "_nomad-task-" + std::string(test_alloc_id) + "-server-api-http");
  CHECK(offer.services[0].registration->tags(0) == "canary");
}

TEST_CASE("a check has what it needs, defaults included, and an id that lasts", "[agent]") {
  const Offer offer = Fixture().offer();

  const CheckSpec& check = offer.services[0].checks.at(0);
  CHECK(check.name == "service: \"api\" check");
  CHECK(check.endpoint == Endpoint{"10.0.0.1", 25000});
  CHECK(check.path == "/health");
  CHECK(check.method == "GET");
  CHECK(check.interval == 10s);
  CHECK(check.restart_limit == 0);
  CHECK(check.id.size() == 64);
  CHECK(check.id == Fixture().offer().services[0].checks.at(0).id);
}

TEST_CASE("check_restart of the service stands where the check has none, and the check's goes first", "[agent]") {
  Fixture f;
  f.service.mutable_check_restart()->set_limit(3);
  f.service.mutable_check_restart()->set_grace(Duration(20s).count());
  CHECK(f.offer().services[0].checks[0].restart_limit == 3);
  CHECK(f.offer().services[0].checks[0].restart_grace == 20s);

  f.service.mutable_checks(0)->mutable_check_restart()->set_limit(5);
  CHECK(f.offer().services[0].checks[0].restart_limit == 5);
  CHECK(f.offer().services[0].checks[0].restart_grace == 20s);
}

TEST_CASE("a check without a port, and a service at a port that is none, are problems and nothing else", "[agent]") {
  Fixture f;
  f.service.clear_port_label();
  Offer offer = f.offer();
  REQUIRE(offer.services.size() == 1);
  CHECK(offer.services[0].checks.empty());
  REQUIRE(offer.problems.size() == 1);
  CHECK(offer.problems[0].find("has no port") != std::string::npos);

  f.service.set_port_label("nope");
  offer = f.offer();
  CHECK(offer.services.empty());
  CHECK(offer.problems[0].starts_with("service \"api\" is not registered: port \"nope\""));
}

TEST_CASE("more checks than an agent runs are named, not run", "[agent]") {
  Fixture f;
  const model::ServiceCheck check = f.service.checks(0);
  for (std::size_t i = 0; i < checks_per_offer_max; ++i) {
    *f.service.add_checks() = check;
    f.service.mutable_checks(static_cast<int>(i) + 1)->set_path("/" + std::to_string(i));
  }

  const Offer offer = f.offer();

  CHECK(offer.services[0].checks.size() == checks_per_offer_max);
  CHECK(offer.problems.size() == 1);
}

}  // namespace drover::agent
