// SPDX-License-Identifier: Apache-2.0
// How are the values of one SSA value at many places (pairs or tokens) kept?
#ifndef ATTUNE_COMPILER_REFERENCE_LANES_H
#define ATTUNE_COMPILER_REFERENCE_LANES_H

#include <cstdint>
#include <type_traits>
#include <vector>

namespace attune::reference {

/// The values at consecutive places, `width` numbers a place (more than one for a vector, in
/// row-major order). Floats of every type are doubles, integers of every type are int64_t.
struct Lanes {
  bool integer = false;
  /// The value is the same at every place and kept once.
  bool uniform = false;
  int64_t width = 1;
  std::vector<double> reals;
  std::vector<int64_t> integers;

  /// The storage that is in use: reals or integers.
  template <typename T> std::vector<T> &values() {
    if constexpr (std::is_same_v<T, double>)
      return reals;
    else
      return integers;
  }
  template <typename T> const std::vector<T> &values() const {
    return const_cast<Lanes *>(this)->values<T>();
  }

  /// Numbers from one place to the next.
  int64_t stride() const { return uniform ? 0 : width; }
  int64_t numPlaces() const { return int64_t(integer ? integers.size() : reals.size()) / width; }

  static Lanes ofReal(double value) {
    Lanes lanes;
    lanes.uniform = true;
    lanes.reals = {value};
    return lanes;
  }
  static Lanes ofInteger(int64_t value) {
    Lanes lanes;
    lanes.integer = lanes.uniform = true;
    lanes.integers = {value};
    return lanes;
  }

  /// Appends the value of `from` at `place`; both have one kind and width.
  void append(const Lanes &from, int64_t place) {
    if (integer)
      appendTo<int64_t>(from, place);
    else
      appendTo<double>(from, place);
  }

private:
  template <typename T> void appendTo(const Lanes &from, int64_t place) {
    const T *value = from.values<T>().data() + place * from.stride();
    values<T>().insert(values<T>().end(), value, value + width);
  }
};

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_LANES_H
