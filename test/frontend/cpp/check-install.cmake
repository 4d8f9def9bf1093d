# SPDX-License-Identifier: Apache-2.0
# Can a project outside of the tree write a kernel, compile and run it, from what is installed alone? And
# does find_package(Attune) say which component is missing where only the runtime is? Called with BUILD,
# EXAMPLE, USER, WORK, COMPILER, C_COMPILER and SANITIZED.
cmake_minimum_required(VERSION 3.25)
function(run expected)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(expected STREQUAL "success" AND NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGN}\n${text}")
  elseif(NOT expected STREQUAL "success" AND (result EQUAL 0 OR NOT text MATCHES "${expected}"))
    message(FATAL_ERROR "expected to fail with '${expected}': ${ARGN}\n${text}")
  endif()
  message(STATUS "${text}")
endfunction()

set(flags)
if(SANITIZED)
  set(flags "-fsanitize=address,undefined")
endif()
function(configure expected source prefix)
  run(${expected} ${CMAKE_COMMAND} -S ${source} -B ${WORK}/build/${ARGV3} -G Ninja
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_C_COMPILER=${C_COMPILER}
    -DCMAKE_CXX_FLAGS=${flags} -DCMAKE_C_FLAGS=${flags} -DCMAKE_BUILD_TYPE=Release)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(success ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
configure(success ${EXAMPLE} ${WORK}/prefix example)
run(success ${CMAKE_COMMAND} --build ${WORK}/build/example)
run(success ${WORK}/build/example/variant)
configure(success ${USER} ${WORK}/prefix user)
run(success ${CMAKE_COMMAND} --build ${WORK}/build/user)
run(success ${WORK}/build/user/c-user)

run(success ${CMAKE_COMMAND} --install ${BUILD}/runtime --prefix ${WORK}/runtime)
configure("component 'frontend' is not installed" ${EXAMPLE} ${WORK}/runtime none)
