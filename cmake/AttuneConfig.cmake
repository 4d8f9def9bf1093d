# SPDX-License-Identifier: Apache-2.0
# find_package(Attune [COMPONENTS runtime|compiler|frontend]) gives, without COMPONENTS as far as installed,
#   runtime    attune::attune (shared) and attune::static: <attune/attune.h>, <attune/attune.hpp>
#   compiler   attune::compiler: <attune/attune_compiler.h>
#   frontend   attune::frontend, kernels in C++20 over both: <attune/attn.hpp>
# The runtime's headers include <dlpack/dlpack.h>, which has to be on the include path.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/../attune/attuneTargets.cmake)
set(Attune_runtime_FOUND TRUE)
foreach(component compiler frontend)
  include(${CMAKE_CURRENT_LIST_DIR}/${component}Targets.cmake OPTIONAL
    RESULT_VARIABLE Attune_${component}_FOUND)
endforeach()
foreach(component IN LISTS Attune_FIND_COMPONENTS)
  if(NOT Attune_${component}_FOUND AND Attune_FIND_REQUIRED_${component})
    set(Attune_FOUND FALSE)
    string(CONCAT Attune_NOT_FOUND_MESSAGE "component '${component}' is not installed; there are runtime, "
      "and where Attune was built with its compiler, compiler and frontend")
  endif()
endforeach()
