// SPDX-License-Identifier: Apache-2.0
// The driver wants dimensions innermost first and strides in bytes, without the innermost one.
#include "runtime/device/cuda/TensorMap.h"

namespace attune::device::cuda {

static TensorMapDataType dataType(bundle::ElementType type) {
  switch (type) {
  case bundle::ElementType::F64: return mapFloat64;
  case bundle::ElementType::F32: return mapFloat32;
  case bundle::ElementType::F16: return mapFloat16;
  case bundle::ElementType::BF16: return mapBfloat16;
  case bundle::ElementType::I64:
  case bundle::ElementType::Index: return mapInt64;
  case bundle::ElementType::I32: return mapInt32;
  case bundle::ElementType::I8:
  case bundle::ElementType::I1: break;
  }
  return mapUint8;
}

void encodeTensorMap(const Driver &driver, const TensorMapRequest &request, TensorMapObject *map) {
  if (!driver.tensorMapEncodeTiled)
    fail(ATTUNE_DEVICE_ERROR,
         "operand '" + request.operand +
             "': this CUDA driver has no tensor maps (cuTensorMapEncodeTiled); "
             "expected CUDA 12.0 or newer");
  uint64_t sizes[5], strides[5] = {};
  uint32_t box[5], ones[5] = {1, 1, 1, 1, 1};
  int64_t element = bundle::byteSize(request.dtype);
  for (int i = 0; i < request.rank; ++i) {
    int dim = request.rank - 1 - i;
    sizes[i] = uint64_t(request.sizes[dim]);
    box[i] = uint32_t(request.parameter.box[size_t(dim)]);
    if (i == 0)
      continue;
    // A stride that is never used may be anything; the driver still wants a sound one.
    int64_t stride = request.sizes[dim] > 1 ? request.strides[dim] * element : 16;
    if (stride < 0)
      failArgument("operand '" + request.operand +
                   "': expected strides of at least 0, but dimension " + std::to_string(dim) +
                   " has " + std::to_string(request.strides[dim]));
    strides[i - 1] = uint64_t(stride);
  }
  Result result = driver.tensorMapEncodeTiled(
      map, dataType(request.dtype), uint32_t(request.rank), request.data, sizes, strides, box, ones,
      mapInterleaveNone, TensorMapSwizzle(request.parameter.swizzle), mapPromotionL2_128,
      mapFillZeros);
  if (result != success)
    fail(ATTUNE_DEVICE_ERROR,
         "operand '" + request.operand +
             "': the CUDA driver cannot make a tensor map of it: " + driver.describe(result));
}

} // namespace attune::device::cuda
