// SPDX-License-Identifier: Apache-2.0
// attn-split-values: what if a row's result is wider than registers can carry?
//
//   %o = contract %p, %v : !s, cols<vector<512xbf16>> -> rows<vector<512xbf16>>
// becomes
//   %v0 = map (%x = %v) { components 0 .. 255 }    %o0 = contract %p, %v0    and so on
//   %o = map (%x = %o0, %y = %o1) { x, then y }
// Each part is a kernel of its own that computes the weights again.
#include "compiler/Passes.h"
#include "compiler/passes/PlaceRegions.h"
#include "compiler/target/Target.h"
#include "dialects/attn/AttnOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace attune {
#define GEN_PASS_DEF_SPLITVALUESPASS
#include "compiler/Passes.h.inc"
} // namespace attune

using namespace mlir;
using namespace attune;

namespace {

class SplitValues : public attune::impl::SplitValuesPassBase<SplitValues> {
public:
  using SplitValuesPassBase::SplitValuesPassBase;
  void runOnOperation() override;
};

} // namespace

/// The vector type of an element with `size` components.
static VectorType withSize(Type element, int64_t size) {
  return VectorType::get({size}, cast<VectorType>(element).getElementType());
}

static void split(attn::ContractOp contract, int64_t parts) {
  OpBuilder builder(contract);
  Location loc = contract.getLoc();
  auto cols = cast<attn::ColsType>(contract.getValues().getType());
  auto rows = cast<attn::RowsType>(contract.getType());
  int64_t size = cast<VectorType>(cols.getElementType()).getNumElements() / parts;
  Type part = attn::ColsType::get(builder.getContext(), withSize(cols.getElementType(), size),
                                  cols.getAxis());
  Type own = attn::RowsType::get(builder.getContext(), withSize(rows.getElementType(), size),
                                 rows.getAxis());
  SmallVector<Value> results;
  for (int64_t number = 0; number < parts; ++number) {
    Value values =
        createMap(builder, loc, part, contract.getValues(), [&](OpBuilder &inner, ValueRange x) {
          return vector::ExtractStridedSliceOp::create(inner, loc, x[0], number * size, size, 1)
              .getResult();
        });
    auto narrow = attn::ContractOp::create(builder, loc, own, contract.getWeights(), values);
    narrow->setAttr("attn.store", builder.getUnitAttr());
    results.push_back(narrow.getResult());
  }
  Value whole = createMap(builder, loc, rows, results, [&](OpBuilder &inner, ValueRange x) {
    auto type = cast<VectorType>(rows.getElementType());
    Value joined = arith::ConstantOp::create(inner, loc, inner.getZeroAttr(type));
    for (int64_t number = 0; number < parts; ++number)
      joined = vector::InsertStridedSliceOp::create(inner, loc, x[size_t(number)], joined,
                                                    number * size, 1);
    return joined;
  });
  contract.replaceAllUsesWith(whole);
  contract.erase();
}

void SplitValues::runOnOperation() {
  const Target *found = Target::find(target);
  if (!found || found->valueComponents == 0)
    return;
  for (auto contract :
       llvm::make_early_inc_range(getOperation().getBody().getOps<attn::ContractOp>())) {
    auto vector = dyn_cast<VectorType>(attn::getPlaceElementType(contract.getValues().getType()));
    if (!vector || vector.getNumElements() <= found->valueComponents ||
        contract.getValues().getDefiningOp<attn::ConcatOp>())
      continue;
    int64_t parts = llvm::divideCeil(vector.getNumElements(), found->valueComponents);
    // Products take multiples of 16 components.
    if (vector.getNumElements() % (16 * parts) == 0)
      split(contract, parts);
  }
}
