// SPDX-License-Identifier: Apache-2.0
// The few types and numbers of the CUDA driver's binary interface that we use, so that no CUDA
// header is needed to build. Their values are fixed by NVIDIA's "CUDA Driver API" reference,
// sections 6.1 (data types) and 6.14 to 6.31.
#pragma once

#include <cstdint>

namespace attune::device::cuda {

using Result = int;
using DeviceOrdinal = int;
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;
using DevicePointer = unsigned long long;

/// CUtensorMap.
struct alignas(64) TensorMapObject {
  uint64_t opaque[16];
};

enum ResultCode : Result {
  success = 0,
  errorOutOfMemory = 2,
  errorNoDevice = 100,
  errorInvalidDevice = 101,
};

enum JitOption : int {
  jitErrorLogBuffer = 5,
  jitErrorLogBufferSizeBytes = 6,
};

enum DeviceAttribute : int {
  attributeComputeCapabilityMajor = 75,
  attributeComputeCapabilityMinor = 76,
  attributeMaxSharedMemoryPerBlockOptin = 97,
};

enum FunctionAttribute : int {
  functionMaxDynamicSharedSizeBytes = 8,
};

enum StreamFlag : unsigned {
  streamNonBlocking = 1,
};

enum TensorMapDataType : int {
  mapUint8 = 0,
  mapInt32 = 3,
  mapInt64 = 5,
  mapFloat16 = 6,
  mapFloat32 = 7,
  mapFloat64 = 8,
  mapBfloat16 = 9,
};

enum TensorMapInterleave : int { mapInterleaveNone = 0 };
enum TensorMapSwizzle : int {
  mapSwizzleNone = 0,
  mapSwizzle32 = 1,
  mapSwizzle64 = 2,
  mapSwizzle128 = 3
};
enum TensorMapPromotion : int { mapPromotionL2_128 = 2 };
enum TensorMapFill : int { mapFillZeros = 0 };

/// More dynamic shared memory than this has to be asked for (CUDA C++ Programming Guide, "Shared
/// Memory" of each compute capability).
inline constexpr int64_t defaultSharedBytes = 48 << 10;
/// gridDim.x, and gridDim.y and z (the same guide, "Technical Specifications").
inline constexpr int64_t maxGridX = (int64_t(1) << 31) - 1;
inline constexpr int64_t maxGridYZ = 65535;

} // namespace attune::device::cuda
