// SPDX-License-Identifier: Apache-2.0
// Finds out what each name of a problem's text means to the kernels.
#include "compiler/explain/ProblemText.h"

#include "compiler/reference/Failure.h"
#include "compiler/reference/Npy.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;
using attune::reference::makeError;
using llvm::Error;

namespace attune {

namespace {

class ProblemReader {
public:
  explicit ProblemReader(ArrayRef<attn::KernelOp> kernels) : kernels(kernels) {
    for (attn::KernelOp kernel : kernels)
      addNames(kernel);
  }

  Error read(StringRef pair);
  ProblemSizes finish() &&;

private:
  void addNames(attn::KernelOp kernel);
  Error setTokens(StringRef name, double number);

  ArrayRef<attn::KernelOp> kernels;
  llvm::SetVector<StringRef> scalars, tensors, axes;
  std::optional<double> tokens, keys;
  ProblemSizes sizes;
};

} // namespace

void ProblemReader::addNames(attn::KernelOp kernel) {
  auto addAxes = [&](Type type) {
    if (!attn::isVirtual(type))
      return;
    for (StringAttr axis : attn::getAxes(type))
      for (StringRef segment : llvm::split(axis.getValue(), '+'))
        axes.insert(attn::getAxisRoot(segment));
  };
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    addAxes(type);
    auto &names = type.isIntOrIndexOrFloat() ? scalars : tensors;
    names.insert(kernel.getOperandName(unsigned(index)));
  }
  kernel.getBody().walk([&](Operation *op) { llvm::for_each(op->getResultTypes(), addAxes); });
}

/// A count of tokens, sequences or heads.
Error ProblemReader::setTokens(StringRef name, double number) {
  constexpr double limit = 2147483648.0; // what a launch takes
  if (!(number >= 0 && number < limit && number == std::floor(number)))
    return makeError("{0}: expected a whole number from 0 to 2147483647, but got {1}", name,
                     number);
  if (name == "tokens")
    tokens = number;
  else if (name == "kv-tokens")
    keys = number;
  else if (axes.contains(name))
    sizes.axes[name.str()] = number;
  else
    (name == "batch" ? sizes.batch : sizes.heads) = int64_t(number);
  return Error::success();
}

Error ProblemReader::read(StringRef pair) {
  auto [name, text] = pair.split('=');
  name = name.trim();
  text = text.trim();
  if (tensors.contains(name) && text.ends_with(".npy")) {
    auto tensor = reference::readNpy(text);
    if (!tensor)
      return tensor.takeError();
    sizes.tensors[name.str()] = std::move(*tensor);
    return Error::success();
  }
  double number = 0;
  if (name.empty() || text.getAsDouble(number) || !std::isfinite(number))
    return makeError("expected NAME=NUMBER separated by commas, but got '{0}'", pair);
  if (scalars.contains(name)) {
    sizes.scalars[name.str()] = number;
    return Error::success();
  }
  if (axes.contains(name) || llvm::is_contained({"tokens", "kv-tokens", "batch", "heads"}, name))
    return setTokens(name, number);
  llvm::SetVector<StringRef> known = scalars;
  known.insert_range(axes);
  return makeError("expected a name among tokens, kv-tokens, batch, heads, {0}, but got '{1}'",
                   llvm::join(known, ", "), name);
}

ProblemSizes ProblemReader::finish() && {
  for (attn::KernelOp kernel : kernels) {
    auto [rowAxis, columnAxis] = getScoreAxes(kernel);
    if (tokens)
      sizes.axes.try_emplace(rowAxis.str(), *tokens);
    bool isDeclared = false;
    for (auto op : kernel.getBody().getOps<attn::AxisOp>())
      isDeclared |= op.getAxis() == columnAxis;
    if (keys || (tokens && !isDeclared))
      sizes.axes.try_emplace(columnAxis.str(), keys.value_or(tokens.value_or(0)));
  }
  return std::move(sizes);
}

llvm::Expected<ProblemSizes> parseProblem(StringRef text, ArrayRef<attn::KernelOp> kernels) {
  ProblemReader reader(kernels);
  if (!text.trim().empty())
    for (StringRef pair : llvm::split(text, ','))
      if (Error error = reader.read(pair))
        return std::move(error);
  return std::move(reader).finish();
}

} // namespace attune
