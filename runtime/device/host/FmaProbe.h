// SPDX-License-Identifier: Apache-2.0
// How many f32 multiply-adds a second can this processor do at most?
#pragma once

namespace attune::device {

/// 10^9 operations a second over all threads, a multiply-add counting as two. 0 threads: one a
/// usable core. Takes about 0.1 seconds.
double probeFmaPeak(int threads);

} // namespace attune::device
