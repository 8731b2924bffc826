# shipset::core: one static library of all modules, and its CMake package for find_package(Shipset).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(shipset_core STATIC)
add_library(shipset::core ALIAS shipset_core)
foreach(module IN LISTS SHIPSET_MODULES)
  target_sources(shipset_core PRIVATE $<TARGET_OBJECTS:shipset_${module}>)
endforeach()
target_compile_features(shipset_core PUBLIC cxx_std_20)
target_include_directories(shipset_core PUBLIC
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(shipset_core PUBLIC nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE fmt::fmt OpenSSL::Crypto CURL::libcurl shipset::libdeflate shipset::pcre2 shipset::zstd ${SHIPSET_ISAL})
set_target_properties(shipset_core PROPERTIES OUTPUT_NAME shipset EXPORT_NAME core)

if(NOT SHIPSET_INSTALL)
  return()
endif()
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Shipset")
install(TARGETS shipset_core EXPORT ShipsetTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev)
install(DIRECTORY include/shipset DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT dev FILES_MATCHING PATTERN "*.hpp")
install(EXPORT ShipsetTargets NAMESPACE shipset:: DESTINATION "${package_dir}" COMPONENT dev)
configure_package_config_file(cmake/ShipsetConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/ShipsetConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/ShipsetConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ShipsetConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/ShipsetConfigVersion.cmake"
  cmake/ShipsetDependencies.cmake DESTINATION "${package_dir}" COMPONENT dev)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT dev)
