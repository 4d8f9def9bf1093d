// SPDX-License-Identifier: Apache-2.0
// What do the ops of running values and of neighbours mean: scan, fold, stencil?
#ifndef ATTUNE_DIALECTS_ATTN_RUNNING_OPS
#define ATTUNE_DIALECTS_ATTN_RUNNING_OPS

class Attn_RunningOp<string opMnemonic>
    : Attn_Op<opMnemonic, [Pure, AffineScopeTrait, SingleBlock, AttrSizedOperandSegments,
        DeclareOpInterfaceMethods<InferTypeOpInterface>,
        DeclareOpInterfaceMethods<OpAsmOpInterface,
            ["getDefaultDialect", "getAsmBlockArgumentNames"]>]> {
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_ScanOp : Attn_RunningOp<"scan"> {
  let summary = "running sum, max, min or user's combine along keys or queries";
  let description = [{
    y(b,h,i,j) = (+) { x(b,h,i,t) : t visible, t <= j } along the keys, the same along the queries;
    `reverse`: t >= j, `exclusive`: t != j. Of cols and rows along their tokens. Visible where all
    operands are. Over nothing: sum 0, the ends of the type for max and min, or the identities.
    Sums accumulate in f32 (f64) and round once.

    Instead of a kind a region may combine two states, of one element an operand each, the earlier
    one first; it is associative, and `from` gives its identities.

    * C1 the axis exists: keys of a matrix or cols, queries of a matrix or rows.
    * C2 all operands have one type but for the element.
    * C3 the region takes two states, yields one and captures no virtual value; each operand has an
      identity of its element's type.
    * C4 without a region there is one operand, and the kind is sum, max or min.

    ```mlir
    %d = scan sum %f over keys reverse exclusive : !s
    %m, %n = scan (%s, %w) from (%low, %zero) with (%a, %c), (%d, %e) over queries : (!s, !s) {
      %g = arith.maximumf %a, %d : f32   %l = arith.addf %c, %e : f32   yield %g, %l : f32, f32 }
    ```
  }];
  let arguments = (ins OptionalAttr<Attn_ReduceKind>:$kind, Variadic<Attn_AnyVirtual>:$inputs,
                       Variadic<AnyType>:$identities, Attn_ReduceOver:$over, UnitAttr:$reverse,
                       UnitAttr:$exclusive);
  let results = (outs Variadic<Attn_AnyVirtual>:$results);
  let regions = (region AnyRegion:$body);
}

def Attn_FoldOp : Attn_RunningOp<"fold"> {
  let summary = "a user's combine over the keys of a row";
  let description = [{
    The last state of a `scan` of this region over the keys of a row, one rows an operand; over no
    pair its identities.

    * C1 all operands are matrices of one axis pair.
    * C2 identities and region are as in `scan` (C3 there).

    ```mlir
    %m, %n = fold (%s, %w) from (%low, %zero) with (%a, %c), (%d, %e) : (!s, !s) {
      %g = arith.maximumf %a, %d : f32   %l = arith.addf %c, %e : f32   yield %g, %l : f32, f32 }
    ```
  }];
  let arguments = (ins Variadic<Attn_AnyMatrix>:$inputs, Variadic<AnyType>:$identities);
  let results = (outs Variadic<Attn_AnyRows>:$results);
  let regions = (region SizedRegion<1>:$body);
}

def Attn_StencilOp : Attn_Op<"stencil", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "values of neighbouring pairs, tokens or heads, as a vector";
  let description = [{
    The values at (i + a ... i + b, j + c ... j + d) for `queries [a, b] keys [c, d]`, as a vector of
    (b - a + 1) x (d - c + 1) x (the element's own shape): 0 where hidden or outside, visible where
    the centre (i, j) is. `heads N`: first the values of each N consecutive heads, in one head,
    visible where one of them is; N divides the heads. Of rows and cols: neighbouring tokens.

    * C1 a <= b, both below 65536 in magnitude; N from 1 to 65535.
    * C2 some clause is given, each on an axis that exists: keys of a matrix or cols, queries of a
      matrix or rows.

    ```mlir
    %n = stencil %s queries [-5, 0] keys [-5, 5] : !s
    ```
  }];
  let arguments = (ins Attn_AnyVirtual:$input, OptionalAttr<I64Attr>:$heads,
                       OptionalAttr<DenseI64ArrayAttr>:$queries,
                       OptionalAttr<DenseI64ArrayAttr>:$keys);
  let results = (outs Attn_AnyVirtual:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

#endif // ATTUNE_DIALECTS_ATTN_RUNNING_OPS
