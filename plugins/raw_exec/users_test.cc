#include "plugins/raw_exec/users.h"

#include <catch2/catch.hpp>

using namespace drover;
using namespace drover::raw_exec;

namespace {
IdRanges ranges(const std::string& text) { return IdRanges::parse("denied", text).value(); }
}  // namespace

TEST_CASE("ids are denied one by one and in ranges", "[raw_exec]") {
  const IdRanges some = ranges("0, 10-12,4294967295");
  for (const unsigned id : {0u, 10u, 11u, 12u, 4294967295u}) CHECK(some.contains(id));
  for (const unsigned id : {1u, 9u, 13u}) CHECK_FALSE(some.contains(id));
  CHECK(ranges("").empty());
}

TEST_CASE("a bad list of ids is refused by its part", "[raw_exec]") {
  CHECK(IdRanges::parse("denied_host_uids", "1,x").error().message == "denied_host_uids: 'x' is neither an id nor a range of ids");
  CHECK(IdRanges::parse("denied_host_uids", "4294967296").ok() == false);
  CHECK(IdRanges::parse("denied_host_uids", "5-4").error().message == "denied_host_uids: range '5-4' ends before it begins");
  CHECK_FALSE(IdRanges::parse("denied_host_uids", "1-").ok());
}

TEST_CASE("users are checked by uid and by each of their groups", "[raw_exec]") {
  CHECK(check_user("daemon", {}).ok());
  CHECK(check_user("daemon", {ranges("0"), ranges("0")}).ok());
  CHECK(check_user("daemon", {ranges("1"), {}}).error().message == "running as user 'daemon' (uid 1) is denied by denied_host_uids");
  CHECK(check_user("daemon", {{}, ranges("1")}).error().message == "running as user 'daemon' (gid 1) is denied by denied_host_gids");
  CHECK(check_user("no-such-user", {ranges("7"), {}}).error().code == Code::not_found);
}
