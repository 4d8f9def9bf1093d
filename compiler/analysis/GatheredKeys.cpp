// SPDX-License-Identifier: Apache-2.0
// The attribute attn.gathered = {axis = "k", list = "name of an operand", count = "name of an operand"}.
#include "compiler/analysis/GatheredKeys.h"

using namespace mlir;

namespace attune {

BlockArgument findOperand(attn::KernelOp kernel, StringRef name) {
  for (BlockArgument argument : kernel.getBody().getArguments())
    if (kernel.getOperandName(argument.getArgNumber()) == name)
      return argument;
  return {};
}

std::optional<GatheredKeys> GatheredKeys::find(attn::KernelOp kernel) {
  auto written = kernel->getAttrOfType<DictionaryAttr>("attn.gathered");
  if (!written)
    return std::nullopt;
  auto operand = [&](StringRef key) {
    return findOperand(kernel, written.getAs<StringAttr>(key).getValue());
  };
  return GatheredKeys{written.getAs<StringAttr>("axis"), operand("list"), operand("count")};
}

void GatheredKeys::attachTo(attn::KernelOp kernel) const {
  Builder builder(kernel.getContext());
  auto name = [&](BlockArgument argument) {
    return builder.getStringAttr(kernel.getOperandName(argument.getArgNumber()));
  };
  kernel->setAttr("attn.gathered",
                  builder.getDictionaryAttr({builder.getNamedAttr("axis", axis),
                                             builder.getNamedAttr("list", name(list)),
                                             builder.getNamedAttr("count", name(count))}));
}

} // namespace attune
