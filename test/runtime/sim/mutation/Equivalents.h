// SPDX-License-Identifier: Apache-2.0
// Which changes change nothing that a kernel promises, whoever made the kernel?
#pragma once

#include "test/runtime/sim/mutation/Score.h"

namespace attune::sim::test {

/// What follows from the PTX ISA alone for kernels of sm_90a with tensor maps and wgmma.
inline const std::vector<Equivalent> equivalentsOfHopper = {
    {"wgmma.fence deleted", ".*",
     "no register of the product was touched since the last fence, which is what the simulator "
     "asks"},
    // Descriptors with a leading distance of 16 bytes are of operands whose rows lie along k.
    {"descriptor with another leading distance", R"(.*461168629330536\d{4})",
     "not used where the rows of a swizzled tile lie along the sum"},
    {"bits without their mask", R"(and\.b32.* 16320)",
     "addresses of shared memory are less than 2^18, and tiles begin at multiples of 1024"},
    {"fewer registers", ".*", "ptxas keeps what does not fit elsewhere: slower, the same values"},
    {"registers kept", R"(setmaxnreg\.inc.*)",
     "ptxas keeps what does not fit elsewhere: slower, the same values"},
};

} // namespace attune::sim::test
