// The one main function of all unit test programs: Debian's packaged Catch2 main lacks the benchmark code.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
