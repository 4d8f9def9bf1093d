// SPDX-License-Identifier: Apache-2.0
// What does rounding to a floating-point type do to a double, and which bits stand for a value?
#ifndef ATTUNE_COMPILER_REFERENCE_NUMBER_H
#define ATTUNE_COMPILER_REFERENCE_NUMBER_H

#include "runtime/bundle/Manifest.h"

#include <span>

namespace attune::reference {

using bundle::ElementType;

bool isFloat(ElementType type);

/// `value` rounded once to `type`, to nearest with ties to even; values beyond the largest finite
/// one become infinite. A type that is not a float leaves the value alone.
double roundTo(ElementType type, double value);

/// The same for many values.
void roundTo(ElementType type, std::span<double> values);

/// Half a unit in the last place of `type` at `value`: the most that one rounding can change it.
double roundingError(ElementType type, double value);

/// The value of an f16 or bf16 pattern, and the pattern of a value that the type represents.
double decodeHalf(ElementType type, uint16_t bits);
uint16_t encodeHalf(ElementType type, double value);

/// `value` reduced to `bits` bits: sign-extended, except that an i1 is 0 or 1.
int64_t wrap(unsigned bits, int64_t value);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_NUMBER_H
