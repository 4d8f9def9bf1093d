# SPDX-License-Identifier: Apache-2.0
# Does the README's kernel in C++ compile, with the C++ compiler and with ours? Called with README, WORK,
# INCLUDE, LIBRARIES (a folder), COMPILER and SANITIZED.
cmake_minimum_required(VERSION 3.25)
file(READ ${README} text)
if(NOT text MATCHES "```cpp\n([^`]*)```")
  message(FATAL_ERROR "expected a block of C++ in ${README}, but found none")
endif()
file(WRITE ${WORK}/readme.cpp
  "#include <attune/attn.hpp>\nint main() {\n  attune::Device device;\n${CMAKE_MATCH_1}}\n")
set(flags)
if(SANITIZED)
  set(flags "-fsanitize=address,undefined")
endif()
foreach(command "${COMPILER};-std=c++20;${flags};-I${INCLUDE};${WORK}/readme.cpp;-L${LIBRARIES};-lattune;-lattune-compiler;-Wl,-rpath,${LIBRARIES};-o;${WORK}/readme"
    "${WORK}/readme")
  execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${command}\n${text}")
  endif()
endforeach()
