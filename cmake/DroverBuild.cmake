# How everything in drover is built: compiler settings, third parties, and the functions
# drover_library, drover_proto_library, drover_program, drover_plugin, drover_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

option(DROVER_WERROR "Treat warnings as errors" ON)
set(DROVER_SANITIZE "" CACHE STRING "Sanitizers for everything, e.g. address,undefined or thread")

find_program(DROVER_CCACHE ccache)
if(DROVER_CCACHE)
  # base_dir lets every clone share the cache; the cache key must not hold the path of one checkout.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${DROVER_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# Debug information names files relative to the repository, so that two clones give the same objects.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-omit-frame-pointer -fdiagnostics-color=auto)
add_link_options(-fuse-ld=lld -Wl,--as-needed)

if(DROVER_SANITIZE)
  add_compile_options(-fsanitize=${DROVER_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DROVER_SANITIZE})
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(DROVER_LIBEXEC ${CMAKE_BINARY_DIR}/libexec/drover)
set(DROVER_PLUGINS ${CMAKE_BINARY_DIR}/lib/drover/plugins)
set(DROVER_TESTS ${CMAKE_BINARY_DIR}/tests)

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS filesystem json url)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(Catch2 2 CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(drover_re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(drover_yaml REQUIRED IMPORTED_TARGET yaml-0.1)

# What each of our targets is compiled with. Asio, Beast and Process are compiled once, in base (all or nothing:
# a target without these definitions would break the one-definition rule).
add_library(drover_settings INTERFACE)
target_include_directories(drover_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/sdk/include)
target_compile_definitions(drover_settings INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_PROCESS_V2_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ALL_NO_LIB SPDLOG_COMPILED_LIB)
target_link_libraries(drover_settings INTERFACE Threads::Threads)

add_library(drover_warnings INTERFACE)
target_compile_options(drover_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Wno-missing-field-initializers -Wno-c99-extensions)
if(DROVER_WERROR)
  target_compile_options(drover_warnings INTERFACE -Werror)
endif()

# Third-party headers never warn.
foreach(target gRPC::grpc++ protobuf::libprotobuf Boost::headers Catch2::Catch2)
  if(TARGET ${target})
    get_target_property(dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(dirs)
      set_property(TARGET ${target} APPEND PROPERTY INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${dirs})
    endif()
  endif()
endforeach()

define_property(GLOBAL PROPERTY DROVER_UNIT_TESTS)

# The main function of all unit tests, compiled once.
function(drover_test_main)
  if(NOT TARGET drover_test_main)
    add_library(drover_test_main OBJECT ${CMAKE_SOURCE_DIR}/tests/catch_main.cc ${CMAKE_SOURCE_DIR}/tests/paths.cc)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/paths.cc TARGET_DIRECTORY drover_test_main PROPERTIES
      COMPILE_DEFINITIONS "DROVER_SOURCE_DIR=\"${CMAKE_SOURCE_DIR}\";DROVER_BINARY_DIR=\"${CMAKE_BINARY_DIR}\"")
    target_link_libraries(drover_test_main PUBLIC Catch2::Catch2 drover_settings)
    target_compile_definitions(drover_test_main PUBLIC CATCH_CONFIG_ENABLE_BENCHMARKING)
  endif()
endfunction()

# drover_test(NAME SOURCES a_test.cc … LINKS lib …): a unit test program, build/<preset>/tests/NAME.
function(drover_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  drover_test_main()
  add_executable(${name} ${arg_SOURCES} $<TARGET_OBJECTS:drover_test_main>)
  target_link_libraries(${name} PRIVATE drover_settings drover_warnings Catch2::Catch2 ${arg_LINKS})
  target_compile_definitions(${name} PRIVATE CATCH_CONFIG_ENABLE_BENCHMARKING)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${DROVER_TESTS})
  set_property(GLOBAL APPEND PROPERTY DROVER_UNIT_TESTS ${name})
endfunction()

# drover_library(NAME SOURCES a.cc … [TESTS a_test.cc …] [LINKS lib …] [PRIVATE_LINKS lib …] [TEST_LINKS lib …])
# LINKS are what its headers need, PRIVATE_LINKS what only its sources need.
function(drover_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;TESTS;LINKS;PRIVATE_LINKS;TEST_LINKS" ${ARGN})
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC drover_settings ${arg_LINKS} PRIVATE drover_warnings ${arg_PRIVATE_LINKS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE drover_settings ${arg_LINKS})
  endif()
  if(arg_TESTS)
    drover_test(${name}_test SOURCES ${arg_TESTS} LINKS ${name} ${arg_TEST_LINKS})
  endif()
endfunction()

# drover_proto_library(NAME PROTOS a.proto … [SERVICES b.proto …] [LINKS lib …]): messages, and services of those
# files named in SERVICES. Import paths and #include paths start at the repository root.
function(drover_proto_library name)
  cmake_parse_arguments(arg "" "" "PROTOS;SERVICES;LINKS" ${ARGN})
  add_library(${name} STATIC)
  target_link_libraries(${name} PUBLIC drover_settings protobuf::libprotobuf ${arg_LINKS})
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/gen)
  target_compile_options(${name} PRIVATE -w)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/gen)
  foreach(list arg_PROTOS arg_SERVICES)
    set(absolute)
    foreach(file ${${list}})
      cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
      list(APPEND absolute ${file})
    endforeach()
    set(${list} ${absolute})
  endforeach()
  # protobuf_generate puts this folder first on protoc's path; file names must start at the root everywhere.
  set(CMAKE_CURRENT_SOURCE_DIR ${CMAKE_SOURCE_DIR})
  protobuf_generate(TARGET ${name} LANGUAGE cpp PROTOS ${arg_PROTOS} IMPORT_DIRS ${CMAKE_SOURCE_DIR}
    PROTOC_OUT_DIR ${CMAKE_BINARY_DIR}/gen)
  if(arg_SERVICES)
    target_link_libraries(${name} PUBLIC gRPC::grpc++)
    protobuf_generate(TARGET ${name} LANGUAGE grpc PROTOS ${arg_SERVICES} GENERATE_EXTENSIONS .grpc.pb.h .grpc.pb.cc
      PLUGIN "protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>"
      IMPORT_DIRS ${CMAKE_SOURCE_DIR} PROTOC_OUT_DIR ${CMAKE_BINARY_DIR}/gen)
  endif()
endfunction()

# drover_program(NAME [LIBEXEC] SOURCES … LINKS …): a program in bin/, or in libexec/drover/ with LIBEXEC.
function(drover_program name)
  cmake_parse_arguments(arg "LIBEXEC" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE drover_settings drover_warnings ${arg_LINKS})
  if(arg_LIBEXEC)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${DROVER_LIBEXEC})
  endif()
endfunction()

# drover_plugin(NAME SOURCES … LINKS …): a driver program in lib/drover/plugins/NAME.
function(drover_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(plugin_${name} ${arg_SOURCES})
  target_link_libraries(plugin_${name} PRIVATE drover_settings drover_warnings ${arg_LINKS})
  set_target_properties(plugin_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${DROVER_PLUGINS} OUTPUT_NAME ${name})
endfunction()

# The list that ./dev test runs: one unit test program a line.
function(drover_write_test_list)
  get_property(tests GLOBAL PROPERTY DROVER_UNIT_TESTS)
  list(JOIN tests "\n" text)
  file(WRITE ${CMAKE_BINARY_DIR}/unit-tests.txt "${text}\n")
endfunction()
