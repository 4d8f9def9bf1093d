// SPDX-License-Identifier: Apache-2.0
// What does each op of the attn language mean? Formula, regions, constraints C1..Cn, one example.
#ifndef ATTUNE_DIALECTS_ATTN_OPS
#define ATTUNE_DIALECTS_ATTN_OPS

include "dialects/attn/AttnDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def AffineScopeTrait : NativeOpTrait<"AffineScope">;

class Attn_Op<string opMnemonic, list<Trait> traits = []> : Op<Attn_Dialect, opMnemonic, traits>;

// An op whose region is evaluated at one place (pair or token): its arguments are one element an
// operand, then the indices: (b, h, i, j) for a matrix, (b, h, n) for rows and cols.
class Attn_RegionOp<string opMnemonic>
    : Attn_Op<opMnemonic, [Pure, AffineScopeTrait, SingleBlock,
        DeclareOpInterfaceMethods<OpAsmOpInterface,
            ["getDefaultDialect", "getAsmBlockArgumentNames"]>]> {
  let regions = (region SizedRegion<1>:$body);
  let hasCanonicalizeMethod = 1;
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

//===--- Frame ---===//

def Attn_KernelOp : Attn_Op<"kernel", [IsolatedFromAbove, AffineScopeTrait, SingleBlock,
      FunctionOpInterface,
      DeclareOpInterfaceMethods<OpAsmOpInterface, ["getDefaultDialect", "getAsmBlockArgumentNames"]>]> {
  let summary = "one attention kernel";
  let description = [{
    A symbol whose body is a straight program; it may also compute scalars. Operand names are kept
    in the argument attribute `attn.name` and name the bundle's operands.
    Facts about an operand are argument attributes: `attn.sorted`, `attn.contiguous`,
    `attn.range = [lo, hi]` on integer tables, rows and cols; `attn.heads = n`, `attn.batch = n` on
    rows and cols.
    Where scalar operands divide, directly or computed with one another, the divisor is above 0 (of
    an unsigned division: not 0), which is checked at launch.

    * C1 operands are rows, cols, tensors of scalars, or scalars (float, integer, index).
    * C2 results are rows, cols or matrices.
    * C3 every axis name used by a type is bound by an operand or an `axis` op.
    * C4 fact attributes stand only on operands they apply to.
    * C5 no op of the body has side effects: it holds attn ops but `load` and `size`, and ops of
      scalars that regions may contain.
    * C6 operands and results have names, all different.
    * C7 known head counts divide the largest of them; known batch counts are 1 or one number.

    ```mlir
    attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q {
      %s = dot %q, %k scale 0.125 : !q, !k
      %p = softmax %s : !s
      %o = contract %p, %v : !s, !k -> !q
      return %o : !q
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    static ::llvm::StringRef getNameAttrName() { return "attn.name"; }
    /// The name of operand `index` as written (without %).
    ::llvm::StringRef getOperandName(unsigned index);
    /// The name of result `index`: its attribute `attn.name`, else "out" (or "out0", "out1", ... of several).
    ::std::string getResultName(unsigned index);
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
  }];
}

def Attn_ReturnOp : Attn_Op<"return", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "end a kernel";
  let description = [{
    * C1 operand types are the kernel's result types.

    ```mlir
    return %o, %l : !q, !attn.rows<f32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let hasVerifier = 1;
}

def Attn_YieldOp : Attn_Op<"yield", [Pure, Terminator, ReturnLike,
                                      ParentOneOf<["FoldOp", "MapOp", "ReduceOp", "ScanOp",
                                                   "SolveOp", "TakeOp", "WhereOp"]>]> {
  let summary = "end a region";
  let description = [{
    Gives the value of the enclosing region's place.

    ```mlir
    yield %y : f32
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Attn_AxisOp : Attn_Op<"axis", [AttrSizedOperandSegments]> {
  let summary = "declare the length, shape and facts of an axis";
  let description = [{
    `size n`: its length (otherwise bound by an operand). `like b`: it has the length of axis b in
    every sequence. `multiple N`: its length is a multiple of N. `grid (T, H, W)`: its tokens are a
    row-major grid. Checked at launch.

    * C1 the axis is a plain name.
    * C2 at most one `axis` op a name.
    * C3 some clause is given.
    * C4 N > 0.

    ```mlir
    axis k like q multiple 64
    ```
  }];
  let arguments = (ins StrAttr:$axis, Optional<Index>:$size, OptionalAttr<StrAttr>:$like,
                       OptionalAttr<I64Attr>:$multiple, Variadic<Index>:$grid);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_AssumeOp : Attn_Op<"assume"> {
  let summary = "state a fact about scalars";
  let description = [{
    Checked at launch, usable by every analysis.

    * C1 the condition is computed from scalar operands alone.

    ```mlir
    assume %ok
    ```
  }];
  let arguments = (ins I1:$condition);
  let assemblyFormat = "$condition attr-dict";
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

//===--- Values ---===//

def Attn_DotOp : Attn_Op<"dot", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "products of tokens";
  let description = [{
    s(b,h,i,j) = F * sum_t rows(b,h,i)[t] * cols(b,h,j)[t]; every pair is visible. The result's
    element is f32 (f64 for f64, i32 for i8); products are exact, sums are f32 (f64, i32).

    * C1 both elements are vectors of one type.
    * C2 their element is a float or i8.
    * C3 no scale on integers.

    ```mlir
    %s = dot %q, %k scale 0.0883883 : !q, !k
    ```
  }];
  let arguments = (ins Attn_AnyRows:$rows, Attn_AnyCols:$cols, OptionalAttr<F64Attr>:$scale);
  let results = (outs Attn_AnyMatrix:$result);
  let hasCanonicalizeMethod = 1;
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_MapOp : Attn_RegionOp<"map"> {
  let summary = "any function of the values at one place";
  let description = [{
    y(place) = body(x(place), ..., indices) at every visible pair (matrix) or every token (rows,
    cols). The region receives one element an operand, then the indices ((b, h, i, j) or (b, h, n)),
    and yields the result's element. With only rows and cols operands and a matrix result it makes a
    score without a product.

    * C1 each operand is readable in the result's axes.
    * C2 the region has these arguments and yields one element of the result.
    * C3 no virtual value is captured.

    ```mlir
    %t = map (%x = %s, %g = %gate) : (!s, !r) -> !s { %y = arith.mulf %x, %g : f32   yield %y : f32 }
    ```
  }];
  let arguments = (ins Variadic<Attn_AnyVirtual>:$inputs);
  let results = (outs Attn_AnyVirtual:$result);
}

def Attn_WhereOp : Attn_RegionOp<"where"> {
  let summary = "hide pairs";
  let description = [{
    y = the first operand; visible where all operands are and the region yields true. The region is
    as in `map` and yields i1. `where %s in #set[%sym, ...] : type` is short for a region of one
    `holds` of (b, h, i, j).

    * C1 the first operand is a matrix.
    * C2 operands and region are as in `map` (C1-C3 there); the region yields i1.
    * C3 a #set has dims (b, h, i, j) and as many symbols as are given.

    ```mlir
    %m = where %s in #window[%w] : !s
    ```
  }];
  let arguments = (ins Variadic<Attn_AnyVirtual>:$inputs);
  let results = (outs Attn_AnyMatrix:$result);
}

def Attn_ContractOp : Attn_Op<"contract", [Pure]> {
  let summary = "weighted sum of values";
  let description = [{
    o(b,h,i) = sum_{visible j} p(b,h,i,j) * v(b,h,j); 0 over no pair. Weights are rounded to the
    type of the values first; sums are f32 (f64).

    Or a product of two matrices: o(b,h,i,j) = sum_e p(b,h,i,e) * v(b,h,e,j) over pairs that are visible in
    both; all pairs of the result are visible.

    * C1 the inner axes are equal.
    * C2 values and result have one shape and float elements; weights are f32 (f64 for f64 values). Of
      two matrices all elements are of one type, f32 or f64.
    * C3 the result's axis is the weights' row axis; of a matrix the other is the values' column axis.

    ```mlir
    %o = contract %p, %v : !s, !k -> !q
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$weights, AnyTypeOf<[Attn_AnyCols, Attn_AnyMatrix]>:$values);
  let results = (outs AnyTypeOf<[Attn_AnyRows, Attn_AnyMatrix]>:$result);
  let assemblyFormat = [{
    $weights `,` $values attr-dict `:` type($weights) `,` type($values) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Is it a product of two matrices?
    bool isProduct() { return ::llvm::isa<MatrixType>(getValues().getType()); }
  }];
}

def Attn_ConcatOp : Attn_Op<"concat", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "segments of keys in one axis";
  let description = [{
    The operands side by side along the keys, in their order: of matrices on the axes `c` and `d` a
    matrix on the axis `c+d`, whose row has the keys of `c` and then those of `d`; a pair is visible
    where it is in its segment. Of cols the same, one token after another. One softmax over several
    sources of keys, each with its own mask, map, heads and batch: learned keys, prefixes, memory.

    * C1 all are matrices of one element and row axis, or all are cols of one element.
    * C2 two operands or more, on axes that differ.

    ```mlir
    %a = concat %s0, %s : !attn.matrix<f32, q, mem>, !s
    ```
  }];
  let arguments = (ins Variadic<Attn_AnyVirtual>:$segments);
  let results = (outs Attn_AnyVirtual:$result);
  let assemblyFormat = "$segments attr-dict `:` type($segments)";
  let hasCanonicalizeMethod = 1;
  let hasVerifier = 1;
}

//===--- Searches of a row ---===//

def Attn_SolveOp : Attn_Op<"solve", [Pure, AffineScopeTrait, SingleBlock,
        DeclareOpInterfaceMethods<OpAsmOpInterface,
            ["getDefaultDialect", "getAsmBlockArgumentNames"]>]> {
  let summary = "the threshold of a row at which a sum that decreases reaches a total";
  let description = [{
    tau(b,h,i) = inf { t in [lo, hi] : sum_{visible j} f(x(b,h,i,j), t) <= c }, or hi where there is
    no such t. The region gets t, then the elements, then the indices, and yields f, which must not
    increase with t (the reference checks it). Thresholds of sparsemax, entmax, soft top-n, top-p.

    * C1 the first bound operand is a matrix; all are readable in its axes.
    * C2 both ends and the result are rows of f32 on its row axis.
    * C3 the region has these arguments, yields an f32 and captures no virtual value.

    ```mlir
    %tau = solve %t from %lo to %hi total %one with (%x = %c) : (!s) {
      %d = arith.subf %x, %t : f32   %y = arith.maximumf %d, %zero : f32   yield %y : f32 }
    ```
  }];
  let arguments = (ins Attn_AnyRows:$low, Attn_AnyRows:$high, F32:$total,
                       Variadic<Attn_AnyVirtual>:$inputs);
  let results = (outs Attn_AnyRows:$result);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_SelectOp : Attn_Op<"select", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "the best n keys of a row, as a value";
  let description = [{
    y(b,h,i,j) = is x(b,h,i,j) among the n greatest at the visible pairs of the row? The result is
    *visible everywhere* and false at hidden pairs: a selection is a value, only `where` hides. Of
    equals the lower key index wins, -0 and +0 are equal, NaN is below all. All visible pairs if
    there are fewer than n, none if n <= 0.

    * C1 the element is an ordered scalar: a float, index or an integer of more than one bit.

    ```mlir
    %t = select %g top %n : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$input, Index:$count);
  let results = (outs Attn_AnyMatrix:$result);
  let assemblyFormat = "$input `top` $count attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Attn_ListOp : Attn_Op<"list", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "the first n keys of a row, best first, as vectors";
  let description = [{
    The N greatest x at the visible pairs of the row, the greatest first, and their keys; behind the
    last one the least value of the element (-inf for floats) and the key -1. Of equals the lower
    key index comes first, -0 and +0 are equal, NaN is below all.

    * C1 the element is an ordered scalar: a float, index or an integer of more than one bit.
    * C2 N > 0.

    ```mlir
    %w, %arg = list %p first 1 : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$input, I64Attr:$count);
  let results = (outs Attn_AnyRows:$values, Attn_AnyRows:$keys);
  let assemblyFormat = "$input `first` $count attr-dict `:` type($input)";
  let hasVerifier = 1;
}

//===--- Inside regions ---===//

def Attn_LoadOp : Attn_Op<"load", [Pure]> {
  let summary = "an entry of a captured table";
  let description = [{
    table[indices]; with fewer indices than dims the vector of the trailing static dims. Integers
    may be read as `index`. Out of range: an error in the reference, 0 elsewhere.

    * C1 not more indices than the rank.
    * C2 trailing dims are static.
    * C3 the result is the entry's type (a vector of it for trailing dims), or `index` for an
      integer.

    ```mlir
    %m = load %slope[%h] : tensor<?xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$table, Variadic<Index>:$indices);
  let results = (outs AnyType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_SizeOp : Attn_Op<"size", [Pure]> {
  let summary = "the length of an axis";
  let description = [{
    The number of tokens of the axis in sequence b.

    * C1 the axis is bound in the kernel.

    ```mlir
    %n = size k of %b
    ```
  }];
  let arguments = (ins StrAttr:$axis, Index:$sequence);
  let results = (outs Index:$result);
  let hasCanonicalizeMethod = 1;
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

//===--- Sugar ---===//

def Attn_SoftmaxOp : Attn_Op<"softmax", [Pure, AllTypesMatch<["scores", "result"]>]> {
  let summary = "softmax over the visible keys of a row";
  let description = [{
    p = exp(s - m) / l with m = max over visible j of s (and the sink z), l = sum of exp(s - m)
    (plus exp(z - m)). A row whose visible scores are all -inf counts as empty: weights 0.
    Stands for `reduce max`, `map`, `reduce sum`, `map`.

    * C1 the element is a float.
    * C2 the sink is rows of that element on the row axis.

    ```mlir
    %p = softmax %c sink %z : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$scores, Optional<Attn_AnyRows>:$sink);
  let results = (outs Attn_AnyMatrix:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_LogsumexpOp : Attn_Op<"logsumexp", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "natural logarithm of the sum of exponentials of a row";
  let description = [{
    m + log l of `softmax`; -inf for an empty row without sink.

    * C1 the element is a float.
    * C2 the sink is rows of that element on the row axis.

    ```mlir
    %l = logsumexp %m : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$scores, Optional<Attn_AnyRows>:$sink);
  let results = (outs Attn_AnyRows:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_EntmaxOp : Attn_Op<"entmax", [Pure, AllTypesMatch<["scores", "result"]>]> {
  let summary = "alpha-entmax over the visible keys of a row";
  let description = [{
    With z = (alpha - 1) s and m = max over visible j of z: p = max(z - tau, 0)^(1 / (alpha - 1)),
    tau in [m - 1, m] the threshold at which a row of weights sums to 1. alpha > 1; alpha = 2 is
    sparsemax. A row whose visible scores are all -inf counts as empty: weights 0.
    Stands for `map`, `reduce max`, `solve`, `map`.

    * C1 the element is f32.
    * C2 alpha is rows of f32 on the row axis.

    ```mlir
    %p = entmax %c alpha %a : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$scores, Attn_AnyRows:$alpha);
  let results = (outs Attn_AnyMatrix:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_HoldsOp : Attn_Op<"holds", [Pure, AttrSizedOperandSegments]> {
  let summary = "does a point lie in an affine set";
  let description = [{
    Conjunction of the set's constraints at the given dims and symbols.

    * C1 as many dims and symbols are given as the set has.

    ```mlir
    %y = holds affine_set<(i, j)[w] : (i - j <= w)>(%i, %j)[%w]
    ```
  }];
  let arguments = (ins IntegerSetAttr:$set, Variadic<Index>:$dims, Variadic<Index>:$symbols);
  let results = (outs I1:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasFolder = 1;
}

include "dialects/attn/AttnMoveOps.td"
include "dialects/attn/AttnRunningOps.td"
include "dialects/attn/AttnListOps.td"

#endif // ATTUNE_DIALECTS_ATTN_OPS
