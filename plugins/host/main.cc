// drover-plugin-host MODULE: serves a driver that was built as a shared module. One module a process; what is wrong with a
// module is a sentence on standard error and an exit status, before any handshake.
#include <drover/module.h>

#include <boost/dll/shared_library.hpp>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using drover::Code;
using drover::Result;
using drover::sdk::ModuleDescriptor;

constexpr int cannot_serve = 2;
constexpr const char* symbol = "drover_driver";

/// What the loader says, without the words of those who called it.
std::string reason_of(const std::string& text) {
  constexpr std::string_view before = "(dlerror system message: ";
  const std::size_t at = text.find(before);
  if (at == std::string::npos) return text;
  const std::size_t end = text.find_first_of(")\n", at + before.size());
  return text.substr(at + before.size(), end - at - before.size());
}

Result<const ModuleDescriptor*> descriptor_of(const boost::dll::shared_library& module) {
  if (!module.has(symbol)) return drover::fail(Code::invalid, "it is no module of a driver: it has no symbol {} (DROVER_DRIVER, compiled with DROVER_MODULE)", symbol);
  const ModuleDescriptor& found = module.get<const ModuleDescriptor>(symbol);
  if (found.abi != drover::sdk::module_abi) {
    return drover::fail(Code::unsupported, "it was built for ABI {} of the SDK, this host serves ABI {}: build it against the SDK of this installation", found.abi, drover::sdk::module_abi);
  }
  if (found.size != sizeof(ModuleDescriptor)) {
    return drover::fail(Code::unsupported, "its descriptor has {} bytes, this host knows {}: build it against the SDK of this installation", found.size, sizeof(ModuleDescriptor));
  }
  if (found.make == nullptr) return drover::fail(Code::invalid, "its descriptor makes no driver");
  return &found;
}

/// The module stays loaded for the life of the process: its code runs until the end.
Result<drover::sdk::Driver*> load(const std::string& path, boost::dll::shared_library& module) {
  try {
    module.load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    DROVER_LET(const ModuleDescriptor* descriptor, descriptor_of(module));
    drover::sdk::Driver* driver = descriptor->make();
    if (driver == nullptr) return drover::fail(Code::invalid, "it makes no driver");
    return driver;
  } catch (const std::exception& error) {
    return drover::fail(Code::invalid, "it cannot be loaded: {}", reason_of(error.what()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: drover-plugin-host MODULE\nServes a driver that was built as a shared module; an agent launches it, people do not.\n", stderr);
    return cannot_serve;
  }
  boost::dll::shared_library module;
  const Result<drover::sdk::Driver*> driver = load(argv[1], module);
  if (!driver.ok()) {
    std::fprintf(stderr, "module %s: %s\n", argv[1], driver.error().message.c_str());
    return cannot_serve;
  }
  return drover::serve(**driver);
}
