#pragma once

#include <cstdint>
#include <memory>

#include <drover/serve.h>

/// One source, two ways to ship a driver: a program, or a shared module that drover-plugin-host loads.
///
///   DROVER_DRIVER(HelloDriver)
///
/// stands in place of main(). Compiled as it is, the file is a program; compiled with DROVER_MODULE defined and linked as a shared
/// library (drover_driver_module() of find_package(DroverSDK) does both), it is a module: NAME.so in a plugin folder. Each module has
/// a process of its own, so that one that crashes takes nobody with it. With DROVER_TEST defined it is part of a unit test (drover/testing.h).
namespace drover::sdk {

/// Changes with every change of the public classes that old modules would not survive.
inline constexpr std::uint32_t module_abi = 1;

/// What a module says of itself, under the name drover_driver. The first two members stay what they are for ever.
struct ModuleDescriptor {
  std::uint32_t size;  ///< of this struct, as the module knows it
  std::uint32_t abi;   ///< module_abi, likewise
  Driver* (*make)();   ///< called once a process; never destroyed
};

namespace testing {
std::unique_ptr<Driver> make_driver();
}

}  // namespace drover::sdk

#ifdef DROVER_MODULE
#define DROVER_DRIVER(Type)                                                                                     \
  extern "C" __attribute__((visibility("default"))) const ::drover::sdk::ModuleDescriptor drover_driver;        \
  const ::drover::sdk::ModuleDescriptor drover_driver{sizeof(::drover::sdk::ModuleDescriptor), ::drover::sdk::module_abi, \
                                                      []() -> ::drover::sdk::Driver* { return new Type; }};
#elif defined(DROVER_TEST)
#define DROVER_DRIVER(Type) \
  std::unique_ptr<::drover::sdk::Driver> drover::sdk::testing::make_driver() { return std::make_unique<Type>(); }
#else
#define DROVER_DRIVER(Type)         \
  int main() {                      \
    Type driver;                    \
    return ::drover::serve(driver); \
  }
#endif
