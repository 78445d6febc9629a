# The SDK as a package for authors of drivers. Three components, `cmake --install build/PRESET --component X --prefix PREFIX`: sdk (what builds),
# driver-common (what drivers share when they run), conformance (the judge). packaging/packages.cmake makes deb and rpm of them.
# Headers, one shared and one static library, the .proto files, find_package(DroverSDK), pkg-config, the shim and the judge.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What a driver needs of ours, the user before the used.
set(drover_sdk_parts sdk sdk_process sdk_proto base_rpc base_msgpack base_value base_cgroup base_process base_loop base_asio)
# Each of them is a whole archive in the shared library: nothing in it asks for what drivers will.
set(drover_sdk_whole sdk sdk_process)

set(whole "")
foreach(part ${drover_sdk_whole})
  string(APPEND whole ",$<TARGET_FILE:${part}>")
endforeach()
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/nothing.cc "// The shared library is made of archives.\n")
add_library(drover_sdk_shared SHARED ${CMAKE_CURRENT_BINARY_DIR}/nothing.cc)
add_dependencies(drover_sdk_shared ${drover_sdk_whole} drover-shim)
target_link_libraries(drover_sdk_shared PRIVATE "-Wl,--whole-archive${whole},--no-whole-archive" ${drover_sdk_whole})
set_target_properties(drover_sdk_shared PROPERTIES OUTPUT_NAME drover-sdk VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib INSTALL_RPATH "" BUILD_WITH_INSTALL_RPATH ON)

# The static library: the members of all parts in one archive.
set(static_library ${CMAKE_BINARY_DIR}/lib/libdrover-sdk.a)
set(script "CREATE ${static_library}\n")
foreach(part ${drover_sdk_parts})
  string(APPEND script "ADDLIB $<TARGET_FILE:${part}>\n")
endforeach()
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/static.mri CONTENT "${script}SAVE\nEND\n")
add_custom_command(OUTPUT ${static_library} VERBATIM
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_library}
  COMMAND sh -c "'${CMAKE_AR}' -M < '${CMAKE_CURRENT_BINARY_DIR}/static.mri'"
  DEPENDS ${drover_sdk_parts} ${CMAKE_CURRENT_BINARY_DIR}/static.mri)
add_custom_target(drover_sdk_static ALL DEPENDS ${static_library})

install(DIRECTORY include/drover DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk FILES_MATCHING PATTERN "*.h")
install(TARGETS drover_sdk_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT driver-common NAMELINK_COMPONENT sdk)
install(FILES ${static_library} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
install(DIRECTORY proto/ DESTINATION ${CMAKE_INSTALL_DATADIR}/drover/sdk/proto COMPONENT sdk FILES_MATCHING PATTERN "*.proto")
install(TARGETS drover-shim RUNTIME DESTINATION libexec/drover COMPONENT driver-common)
install(FILES ${PROJECT_SOURCE_DIR}/docs/writing-a-driver.md ${PROJECT_SOURCE_DIR}/docs/conformance.md ${PROJECT_SOURCE_DIR}/conformance/CLAUSES.md
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libdrover-driver-dev COMPONENT sdk)

set(DROVER_SDK_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/DroverSDK)
configure_package_config_file(DroverSDKConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/DroverSDKConfig.cmake INSTALL_DESTINATION ${DROVER_SDK_PACKAGE_DIR}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_BINDIR CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/DroverSDKConfigVersion.cmake VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/DroverSDKConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/DroverSDKConfigVersion.cmake DESTINATION ${DROVER_SDK_PACKAGE_DIR} COMPONENT sdk)
configure_file(drover-sdk.pc.in ${CMAKE_CURRENT_BINARY_DIR}/drover-sdk.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/drover-sdk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
