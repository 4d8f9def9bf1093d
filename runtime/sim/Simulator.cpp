// SPDX-License-Identifier: Apache-2.0
// Loads modules and runs the blocks of a launch over threads.
#include "runtime/sim/Simulator.h"
