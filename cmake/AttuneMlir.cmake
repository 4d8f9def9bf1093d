# SPDX-License-Identifier: Apache-2.0
# Finds LLVM/MLIR 22 and defines how our MLIR libraries are built: attune_mlir_library(name sources... [LINK libs...]).
find_package(MLIR 22.1 CONFIG)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "LLVM/MLIR 22 was not found: on Debian, scripts/setup.sh installs it (llvm-22-dev, libmlir-22-dev, "
    "mlir-22-tools, clang-22, lld-22); elsewhere, set MLIR_DIR to the folder that holds MLIRConfig.cmake")
endif()
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
# Where `mlir-doc` writes the op reference: build/<preset>/docs.
set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
add_definitions(${LLVM_DEFINITIONS_LIST})

# A static library of ours over the shared MLIR and LLVM libraries.
function(attune_mlir_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  # Debian's LLVM has run-time type information and no exceptions; ours match, so that vague linkage agrees.
  target_compile_options(${name} PRIVATE -fno-exceptions)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()
