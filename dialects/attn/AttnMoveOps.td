// SPDX-License-Identifier: Apache-2.0
// What does each op of the attn language mean that carries values from their place to another one:
// reductions, gathers, transposes, and moves inside a vector? Included by AttnOps.td.
#ifndef ATTUNE_DIALECTS_ATTN_MOVE_OPS
#define ATTUNE_DIALECTS_ATTN_MOVE_OPS

//===--- Values ---===//

def Attn_ReduceOp : Attn_Op<"reduce", [Pure, AffineScopeTrait, SingleBlock,
      DeclareOpInterfaceMethods<InferTypeOpInterface>,
      DeclareOpInterfaceMethods<OpAsmOpInterface,
          ["getDefaultDialect", "getAsmBlockArgumentNames"]>]> {
  let summary = "sum, mean, max or min over keys, queries or heads: all, by blocks, by buckets";
  let description = [{
    y(b,h,i) = (+)_{visible j} x(b,h,i,j) over keys (matrix to rows); over queries (matrix to cols);
    over heads (one head is left). Over no pair: sum 0, mean 0, max -inf, min +inf (for integers the
    ends of the type). `max` and `min` propagate NaN.

    `by N`: over each N consecutive keys, queries or heads: the axis becomes `axis/N`, the heads H/N;
    the last block may be short. Cols are reduced over keys and rows over queries.

    `into a`: y(b,h,i,c) = (+) over the visible j for which the region yields c; an index outside
    of axis `a` drops the pair. Over queries the same for each key, of cols and rows for each token.
    The operands may be bound as in `map`; the first one is reduced, where all are visible.

    In a matrix result a group without a visible pair is hidden.

    * C1 the kind is defined for the element: floats, or integers without mean.
    * C2 keys and queries are reduced of a matrix, with `by` and `into` also keys of cols and queries
      of rows; heads of anything.
    * C3 N > 0, on no concatenated axis, and the joined blocks are of less than 2^31 tokens.
    * C4 `by` and `into` exclude each other; heads are not reduced into an axis.
    * C5 there is a region, and there may be several operands, with `into` alone. Operands and region
      are as in `map` (C1-C3 there), at the places of the first operand; the region yields an index.

    ```mlir
    %l = reduce sum %e over keys : !s
    %kb = reduce mean %k over keys by 64 : !k
    %w = reduce sum %p over keys into rel at (%b, %h, %i, %j) : !s {
      %d = arith.subi %i, %j : index   yield %d : index }
    ```
  }];
  let arguments = (ins Attn_ReduceKind:$kind, Variadic<Attn_AnyVirtual>:$inputs,
                       Attn_ReduceOver:$over, OptionalAttr<I64Attr>:$by, OptionalAttr<StrAttr>:$into);
  let results = (outs Attn_AnyVirtual:$result);
  let regions = (region AnyRegion:$body);
  let builders = [OpBuilder<(ins "ReduceKind":$kind, "::mlir::Value":$input, "ReduceOver":$over)>];
  let hasCanonicalizeMethod = 1;
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The operand that is reduced; the others only tell the region where to.
    ::mlir::Value getInput() { return getInputs().front(); }
    /// Is all of an axis, or are all heads, reduced to one value?
    bool isWhole() { return !getByAttr() && !getIntoAttr(); }
  }];
}

def Attn_TakeOp : Attn_RegionOp<"take"> {
  let summary = "read another column of the row";
  let description = [{
    y(b,h,i,j) = z(b,h,i,n) with the n that the region yields at (b, h, i, j): the gather of which
    `reduce ... into` is the scatter. Visible where the bound operands and the entry read are. Out of
    range: an error in the reference, 0 elsewhere.

    * C1 z is a matrix, or cols (the same for every i); the result is a matrix of its element.
    * C2 the row axis of z is readable in that of the result.
    * C3 bound operands and region are as in `map` (C1-C3 there); the region yields an index.

    ```mlir
    %g = take %z at (%b, %h, %i, %j) : !attn.matrix<f32, q, rel> -> !s {
      %d = arith.subi %i, %j : index   yield %d : index }
    ```
  }];
  let arguments = (ins Attn_AnyVirtual:$source, Variadic<Attn_AnyVirtual>:$inputs);
  let results = (outs Attn_AnyMatrix:$result);
}

def Attn_TransposeOp
    : Attn_Op<"transpose", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "swap query and key side";
  let description = [{
    y(b,h,j,i) = x(b,h,i,j) with its visibility; rows become cols and cols rows, on their axis.

    ```mlir
    %c = transpose %r : !r
    ```
  }];
  let arguments = (ins Attn_AnyVirtual:$input);
  let results = (outs Attn_AnyVirtual:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasFolder = 1;
}

//===--- Sugar of regions ---===//

def Attn_ContainsOp : Attn_Op<"contains", [Pure]> {
  let summary = "is a token in a list";
  let description = [{
    Is n >= 0 one of the numbers of the list? The padding -1 of a list is then never met. Stands for
    a comparison of every number with n and a `vector.reduction <or>`.

    * C1 the list is a vector of i32 with one dim.

    ```mlir
    %y = contains %list, %j : vector<64xi32>
    ```
  }];
  let arguments = (ins AnyType:$list, Index:$token);
  let results = (outs I1:$result);
  let assemblyFormat = "$list `,` $token attr-dict `:` type($list)";
  let hasVerifier = 1;
}

def Attn_RotateOp : Attn_Op<"rotate", [Pure, AllTypesMatch<["vector", "result"]>]> {
  let summary = "rotate pairs of a vector's numbers by an angle each (RoPE)";
  let description = [{
    (u, w) becomes (u cos a - w sin a, u sin a + w cos a) with the angle a[l] of pair l, which is
    (x[l], x[l + d/2]) by `halves` and (x[2l], x[2l + 1]) by `pairs`; in f32 (f64 for f64), rounded
    to the element of x once.

    * C1 x is a vector of floats with one dim, of even size d.
    * C2 the angle is a vector of d/2 numbers of f32 (f64 for f64).

    ```mlir
    %y = rotate %x by %angle halves : vector<128xbf16>
    ```
  }];
  let arguments = (ins AnyType:$vector, AnyType:$angle, Attn_RotatePairing:$pairing);
  let results = (outs AnyType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The angles that a vector of type `type` is rotated by; null if C1 fails.
    static ::mlir::VectorType getAngleType(::mlir::Type type);
  }];
}

#endif // ATTUNE_DIALECTS_ATTN_MOVE_OPS
