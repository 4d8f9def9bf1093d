// SPDX-License-Identifier: Apache-2.0
// Does the C++ header work where it is installed, in C++17?
#include <attune/attune.hpp>

#include <cstdio>

int main() {
  attune::Device device("host:2");
  std::printf("attune %s on %s\n", attune::version(), device.description().c_str());
  try {
    attune::Bundle::fromMemory("none");
  } catch (const attune::Error &error) {
    return error.status() == ATTUNE_BAD_BUNDLE ? 0 : 1;
  }
  return 2;
}
