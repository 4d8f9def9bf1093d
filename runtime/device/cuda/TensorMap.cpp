// SPDX-License-Identifier: Apache-2.0
// The driver wants no stride of the innermost dimension.
#include "runtime/device/cuda/TensorMap.h"

#include "runtime/device/TensorMapLayout.h"

namespace attune::device::cuda {

/// What the driver was asked for, outermost dimension first: "sizes 2, 4, 100, 64; strides ...".
static std::string describe(const TensorMapLayout &layout, int rank) {
  std::string sizes = "sizes", strides = "strides in bytes", box = "box";
  for (int i = rank; i-- > 0;) {
    const char *separator = i + 1 < rank ? ", " : " ";
    sizes += separator + std::to_string(layout.sizes[i]);
    box += separator + std::to_string(layout.box[i]);
    if (i > 0)
      strides += separator + std::to_string(layout.strides[i]);
  }
  return sizes + "; " + strides + "; " + box;
}

void encodeTensorMap(const Driver &driver, const TensorMapRequest &request, TensorMapObject *map) {
  if (!driver.tensorMapEncodeTiled)
    fail(ATTUNE_DEVICE_ERROR,
         "operand '" + request.operand +
             "': this CUDA driver has no tensor maps (cuTensorMapEncodeTiled); "
             "expected CUDA 12.0 or newer");
  TensorMapLayout layout = layOut(request);
  const uint32_t ones[5] = {1, 1, 1, 1, 1};
  Result result = driver.tensorMapEncodeTiled(
      map, TensorMapDataType(layout.dataType), uint32_t(request.rank), request.data, layout.sizes,
      layout.strides + 1, layout.box, ones, mapInterleaveNone,
      TensorMapSwizzle(request.parameter.swizzle), mapPromotionL2_128, mapFillZeros);
  if (result != success)
    fail(ATTUNE_DEVICE_ERROR, "operand '" + request.operand +
                                  "': the CUDA driver cannot make a tensor map of it (" +
                                  describe(layout, request.rank) + "): " + driver.describe(result));
}

} // namespace attune::device::cuda
