# shipset::core: one static library of all modules, installable, found by find_package(Shipset).
add_library(shipset_core STATIC)
add_library(shipset::core ALIAS shipset_core)
foreach(module IN LISTS SHIPSET_MODULES)
  target_sources(shipset_core PRIVATE $<TARGET_OBJECTS:shipset_${module}>)
endforeach()
target_include_directories(shipset_core PUBLIC
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_link_libraries(shipset_core PUBLIC nlohmann_json::nlohmann_json Threads::Threads
  PRIVATE fmt::fmt OpenSSL::Crypto OpenSSL::SSL CURL::libcurl
  $<BUILD_INTERFACE:shipset::libdeflate> $<BUILD_INTERFACE:shipset::zstd>
  $<BUILD_INTERFACE:${SHIPSET_ISAL}>)
