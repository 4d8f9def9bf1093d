// SPDX-License-Identifier: Apache-2.0
// Reads what --verify-masks was told.
#include "compiler/problem/VerifyMasks.h"
#include "compiler/reference/Failure.h"
#include "compiler/reference/Npy.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using attune::reference::makeError;
using llvm::Error;

namespace attune {

namespace {

class OptionReader {
public:
  explicit OptionReader(attn::KernelOp kernel) : kernel(kernel) {}

  Error read(StringRef name, StringRef value);
  VerifyOptions options;

private:
  Error readFile(unsigned index, StringRef path);
  Error readNumber(StringRef name, StringRef value, int64_t least, int64_t &into);
  Error readTiles(StringRef value);
  Error readReserved(StringRef name, StringRef value, bool &isReserved);
  bool isAxis(StringRef name);

  attn::KernelOp kernel;
};

} // namespace

Error OptionReader::readNumber(StringRef name, StringRef value, int64_t least, int64_t &into) {
  if (value.getAsInteger(10, into) || into < least)
    return makeError("'{0}': expected a whole number of at least {1}, but got '{2}'", name, least,
                     value);
  return Error::success();
}

Error OptionReader::readFile(unsigned index, StringRef path) {
  auto tensor = reference::readNpy(path);
  if (!tensor)
    return tensor.takeError();
  Type type = kernel.getArgumentTypes()[index];
  Type element =
      attn::isVirtual(type) ? attn::getPlaceElementType(type) : getElementTypeOrSelf(type);
  if (getElementTypeOrSelf(element).isIndex() && tensor->type == bundle::ElementType::I64)
    tensor->type = bundle::ElementType::Index;
  options.given.tensors[kernel.getOperandName(index).str()] = std::move(*tensor);
  return Error::success();
}

/// "128x128:64x64"
Error OptionReader::readTiles(StringRef value) {
  options.tiles.clear();
  SmallVector<StringRef> shapes;
  value.split(shapes, ':');
  for (StringRef shape : shapes) {
    auto [queries, keys] = shape.split('x');
    std::pair<int64_t, int64_t> tile;
    if (Error error = readNumber("tiles", queries, 1, tile.first))
      return error;
    if (Error error = readNumber("tiles", keys, 1, tile.second))
      return error;
    options.tiles.push_back(tile);
  }
  return Error::success();
}

Error OptionReader::readReserved(StringRef name, StringRef value, bool &isReserved) {
  isReserved = true;
  if (name == "tiles")
    return readTiles(value);
  if (name == "batch")
    return readNumber(name, value, 1, options.given.batch);
  if (name == "heads")
    return readNumber(name, value, 1, options.given.heads);
  if (name == "problems")
    return readNumber(name, value, 1, options.problems);
  if (name == "seed")
    return readNumber(name, value, 0, options.seed);
  isReserved = false;
  return Error::success();
}

bool OptionReader::isAxis(StringRef name) {
  auto [rows, columns] = getScoreAxes(kernel);
  return name == attn::getAxisRoot(rows) || name == attn::getAxisRoot(columns);
}

Error OptionReader::read(StringRef name, StringRef value) {
  std::string names;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    bool isTensor = isa<RankedTensorType>(type) || attn::isVirtual(type);
    StringRef operand = kernel.getOperandName(unsigned(index));
    names += (names.empty() ? "" : ", ") + operand.str();
    if (operand != name)
      continue;
    if (isTensor && value.ends_with(".npy"))
      return readFile(unsigned(index), value);
    if (isTensor && !isAxis(name))
      return makeError("'{0}': expected a file .npy for this tensor, but got '{1}'", name, value);
    if (isTensor)
      break; // the axis of the same name
    double number = 0;
    if (value.getAsDouble(number))
      return makeError("'{0}': expected a number, but got '{1}'", name, value);
    options.given.scalars[name.str()] = number;
    return Error::success();
  }
  if (isAxis(name)) {
    int64_t tokens = 0;
    Error error = readNumber(name, value, 0, tokens);
    options.given.axes[name.str()] = double(tokens);
    return error;
  }
  bool isReserved = false;
  Error error = readReserved(name, value, isReserved);
  if (error || isReserved)
    return error;
  auto [rows, columns] = getScoreAxes(kernel);
  return makeError("'{0}' is no operand of kernel @{1} (it has {2}), no axis ({3}, {4}), and none "
                   "of batch, heads, tiles, problems, seed",
                   name, kernel.getSymName(), names, rows, columns);
}

llvm::Expected<VerifyOptions> parseVerifyOptions(attn::KernelOp kernel, StringRef text) {
  OptionReader reader(kernel);
  // Sequences and heads that differ, where a mask depends on them.
  reader.options.given.batch = reader.options.given.heads = 2;
  SmallVector<StringRef> fields;
  text.split(fields, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef field : fields) {
    auto [name, value] = field.split('=');
    if (value.empty())
      return makeError("expected NAME=VALUE, such as q=300 or doc=doc.npy, but got '{0}'", field);
    if (Error error = reader.read(name.trim(), value.trim()))
      return std::move(error);
  }
  return std::move(reader.options);
}

} // namespace attune
