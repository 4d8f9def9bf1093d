// SPDX-License-Identifier: Apache-2.0
// Do the arguments of a launch fit the kernel? Every message names the operand, what was expected,
// and what was found.
#include "runtime/device/Launch.h"

#include <algorithm>
#include <cstring>

namespace attune::device {

using namespace bundle;

namespace {

// DLPack has this code since version 0.8.
constexpr uint8_t dlpackBool = 6;

std::string number(int64_t value) { return std::to_string(value); }

bool matches(ElementType type, DLDataType given) {
  auto is = [&](uint8_t code, uint8_t bits) { return given.code == code && given.bits == bits; };
  if (given.lanes != 1)
    return false;
  switch (type) {
  case ElementType::F64: return is(kDLFloat, 64);
  case ElementType::F32: return is(kDLFloat, 32);
  case ElementType::F16: return is(kDLFloat, 16);
  case ElementType::BF16: return is(kDLBfloat, 16);
  case ElementType::I64:
  case ElementType::Index: return is(kDLInt, 64);
  case ElementType::I32: return is(kDLInt, 32);
  case ElementType::I8: return is(kDLInt, 8);
  case ElementType::I1: return is(dlpackBool, 8) || is(kDLUInt, 8);
  }
  return false;
}

std::string describe(DLDataType type) {
  if (type.lanes != 1)
    return "vectors of " + number(type.lanes) + " lanes";
  std::string bits = number(type.bits);
  switch (type.code) {
  case kDLInt: return "i" + bits;
  case kDLUInt: return "u" + bits;
  case kDLFloat: return "f" + bits;
  case kDLBfloat: return "bf" + bits;
  case dlpackBool: return "bool" + bits;
  default: return "type code " + number(type.code) + " of " + bits + " bits";
  }
}

/// Reads the place of a tensor; its type may be a number that the enumeration does not have.
std::string describe(DLDevice where) {
  int type;
  std::memcpy(&type, &where.device_type, sizeof(type));
  std::string ordinal = number(where.device_id);
  switch (type) {
  case kDLCPU: return "cpu";
  case kDLCUDA: return "cuda:" + ordinal;
  case kDLCUDAHost: return "pinned cpu memory";
  case kDLCUDAManaged: return "managed cuda memory";
  default: return "device type " + number(type) + ", number " + ordinal;
  }
}

std::string dimension(int64_t index) { return "dimension " + number(index); }

} // namespace

void LaunchPlan::failOperand(const Argument &argument, const std::string &problem) const {
  failArgument((argument.isResult ? "result '" : "operand '") + argument.info.name +
               "': " + problem);
}

void LaunchPlan::checkTensor(const Device &device, const Argument &argument, const DLTensor *tensor,
                             Tensor &result) const {
  if (!tensor)
    failOperand(argument, "expected a tensor, but got a null pointer");
  int64_t rank = int64_t(argument.info.shape.size());
  if (tensor->ndim != rank)
    failOperand(argument, "expected rank " + number(rank) + ", but got " + number(tensor->ndim));
  if (!matches(argument.info.dtype, tensor->dtype))
    failOperand(argument, "expected dtype " + std::string(spelling(argument.info.dtype)) +
                              ", but got " + describe(tensor->dtype));
  checkPlace(device, argument, *tensor);
  readShape(argument, *tensor, result);
  result.data = static_cast<char *>(tensor->data);
  if (result.elements == 0)
    return;
  if (!tensor->data)
    failOperand(argument, "expected data, but its data pointer is null");
  checkExtent(argument, result);
  checkStrides(argument, result);
  uintptr_t address = reinterpret_cast<uintptr_t>(tensor->data) + tensor->byte_offset;
  result.data = reinterpret_cast<char *>(address);
  if (address % uint64_t(argument.pointerAlignment) != 0)
    failOperand(argument, "expected data aligned to " + number(argument.pointerAlignment) +
                              " bytes, but its address is " +
                              number(int64_t(address % uint64_t(argument.pointerAlignment))) +
                              " bytes past a multiple of it");
}

void LaunchPlan::checkPlace(const Device &device, const Argument &argument,
                            const DLTensor &tensor) const {
  if (!device.canUse(tensor.device))
    failOperand(argument, "expected a tensor on " + device.name() + ", but got one on " +
                              describe(tensor.device));
}

void LaunchPlan::readShape(const Argument &argument, const DLTensor &tensor, Tensor &result) const {
  const std::vector<int64_t> &shape = argument.info.shape;
  if (!shape.empty() && !tensor.shape)
    failOperand(argument, "expected sizes, but its shape pointer is null");
  result.elements = 1;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    int64_t size = tensor.shape[dim];
    if (size < 0 || size >= sizeLimit)
      failOperand(argument, "expected the size of " + dimension(int64_t(dim)) +
                                " to be from 0 to " + number(sizeLimit - 1) + ", but got " +
                                number(size));
    if (shape[dim] != dynamicSize && size != shape[dim])
      failOperand(argument, "expected size " + number(shape[dim]) + " in " +
                                dimension(int64_t(dim)) + ", but got " + number(size));
    result.sizes[dim] = size;
    // A zero stays, and no later size matters any more.
    if (__builtin_mul_overflow(result.elements, size, &result.elements))
      result.elements = INT64_MAX;
  }
  int64_t compact = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    result.strides[dim] = tensor.strides ? tensor.strides[dim] : compact;
    if (__builtin_mul_overflow(compact, std::max<int64_t>(result.sizes[dim], 1), &compact))
      compact = INT64_MAX;
  }
}

