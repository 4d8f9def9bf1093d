// SPDX-License-Identifier: Apache-2.0
// Which number of a small format is nearest? Found by comparing with all of them: what the tests
// hold against code that computes it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

namespace attune::sim::test {

/// All finite numbers of a format of 8 or 16 bits, from their definition: sign, exponent, fraction.
class SmallFormat {
public:
  /// Without infinities, the largest exponent has numbers and all ones is none.
  SmallFormat(unsigned exponentBits, unsigned fractionBits, bool hasInfinity)
      : signBit(1u << (exponentBits + fractionBits)) {
    unsigned bias = (1u << (exponentBits - 1)) - 1;
    for (unsigned exponent = 0; exponent < 1u << exponentBits; ++exponent)
      for (unsigned fraction = 0; fraction < 1u << fractionBits; ++fraction) {
        unsigned last = (1u << exponentBits) - 1;
        if (exponent == last && (hasInfinity || fraction == (1u << fractionBits) - 1))
          continue;
        long double significand = (long double)(fraction) / (1u << fractionBits);
        sizes.push_back(exponent == 0 ? std::ldexp(significand, 1 - int(bias))
                                      : std::ldexp(1 + significand, int(exponent) - int(bias)));
      }
    infinity = hasInfinity ? unsigned(sizes.size()) : unsigned(sizes.size()) - 1;
  }

  /// The bits of the number nearest to |x|, ties to even bits; `infinity` from half a step beyond
  /// the largest. `compare(y)` is the sign of |x| - y.
  unsigned nearest(const std::function<int(long double)> &compare) const {
    // sizes[i - 1] < |x| <= sizes[i].
    size_t i = size_t(std::partition_point(sizes.begin(), sizes.end(),
                                           [&](long double size) { return compare(size) > 0; }) -
                      sizes.begin());
    if (i == 0)
      return 0;
    long double below = sizes[i - 1];
    long double above = i < sizes.size() ? sizes[i] : 2 * below - sizes[i - 2];
    int side = compare((below + above) / 2);
    bool up = side > 0 || (side == 0 && i % 2 == 0);
    size_t found = up ? i : i - 1;
    return found == sizes.size() ? infinity : unsigned(found);
  }
  unsigned nearest(long double size) const {
    return nearest([=](long double other) { return size > other ? 1 : size < other ? -1 : 0; });
  }
  /// With the sign; what is no number is all ones but the sign.
  unsigned round(long double x) const {
    if (std::isnan(x))
      return signBit - 1;
    unsigned sign = std::signbit(x) ? signBit : 0;
    return sign | (std::isinf(x) ? infinity : nearest(std::abs(x)));
  }
  long double value(unsigned bits) const {
    unsigned size = bits & (signBit - 1);
    long double result = size < sizes.size() ? sizes[size]
                         : size == infinity  ? (long double)(HUGE_VAL)
                                             : (long double)(NAN);
    return bits & signBit ? -result : result;
  }
  long double largest() const { return sizes.back(); }
  unsigned count() const { return 2 * signBit; }

  /// Bits of the sizes are their places.
  std::vector<long double> sizes;
  unsigned signBit, infinity;
};

inline const SmallFormat &f16() {
  static const SmallFormat format(5, 10, true);
  return format;
}
inline const SmallFormat &bf16() {
  static const SmallFormat format(8, 7, true);
  return format;
}
inline const SmallFormat &e4m3() {
  static const SmallFormat format(4, 3, false);
  return format;
}
inline const SmallFormat &e5m2() {
  static const SmallFormat format(5, 2, true);
  return format;
}

} // namespace attune::sim::test
