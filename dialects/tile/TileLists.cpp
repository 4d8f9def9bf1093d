// SPDX-License-Identifier: Apache-2.0
// Verifying the ops that write lists of keys. The checks carry the labels C1..Cn of TileListOps.td.
#include "dialects/tile/TileOps.h"

using namespace mlir;
using namespace attune::tile;

LogicalResult AppendOp::verify() {
  auto marks = cast<MatrixType>(getMarks().getType());
  Type i32 = IntegerType::get(getContext(), 32);
  // C1
  if (!marks.getElementType().isF32())
    return emitOpError() << "expected marks of f32, but got " << marks;
  if (getCount().getType() != RowsType::get(getContext(), marks.getRows(), i32))
    return emitOpError() << "expected counts of " << marks.getRows() << " i32 rows, but got "
                         << getCount().getType();
  // C2
  auto list = cast<MemRefType>(getList().getType());
  if (list.getRank() != 4 || list.getElementType() != i32)
    return emitOpError() << "expected a list of i32 of rank 4, but got " << list;
  if (!getElements())
    return success();
  // C3
  auto elements = cast<MatrixType>(getElements().getType());
  auto values = cast<MemRefType>(getValues().getType());
  if (elements.getRows() != marks.getRows() || elements.getCols() != marks.getCols() ||
      values.getRank() != 4 || values.getElementType() != elements.getElementType())
    return emitOpError() << "expected elements at the places of " << marks
                         << " and a memory of rank 4 of their type, but got " << elements << " and "
                         << values;
  return success();
}
