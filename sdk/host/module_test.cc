#include "sdk/host/module.h"

#include <catch2/catch.hpp>

using namespace drover::host;

TEST_CASE("a module is served by the host of this installation, a program by itself", "[plugin]") {
  CHECK(plugin_command("/usr/lib/drover/plugins/docker", "/usr/bin") == PluginCommand{"/usr/lib/drover/plugins/docker", {}});
  CHECK(plugin_command("/usr/lib/drover/plugins/hello.so", "/usr/bin") == PluginCommand{"/usr/libexec/drover/drover-plugin-host", {"/usr/lib/drover/plugins/hello.so"}});
  CHECK_FALSE(is_module("/x/so"));
}
