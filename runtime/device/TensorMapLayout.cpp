// SPDX-License-Identifier: Apache-2.0
#include "runtime/device/TensorMapLayout.h"

#include "runtime/device/cuda/CudaTypes.h"

namespace attune::device {

static cuda::TensorMapDataType dataType(bundle::ElementType type) {
  switch (type) {
  case bundle::ElementType::F64: return cuda::mapFloat64;
  case bundle::ElementType::F32: return cuda::mapFloat32;
  case bundle::ElementType::F16: return cuda::mapFloat16;
  case bundle::ElementType::BF16: return cuda::mapBfloat16;
  case bundle::ElementType::I64:
  case bundle::ElementType::Index: return cuda::mapInt64;
  case bundle::ElementType::I32: return cuda::mapInt32;
  case bundle::ElementType::I8:
  case bundle::ElementType::I1: break;
  }
  return cuda::mapUint8;
}

/// "CUDA Driver API", cuTensorMapEncodeTiled: strides are multiples of 16 bytes (which the launch has
/// checked) and less than this. They need not grow from dimension to dimension, and 0 is one too.
static constexpr int64_t strideLimit = int64_t(1) << 40;

TensorMapLayout layOut(const TensorMapRequest &request) {
  TensorMapLayout layout;
  layout.dataType = dataType(request.dtype);
  for (int i = 0; i < request.rank; ++i) {
    int dim = request.rank - 1 - i;
    layout.sizes[i] = uint64_t(request.sizes[dim]);
    layout.box[i] = uint32_t(request.parameter.box[size_t(dim)]);
    // A stride that is never used may be anything; the map still wants a sound one.
    int64_t stride =
        request.sizes[dim] > 1 ? request.strides[dim] * bundle::byteSize(request.dtype) : 16;
    if (stride < 0 || stride >= strideLimit)
      failArgument("operand '" + request.operand +
                   "': expected strides of at least 0 and below 2^40 "
                   "bytes, but dimension " +
                   std::to_string(dim) + " has " + std::to_string(request.strides[dim]) +
                   " elements; make a contiguous copy of it");
    layout.strides[i] = uint64_t(stride);
  }
  return layout;
}

} // namespace attune::device
