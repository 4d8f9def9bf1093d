# SPDX-License-Identifier: Apache-2.0
# find_package(attune) gives attune::attune (shared) and attune::static. Their headers include
# <dlpack/dlpack.h>, which has to be on the include path.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/attuneTargets.cmake)
