// Modules that are wrong, one fault each (WRONG): what the host says of them is tested.
#include <drover/module.h>

#include <cstdlib>

using drover::sdk::Driver;
using drover::sdk::module_abi;
using drover::sdk::ModuleDescriptor;

#define WRONG_abi 1
#define WRONG_size 2
#define WRONG_symbol 3
#define WRONG_undefined 4
#define WRONG_make 5
#define WRONG_start 6

namespace {

#if WRONG == WRONG_start
struct Options {
  static void describe(drover::sdk::Fields<Options>&) {}
};

class NoTask final : public drover::sdk::Task {
 public:
  drover::sdk::Exit wait() override { return {}; }
  drover::Result<void> stop(int, drover::sdk::Duration) override { return {}; }
  std::string checkpoint() const override { return {}; }
  drover::Result<void> destroy() override { return {}; }
};

/// Right until it has something to do.
class Crashing final : public drover::sdk::DriverOf<NoTask, Options> {
 public:
  drover::sdk::DriverInfo info() const override { return {.name = "crashing", .version = "0.1.0"}; }
  drover::Result<std::unique_ptr<NoTask>> start(const drover::sdk::TaskConfig&, const Options&, drover::sdk::Events&) override { std::abort(); }
  drover::Result<std::unique_ptr<NoTask>> recover(const drover::sdk::TaskConfig&, const Options&, const std::string&) override { std::abort(); }
};

Driver* make() { return new Crashing; }
#elif WRONG == WRONG_make
Driver* make() { std::abort(); }
#else
Driver* make() { return nullptr; }
#endif

}  // namespace

#if WRONG == WRONG_undefined
extern "C" void nobody_defines_this();
extern "C" __attribute__((visibility("default"))) void uses_it() { nobody_defines_this(); }
#endif

#if WRONG == WRONG_symbol
#define NAME other_name
#else
#define NAME drover_driver
#endif

extern "C" __attribute__((visibility("default"))) const ModuleDescriptor NAME;
const ModuleDescriptor NAME{sizeof(ModuleDescriptor) + (WRONG == WRONG_size ? 8 : 0), module_abi + (WRONG == WRONG_abi ? 1 : 0), make};
