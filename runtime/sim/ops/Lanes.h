// SPDX-License-Identifier: Apache-2.0
// How is a function of one lane carried out for the 32 lanes of a warp? As a loop that compilers
// vectorise: no branches, whole rows, a blend where lanes are off. Everything here is internal to
// the file that includes it, for some are compiled with AVX (numerics/LaneKernels.h).
#pragma once

#include <cstdint>
#include <type_traits>

namespace attune::sim {
namespace {

// A destination row is a source row or apart from all of them, so that lane l depends on lane l
// alone: the compiler need not check.
#if defined(__clang__)
// Not every function of a lane can be vectorised for every level.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#define ATTUNE_EACH_LANE _Pragma("clang loop vectorize(assume_safety)")
#else
#define ATTUNE_EACH_LANE _Pragma("GCC ivdep")
#endif

constexpr unsigned laneCount = 32;
constexpr uint32_t everyLane = ~uint32_t(0);

template <typename To, typename From> inline To bitsAs(From from) {
  return __builtin_bit_cast(To, from);
}

/// How a value of type T lies in a row: what has 16 bits and less in the low part of 32.
template <typename T, unsigned bytes = sizeof(T)> struct Slot {
  typedef uint32_t Type __attribute__((may_alias));
  static T read(uint32_t slot) { return T(slot); }
  static uint32_t write(T value) { return uint16_t(value); }
};
template <typename T> struct Slot<T, 4> {
  typedef T Type __attribute__((may_alias));
  static T read(T slot) { return slot; }
  static T write(T value) { return value; }
};
template <typename T> struct Slot<T, 8> {
  typedef T Type __attribute__((may_alias));
  static T read(T slot) { return slot; }
  static T write(T value) { return value; }
};

/// Bit l in entry l.
alignas(64) constexpr uint32_t laneBit[laneCount] = {
    1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,  1u << 7,
    1u << 8,  1u << 9,  1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15,
    1u << 16, 1u << 17, 1u << 18, 1u << 19, 1u << 20, 1u << 21, 1u << 22, 1u << 23,
    1u << 24, 1u << 25, 1u << 26, 1u << 27, 1u << 28, 1u << 29, 1u << 30, 1u << 31};

/// Overwrites the lanes of `mask`. Apart, for it is the same for all kernels of a width.
template <typename Word>
[[gnu::noinline]] void blendLanes(void *into, const void *from, uint32_t mask) {
  typedef Word Type __attribute__((may_alias));
  auto *words = static_cast<Type *>(into);
  auto *others = static_cast<const Type *>(from);
  ATTUNE_EACH_LANE
  for (unsigned lane = 0; lane < laneCount; ++lane)
    words[lane] = mask & laneBit[lane] ? others[lane] : words[lane];
}

/// Runs `fill(out)`, which writes a row, on d itself when all lanes are on.
template <typename D, typename Fill> inline void fillLanes(void *d, uint32_t mask, Fill fill) {
  using SlotType = typename Slot<D>::Type;
  alignas(64) SlotType buffer[laneCount];
  SlotType *row = static_cast<SlotType *>(d);
  fill(mask == everyLane ? row : buffer);
  if (mask != everyLane)
    blendLanes<std::conditional_t<sizeof(SlotType) == 8, uint64_t, uint32_t>>(row, buffer, mask);
}

/// A LaneKernel from D f(A).
template <auto f, typename D, typename A>
void unaryLanes(void *d, const void *a, const void *, const void *, uint32_t mask) {
  auto *as = static_cast<const typename Slot<A>::Type *>(a);
  fillLanes<D>(d, mask, [=](typename Slot<D>::Type *out) {
    ATTUNE_EACH_LANE
    for (unsigned lane = 0; lane < laneCount; ++lane)
      out[lane] = Slot<D>::write(f(Slot<A>::read(as[lane])));
  });
}

/// A LaneKernel from D f(A, B).
template <auto f, typename D, typename A = D, typename B = A>
void binaryLanes(void *d, const void *a, const void *b, const void *, uint32_t mask) {
  auto *as = static_cast<const typename Slot<A>::Type *>(a);
  auto *bs = static_cast<const typename Slot<B>::Type *>(b);
  fillLanes<D>(d, mask, [=](typename Slot<D>::Type *out) {
    ATTUNE_EACH_LANE
    for (unsigned lane = 0; lane < laneCount; ++lane)
      out[lane] = Slot<D>::write(f(Slot<A>::read(as[lane]), Slot<B>::read(bs[lane])));
  });
}

/// A LaneKernel from D f(A, B, C).
template <auto f, typename D, typename A = D, typename B = A, typename C = A>
void ternaryLanes(void *d, const void *a, const void *b, const void *c, uint32_t mask) {
  auto *as = static_cast<const typename Slot<A>::Type *>(a);
  auto *bs = static_cast<const typename Slot<B>::Type *>(b);
  auto *cs = static_cast<const typename Slot<C>::Type *>(c);
  fillLanes<D>(d, mask, [=](typename Slot<D>::Type *out) {
    ATTUNE_EACH_LANE
    for (unsigned lane = 0; lane < laneCount; ++lane)
      out[lane] = Slot<D>::write(
          f(Slot<A>::read(as[lane]), Slot<B>::read(bs[lane]), Slot<C>::read(cs[lane])));
  });
}

/// A CompareKernel from bool f(A, A).
template <auto f, typename A> uint32_t compareLanes(const void *a, const void *b) {
  auto *as = static_cast<const typename Slot<A>::Type *>(a);
  auto *bs = static_cast<const typename Slot<A>::Type *>(b);
  uint32_t result = 0;
  for (unsigned lane = 0; lane < laneCount; ++lane)
    result |= f(Slot<A>::read(as[lane]), Slot<A>::read(bs[lane])) ? laneBit[lane] : 0;
  return result;
}

} // namespace
} // namespace attune::sim

#if defined(__clang__)
#pragma clang diagnostic pop
#endif
