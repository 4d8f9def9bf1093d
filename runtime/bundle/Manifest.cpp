// SPDX-License-Identifier: Apache-2.0
// The small facts about manifests: spellings, sizes, and how to build the structs.
#include "runtime/bundle/Manifest.h"

#include "runtime/bundle/Spelling.h"

namespace attune::bundle {

std::string_view spelling(ElementType type) { return Spellings<ElementType>::names[size_t(type)]; }
std::string_view spelling(OperandRole role) { return Spellings<OperandRole>::names[size_t(role)]; }
std::string_view spelling(BlobFormat format) {
  return Spellings<BlobFormat>::names[size_t(format)];
}
std::string_view spelling(ParameterKind kind) {
  return Spellings<ParameterKind>::names[size_t(kind)];
}
std::string_view spelling(ParameterType type) {
  return Spellings<ParameterType>::names[size_t(type)];
}
std::string_view spelling(Swizzle swizzle) { return Spellings<Swizzle>::names[size_t(swizzle)]; }
std::string_view spelling(MaskLevel level) { return Spellings<MaskLevel>::names[size_t(level)]; }
std::string_view spelling(Expression::Kind kind) {
  return Spellings<Expression::Kind>::names[size_t(kind)];
}

std::optional<ElementType> parseElementType(std::string_view text) {
  return parseSpelling<ElementType>(text);
}

std::optional<MaskLevel> parseMaskLevel(std::string_view text) {
  return parseSpelling<MaskLevel>(text);
}

int64_t byteSize(ElementType type) {
  static constexpr std::array<uint8_t, 9> sizes = {8, 4, 2, 2, 8, 4, 1, 1, 8};
  return sizes[size_t(type)];
}

int64_t byteSize(ParameterType type) {
  static constexpr std::array<uint8_t, 7> sizes = {8, 8, 4, 1, 8, 4, 128};
  return sizes[size_t(type)];
}

std::optional<ParameterType> scalarParameterType(ElementType type) {
  switch (type) {
  case ElementType::F64: return ParameterType::F64;
  case ElementType::F32: return ParameterType::F32;
  case ElementType::I64:
  case ElementType::Index: return ParameterType::I64;
  case ElementType::I32: return ParameterType::I32;
  case ElementType::I8:
  case ElementType::I1: return ParameterType::I8;
  case ElementType::F16:
  case ElementType::BF16: break;
  }
  return std::nullopt;
}

Expression Expression::constant(int64_t value) {
  Expression result;
  result.number = value;
  return result;
}

Expression Expression::size(std::string operand, int64_t dimension) {
  Expression result;
  result.kind = Kind::Size;
  result.number = dimension;
  result.operand = std::move(operand);
  return result;
}

Expression Expression::scalar(std::string operand) {
  Expression result;
  result.kind = Kind::Scalar;
  result.operand = std::move(operand);
  return result;
}

Expression Expression::binary(Kind kind, Expression left, Expression right) {
  Expression result;
  result.kind = kind;
  result.arguments.push_back(std::move(left));
  result.arguments.push_back(std::move(right));
  return result;
}

Expression Expression::ceilDiv(Expression left, Expression right) {
  return binary(Kind::CeilDiv, std::move(left), std::move(right));
}

Expression Expression::select(Expression condition, Expression yes, Expression no) {
  Expression result = binary(Kind::Select, std::move(condition), std::move(yes));
  result.arguments.push_back(std::move(no));
  return result;
}

size_t Expression::argumentCount(Kind kind) {
  if (kind == Kind::Constant || kind == Kind::Size || kind == Kind::Scalar)
    return 0;
  return kind == Kind::Select ? 3 : 2;
}

static Parameter makeParameter(ParameterKind kind, std::string operand, ParameterType type) {
  Parameter result;
  result.kind = kind;
  result.operand = std::move(operand);
  result.type = type;
  return result;
}

Parameter Parameter::pointer(std::string operand) {
  return makeParameter(ParameterKind::Pointer, std::move(operand), ParameterType::Ptr);
}

Parameter Parameter::size(std::string operand, int64_t dim) {
  Parameter result = makeParameter(ParameterKind::Size, std::move(operand), ParameterType::I64);
  result.dim = dim;
  return result;
}

Parameter Parameter::stride(std::string operand, int64_t dim) {
  Parameter result = makeParameter(ParameterKind::Stride, std::move(operand), ParameterType::I64);
  result.dim = dim;
  return result;
}

Parameter Parameter::scalar(std::string operand, ElementType type) {
  return makeParameter(ParameterKind::Scalar, std::move(operand),
                       scalarParameterType(type).value_or(ParameterType::I64));
}

Parameter Parameter::tensorMap(std::string operand, std::vector<int64_t> box, Swizzle swizzle) {
  Parameter result =
      makeParameter(ParameterKind::TensorMap, std::move(operand), ParameterType::TensorMap);
  result.box = std::move(box);
  result.swizzle = swizzle;
  return result;
}

const Workspace *Variant::findWorkspace(std::string_view wanted) const {
  for (const Workspace &workspace : workspaces)
    if (workspace.name == wanted)
      return &workspace;
  return nullptr;
}

double selfTestNumber(OperandRole role, size_t operand, uint64_t element) {
  uint32_t bits = uint32_t(element + 1) * 2654435761u + uint32_t(operand + 1) * 0x9e3779b9u;
  bits = (bits ^ bits >> 15) * 0x2c1b3c6du;
  int number = int((bits ^ bits >> 12) >> 24);
  return role == OperandRole::Table ? (number + 1) / 256.0 : (number - 128) / 64.0;
}

const OperandInfo *KernelInfo::find(std::string_view wanted) const {
  for (const std::vector<OperandInfo> *list : {&operands, &results})
    for (const OperandInfo &info : *list)
      if (info.name == wanted)
        return &info;
  return nullptr;
}

const KernelInfo *Manifest::find(std::string_view wanted) const {
  for (const KernelInfo &kernel : kernels)
    if (kernel.name == wanted)
      return &kernel;
  return nullptr;
}

} // namespace attune::bundle
