#include "model/spec_files/spec_files.h"

#include <set>

#include <catch2/catch.hpp>

#include "base/json/json.h"
#include "model/spec_files/spec_table.h"

namespace drover::model {
namespace {

/// The object as JSON, or every error a line.
std::string read(SpecKind kind, const std::string& text) {
  const ParsedSpec parsed = parse_spec(kind, text, "x.hcl");
  if (parsed.object) return json::write(*parsed.object);
  std::string out;
  for (const hcl::Diagnostic& d : parsed.diagnostics) out += hcl::one_line(d) + "\n";
  return out;
}

TEST_CASE("a namespace file is read", "[spec]") {
  CHECK(read(SpecKind::name_space, "name = \"dev\"\nquota = \"q\"\nmeta {\n  owner = \"ada\"\n}\ncapabilities {\n  enabled_task_drivers = [\"raw_exec\"]\n}\nnode_pool_config {\n  default = \"p\"\n  allowed = [\"a*\"]\n}\n") ==
        R"({"Name":"dev","Quota":"q","Meta":{"owner":"ada"},"Capabilities":{"EnabledTaskDrivers":["raw_exec"]},"NodePoolConfiguration":{"Default":"p","Allowed":["a*"]}})");
  CHECK(read(SpecKind::name_space, "{\"name\": \"dev\", \"meta\": {\"a\": \"b\"}}") == R"({"Name":"dev","Meta":{"a":"b"}})");
  CHECK(read(SpecKind::name_space, "nam = \"dev\"\n") ==
        "x.hcl:1,1-4: Unsupported argument; An argument named \"nam\" is not expected here. Did you mean \"name\"?\n"
        "x.hcl:1,1-1: Missing required argument; The argument \"name\" is required, but no definition was found.\n");
}

TEST_CASE("a node pool file is read", "[spec]") {
  CHECK(read(SpecKind::node_pool, "node_pool \"gpu\" {\n  description = \"d\"\n  node_identity_ttl = \"1h\"\n  scheduler_config {\n    scheduler_algorithm = \"spread\"\n    memory_oversubscription_enabled = true\n  }\n}\n") ==
        R"({"Description":"d","NodeIdentityTTL":3600000000000,"SchedulerConfiguration":{"SchedulerAlgorithm":"spread","MemoryOversubscriptionEnabled":true},"Name":"gpu"})");
  CHECK(read(SpecKind::node_pool, "").find("Missing node_pool block") != std::string::npos);
  CHECK(read(SpecKind::node_pool, "node_pool {\n}\n").find("Missing name for node_pool") != std::string::npos);
  CHECK(read(SpecKind::node_pool, "node_pool \"a\" {\n  scheduler_config {\n    scheduler_algorithm = \"spred\"\n  }\n}\n") ==
        "x.hcl:3,27-34: Invalid scheduler_algorithm; \"spred\" is none of binpack, spread. Did you mean \"spread\"?\n");
}

TEST_CASE("a quota file is read", "[spec]") {
  CHECK(read(SpecKind::quota, "name = \"q\"\nlimit {\n  region = \"global\"\n  region_limit {\n    cpu = 2500\n    memory = 1000\n  }\n  variables_limit = 5\n}\n") ==
        R"({"Name":"q","Limits":[{"Region":"global","VariablesLimit":5,"RegionLimit":{"CPU":2500,"MemoryMB":1000}}]})");
  CHECK(read(SpecKind::quota, "name = \"q\"\nlimit {\n  region = \"g\"\n  region_limit {\n    cpu = \"x\"\n    cores = 1.5\n  }\n}\n") ==
        "x.hcl:5,11-14: Unsuitable value type; Unsuitable value: a number is required.\nx.hcl:6,13-16: Unsuitable value type; Unsuitable value: a whole number is required.\n");
}

TEST_CASE("a volume file is read", "[spec]") {
  CHECK(read(SpecKind::volume, "id = \"v\"\nname = \"v\"\ntype = \"csi\"\ncapacity_min = \"1GiB\"\ncapacity_max = \"2 GB\"\ncapability {\n  access_mode = \"single-node-writer\"\n  attachment_mode = \"file-system\"\n}\n"
                               "mount_options {\n  fs_type = \"ext4\"\n  mount_flags = [\"noatime\"]\n}\ntopology_request {\n  required {\n    topology {\n      segments {\n        rack = \"r1\"\n      }\n    }\n  }\n}\n"
                               "secrets {\n  key = \"k\"\n}\n") ==
        R"({"ID":"v","Name":"v","Type":"csi","RequestedCapacityMin":1073741824,"RequestedCapacityMax":2000000000,"RequestedCapabilities":[{"AccessMode":"single-node-writer","AttachmentMode":"file-system"}],)"
        R"("MountOptions":{"FSType":"ext4","MountFlags":["noatime"]},"RequestedTopologies":{"Required":{"Topologies":[{"Segments":{"rack":"r1"}}]}},"Secrets":{"key":"k"}})");
  CHECK(read(SpecKind::volume, "name = \"v\"\ntype = \"host\"\ncapacity_min = 1024\n") == R"({"Name":"v","Type":"host","RequestedCapacityMinBytes":1024})");
  CHECK(read(SpecKind::volume, "name = \"v\"\ntype = \"nfs\"\ncapacity_min = \"much\"\n") ==
        "x.hcl:2,8-13: Invalid type; \"nfs\" is none of csi, host.\nx.hcl:3,16-22: Unsuitable value type; Unsuitable value: a size such as \"10GiB\" is required.\n");
  CHECK(read(SpecKind::volume, "name = \"v\"\ntype = \"host\"\nmount_options {\n}\nmount_options {\n}\n").find("Duplicate mount_options block") != std::string::npos);
}

TEST_CASE("a variable file is read", "[spec]") {
  CHECK(read(SpecKind::variable, "path = \"a/b\"\nnamespace = \"dev\"\nitems {\n  user = \"ada\"\n  port = 80\n}\n") == R"({"Path":"a/b","Namespace":"dev","Items":{"user":"ada","port":"80"}})");
  CHECK(read(SpecKind::variable, "items = {\n  a = 1\n}\n") == R"({"Items":{"a":"1"}})");
  CHECK(read(SpecKind::variable, "path = \"a\"\n").find("Missing items block") != std::string::npos);
  CHECK(read(SpecKind::variable, "path = upper(\"a\")\nitems {\n}\n").find("Function calls not allowed") != std::string::npos);
}

TEST_CASE("an access policy is read, and held to the capabilities there are", "[spec]") {
  CHECK(read(SpecKind::acl_policy, "namespace \"default\" {\n  policy = \"read\"\n  capabilities = [\"submit-job\"]\n  variables {\n    path \"a/*\" {\n      capabilities = [\"read\", \"list\"]\n    }\n  }\n}\n"
                                   "node {\n  policy = \"write\"\n}\nhost_volume \"data-*\" {\n  capabilities = [\"mount-readonly\"]\n}\n") ==
        R"({"Namespaces":{"default":{"Policy":"read","Capabilities":["submit-job"],"Variables":{"Paths":{"a/*":{"Capabilities":["read","list"]}}}}},"Node":{"Policy":"write"},)"
        R"("HostVolumes":{"data-*":{"Capabilities":["mount-readonly"]}}})");
  CHECK(read(SpecKind::acl_policy, "namespace \"x\" {\n  capabilities = [\"submit-jobs\"]\n}\n").find("Did you mean \"submit-job\"?") != std::string::npos);
  CHECK(read(SpecKind::acl_policy, "node {\n}\n").find("The argument \"policy\" is required") != std::string::npos);
  CHECK(read(SpecKind::acl_policy, "agent {\n  policy = null\n}\nnamspace \"x\" {\n}\n").find("Did you mean \"namespace\"?") != std::string::npos);
  CHECK(read(SpecKind::acl_policy, "") == "{}");
}

TEST_CASE("each kind of block that the table names has rows", "[spec]") {
  std::set<std::string_view> kinds;
  for (const spec_files::Row& row : spec_files::all_rows()) kinds.insert(row.block);
  for (const spec_files::Row& row : spec_files::all_rows()) {
    using spec_files::Kind;
    INFO(row.block << "." << row.name);
    if (row.kind == Kind::block || row.kind == Kind::blocks || row.kind == Kind::keyed) CHECK(kinds.contains(row.of));
  }
}

}  // namespace
}  // namespace drover::model
