// SPDX-License-Identifier: Apache-2.0
// What does loading PTX throw when the text cannot be run?
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace attune::sim {

/// "line 12: 'tcgen05.mma ...': the simulator does not know this instruction". Line 0: the whole.
class LoadError : public std::runtime_error {
public:
  LoadError(uint32_t line, const std::string &message)
      : std::runtime_error((line ? "line " + std::to_string(line) + ": " : "") + message),
        line(line) {}
  uint32_t line;
};

} // namespace attune::sim