void LaunchPlan::checkStrides(const Argument &argument, const Tensor &tensor) const {
  int64_t contiguous = 1;
  int64_t rank = int64_t(argument.info.shape.size());
  int64_t element = byteSize(argument.info.dtype);
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    int64_t stride = tensor.strides[dim];
    // The stride of a dimension with one entry is never used.
    if (tensor.sizes[dim] > 1) {
      bool fixed = !(argument.freeStrides >> dim & 1);
      if (fixed && stride != contiguous)
        failOperand(argument, "expected stride " + number(contiguous) + " in " + dimension(dim) +
                                  " (contiguous), but got " + number(stride) +
                                  "; make a contiguous copy of it");
      if (argument.isResult && stride == 0)
        failOperand(argument, "expected each element in its own place, but " + dimension(dim) +
                                  " has stride 0");
      // Whole elements are aligned to themselves, so this is about tiles; wrap-around keeps the
      // remainder, for alignments are powers of two.
      uint64_t bytes = uint64_t(stride) * uint64_t(element);
      if (dim != rank - 1 && bytes % uint64_t(argument.strideAlignment) != 0)
        failOperand(argument, "expected the stride of " + dimension(dim) + " to be a multiple of " +
                                  number(argument.strideAlignment) + " bytes, but got " +
                                  number(stride) + " elements of " + number(element) + " bytes");
    }
    if (__builtin_mul_overflow(contiguous, tensor.sizes[dim], &contiguous))
      contiguous = INT64_MAX;
  }
}

void LaunchPlan::checkExtent(const Argument &argument, const Tensor &tensor) const {
  bool overflow = false;
  int64_t low = 0, high = 0;
  for (size_t dim = 0; dim < argument.info.shape.size(); ++dim) {
    int64_t reach = 0;
    if (tensor.sizes[dim] > 1)
      overflow |= __builtin_mul_overflow(tensor.strides[dim], tensor.sizes[dim] - 1, &reach);
    int64_t &end = reach < 0 ? low : high;
    overflow |= __builtin_add_overflow(end, reach, &end);
  }
  int64_t element = byteSize(argument.info.dtype), bytes = 0;
  overflow |= __builtin_mul_overflow(low, element, &bytes);
  overflow |= __builtin_mul_overflow(high, element, &bytes);
  // No address space of today is larger than this.
  constexpr int64_t largest = int64_t(1) << 56;
  if (overflow || bytes > largest || low < -largest)
    failOperand(argument, "its sizes and strides reach beyond the address space");
}

