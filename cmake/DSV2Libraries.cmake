# Declares the project's libraries and unit tests.

# dsv2_add_runtime_library(name sources... [LIBS libs...]): a static library without MLIR.
function(dsv2_add_runtime_library name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LIBS})
endfunction()

# dsv2_add_compiler_library(name sources... [LIBS libs...] [DEPENDS targets...]): a static library on the shared MLIR.
function(dsv2_add_compiler_library name)
  cmake_parse_arguments(ARG "" "" "LIBS;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LIBS} MLIR LLVM)
  target_compile_options(${name} PRIVATE -fno-exceptions)
  add_dependencies(${name} DSV2IncGen ${ARG_DEPENDS})
endfunction()

# dsv2_add_unittest(name sources... [LIBS libs...]): a GoogleTest executable, run by ctest.
function(dsv2_add_unittest name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/unit)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
endfunction()