void LaunchPlan::checkScalar(const Argument &argument, const attune_argument &given) const {
  ElementType type = argument.info.dtype;
  std::string name(spelling(type));
  bool real = type == ElementType::F64 || type == ElementType::F32;
  int kind;
  std::memcpy(&kind, &given.kind, sizeof(kind));
  if (kind != (real ? ATTUNE_REAL : ATTUNE_INTEGER)) {
    const char *found = kind == ATTUNE_TENSOR    ? "a tensor"
                        : kind == ATTUNE_INTEGER ? "an integer"
                        : kind == ATTUNE_REAL    ? "a real number"
                                                 : "an argument of unknown kind";
    failOperand(argument, std::string("expected ") + (real ? "a real number" : "an integer") +
                              " (" + name + "), but got " + found);
  }
  if (real)
    return;
  int64_t low = INT64_MIN, high = INT64_MAX;
  if (type == ElementType::Index)
    low = -(sizeLimit - 1), high = sizeLimit - 1;
  else if (type == ElementType::I32)
    low = INT32_MIN, high = INT32_MAX;
  else if (type == ElementType::I8)
    low = INT8_MIN, high = INT8_MAX;
  else if (type == ElementType::I1)
    low = 0, high = 1;
  int64_t value = given.value.integer;
  if (value < low || value > high)
    failOperand(argument, "expected an " + name + " from " + number(low) + " to " + number(high) +
                              ", but got " + number(value));
}

void LaunchPlan::checkBatchAndHeads(const LaunchState &state) const {
  int64_t batch = 1, heads = 0;
  const Argument *batchOwner = nullptr, *headsOwner = nullptr;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument &argument = arguments[i];
    if (!argument.info.isTokens())
      continue;
    int64_t own = state.tensors[i].sizes[0];
    // Results do not widen the problem; they have to fit what the operands say.
    if (argument.isResult)
      break;
    if (own != 1 && !batchOwner)
      batch = own, batchOwner = &argument;
    if (!headsOwner || state.tensors[i].sizes[1] > heads)
      heads = state.tensors[i].sizes[1], headsOwner = &argument;
  }
  for (size_t i = 0; i < arguments.size() && headsOwner; ++i) {
    const Argument &argument = arguments[i];
    if (!argument.info.isTokens())
      continue;
    int64_t ownBatch = state.tensors[i].sizes[0], ownHeads = state.tensors[i].sizes[1];
    if (ownBatch != batch && (argument.isResult || ownBatch != 1))
      failOperand(argument, "expected batch " +
                                (argument.isResult ? number(batch) : "1 or " + number(batch)) +
                                (batchOwner ? " as '" + batchOwner->info.name + "' has" : "") +
                                ", but got " + number(ownBatch));
    if (argument.isResult && ownHeads != heads)
      failOperand(argument, "expected " + number(heads) + " heads as '" + headsOwner->info.name +
                                "' has, but got " + number(ownHeads));
    if (heads != 0 && (ownHeads == 0 || heads % ownHeads != 0))
      failOperand(argument, "expected a number of heads that divides the " + number(heads) +
                                " of '" + headsOwner->info.name + "', but got " + number(ownHeads));
  }
}

const Tensor *LaunchPlan::firstOnAxis(const LaunchState &state, const std::string &axis,
                                      const Argument *&owner) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].info.isTokens() && arguments[i].info.axis == axis) {
      owner = &arguments[i];
      return &state.tensors[i];
    }
  return nullptr;
}

void LaunchPlan::checkAxes(const LaunchState &state) const {
  const Argument *owner = nullptr, *other = nullptr;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].info.isTokens())
      continue;
    const Tensor *first = firstOnAxis(state, arguments[i].info.axis, owner);
    if (first && state.tensors[i].sizes[2] != first->sizes[2])
      failOperand(arguments[i], "expected " + number(first->sizes[2]) + " tokens along axis '" +
                                    arguments[i].info.axis + "' as '" + owner->info.name +
                                    "' has, but got " + number(state.tensors[i].sizes[2]));
  }
  for (const AxisCheck &demand : kernel.checks) {
    const Tensor *tensor = firstOnAxis(state, demand.axis, owner);
    const Tensor *like = firstOnAxis(state, demand.like, other);
    if (tensor && like && tensor->sizes[2] != like->sizes[2])
      failOperand(*owner, "expected as many tokens along axis '" + demand.axis + "' as along '" +
                              demand.like + "', " + number(like->sizes[2]) + ", but got " +
                              number(tensor->sizes[2]));
    if (tensor && demand.multiple && tensor->sizes[2] % demand.multiple != 0)
      failOperand(*owner, "expected a multiple of " + number(demand.multiple) +
                              " tokens along axis '" + demand.axis + "', but got " +
                              number(tensor->sizes[2]));
  }
}

} // namespace attune::device
