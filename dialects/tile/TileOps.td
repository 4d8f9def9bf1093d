// SPDX-License-Identifier: Apache-2.0
// What does each op of a block's program do? Formula, regions, constraints C1..Cn, one example.
#ifndef ATTUNE_DIALECTS_TILE_OPS
#define ATTUNE_DIALECTS_TILE_OPS

include "dialects/tile/TileDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferIntRangeInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Tile_AffineScope : NativeOpTrait<"AffineScope">;

class Tile_Op<string opMnemonic, list<Trait> traits = []> : Op<Tile_Dialect, opMnemonic, traits>;

def Tile_KernelOp : Tile_Op<"kernel", [IsolatedFromAbove, Tile_AffineScope, SingleBlock,
                                       FunctionOpInterface]> {
  let summary = "the program of one block";
  let description = [{
    Arguments are the attn kernel's operands in order, then its results. Tokens, tables and results
    are memrefs with any strides (tokens: batch, heads, tokens, *element shape*); scalars are floats,
    integers and index. Each argument has the attribute `tile.name`. The grid is (query tiles, heads,
    batch) of the first of the last `result_count` arguments.

    * C1 arguments are memrefs or scalars, and the function type has no results.
    * C2 the last `result_count` arguments, at least one, are memrefs.

    ```mlir
    tile.kernel @copy(%q: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "q"},
                      %o: memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> {tile.name = "out"})
        attributes {config = #tile.config<queries = 64, keys = 64, threads = 128, stages = 2>, result_count = 1 : i64} {
      %b, %h, %i0 = tile.coordinates
      %t = tile.load %q[%b, %h, %i0] : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> -> !tile.rows<64, vector<64xbf16>>
      tile.store %t, %o[%b, %h, %i0] : !tile.rows<64, vector<64xbf16>>, memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>
      tile.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       Tile_ConfigAttr:$config,
                       I64Attr:$result_count,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return {}; }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The name of argument `index` (attribute `tile.name`).
    ::llvm::StringRef getArgumentName(unsigned index);
  }];
}

def Tile_ReturnOp : Tile_Op<"return", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "end a block's program";
  let description = [{
    ```mlir
    tile.return
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike,
                                      ParentOneOf<["MapOp", "SweepOp", "FoldOp", "ElementsOp", "ScanOp"]>]> {
  let summary = "end a region";
  let description = [{
    ```mlir
    tile.yield %y : f32
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let extraClassDeclaration = [{
    /// The number that a map's region yields.
    ::mlir::Value getValue() { return getValues().front(); }
  }];
}

def Tile_CoordinatesOp : Tile_Op<"coordinates", [Pure, AttrSizedOperandSegments,
      DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "which rows this block owns";
  let description = [{
    Batch, head (of the result with most heads), and the first query of the block's tile (a multiple
    of `config.queries`). Where tiles are boxes of `config.query_box`, the sizes of their grid of tokens
    (outermost first): there are as many tiles as boxes cover the grid, in row-major order, and the
    tile's number is firstQuery / config.queries. With `config.packed_heads` P the grid is (heads of a
    group, queries), the boxes are P x queries / P, and `head` is the number of the group, below `heads`.

    * C1 as many grid sizes as `config.query_box` has, two where heads are packed, else none.
    * C2 `heads` is given where heads are packed, and nowhere else.

    ```mlir
    %b, %h, %i0 = tile.coordinates
    %b, %h, %i0 = tile.coordinates of(%H, %W)
    %b, %group, %t = tile.coordinates of(%G, %N) heads %Hkv
    ```
  }];
  let arguments = (ins Variadic<Index>:$grid, Optional<Index>:$heads);
  let results = (outs Index:$batch, Index:$head, Index:$firstQuery);
  let assemblyFormat = "(`of` `(` $grid^ `)`)? (`heads` $heads^)? attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins), [{
    build($_builder, $_state, ::mlir::ValueRange(), ::mlir::Value());
  }]>];
}

def Tile_BoxOp : Tile_Op<"box", [Pure, AttrSizedOperandSegments]> {
  let summary = "a tile of tokens that is a box of a grid";
  let description = [{
    With the type's sizes b and the grid's sizes g (outermost first): token n of the tile has the
    coordinates origin + (n in row-major order of b), and is the token sum of coordinate * stride, the
    strides being those of a row-major grid. It exists where each coordinate is below g. With `heads`
    the first coordinate counts heads, from that of the load or store, and the second is the token.

    * C1 as many origins and grid sizes as the type has sizes; two with `heads`.

    ```mlir
    %p = tile.box(%y0, %x0) of(%H, %W) : !tile.box<8, 16>
    %p = tile.box heads(%h0, %i0) of(%h1, %N) : !tile.box<8, 16>
    ```
  }];
  let arguments = (ins Variadic<Index>:$origin, Variadic<Index>:$grid, UnitAttr:$heads);
  let results = (outs Tile_AnyBox:$result);
  let assemblyFormat = "(`heads` $heads^)? `(` $origin `)` `of` `(` $grid `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_LoadOp : Tile_Op<"load", [MemoryEffects<[MemRead]>, AttrSizedOperandSegments]> {
  let summary = "read a tile of tokens";
  let description = [{
    Element n is source[batch, head, first + n, ...], or that of token n of the box (of head + its head,
    in a box of heads); tokens that do
    not exist (at or beyond dim 2, outside of the grid) read as zero and their memory is not touched.
    With a list, element n is source[batch, head, list[row, first + n], ...], and those at or beyond
    `count` entries of the list do not exist; the entries before are tokens of the source.

    * C1 the source has rank 3 plus the element's rank.
    * C2 the source's element type and trailing dims are the element's.
    * C3 a box has as many tokens as the tile.
    * C4 with a list: the result is cols, `first` an index, the list has i32 and one dim more than
      `row` has indices.

    ```mlir
    %t = tile.load %k[%b, %h, %j0] : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>> -> !tile.cols<64, vector<64xbf16>>
    %u = tile.load %k[%b, %h, %e0] through %list[%b, %g, %i] below %count : memref<?x?x?x64xbf16, strided<[?, ?, ?, 1]>>, memref<?x?x?x?xi32, strided<[?, ?, ?, ?]>> -> !tile.cols<64, vector<64xbf16>>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, Index:$batch, Index:$head, Tile_Place:$first,
                       Optional<AnyMemRef>:$list, Variadic<Index>:$row, Optional<Index>:$count);
  let results = (outs AnyTypeOf<[Tile_AnyRows, Tile_AnyCols]>:$result);
  let assemblyFormat = [{
    $source `[` $batch `,` $head `,` custom<Place>($first, type($first)) `]`
    (`through` $list^ `[` $row `]` `below` $count)? attr-dict `:` type($source) (`,` type($list)^)?
    `->` type($result)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$source,
      "::mlir::Value":$batch, "::mlir::Value":$head, "::mlir::Value":$first), [{
    build($_builder, $_state, result, source, batch, head, first, ::mlir::Value(),
          ::mlir::ValueRange(), ::mlir::Value());
  }]>];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [MemoryEffects<[MemWrite]>]> {
  let summary = "write a tile of rows";
  let description = [{
    target[batch, head, first + n, ...] = element n, or token n of the box, for tokens that exist only.

    * C1 the target has rank 3 plus the element's rank.
    * C2 the target's element type and trailing dims are the element's.
    * C3 a box has as many tokens as the tile.

    ```mlir
    tile.store %t, %o[%b, %h, %i0] : !tile.rows<64, f32>, memref<?x?x?xf32, strided<[?, ?, ?]>>
    ```
  }];
  let arguments = (ins Tile_AnyRows:$value, AnyMemRef:$target, Index:$batch, Index:$head,
                       Tile_Place:$first);
  let assemblyFormat = [{
    $value `,` $target `[` $batch `,` $head `,` custom<Place>($first, type($first)) `]` attr-dict `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_ReadOp : Tile_Op<"read", [MemoryEffects<[MemRead]>]> {
  let summary = "read one entry of a captured table";
  let description = [{
    table[indices], or 0 where an index is out of range (its memory is not touched). May stand inside
    a `map`.

    * C1 as many indices as the table's rank.
    * C2 the result is the table's element.

    ```mlir
    %m = tile.read %slope[%h] : memref<?xf32, strided<[?]>> -> f32
    ```
  }];
  let arguments = (ins AnyMemRef:$table, Variadic<Index>:$indices);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$table `[` $indices `]` attr-dict `:` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_WriteOp : Tile_Op<"write", [MemoryEffects<[MemWrite]>]> {
  let summary = "write one number of the block";
  let description = [{
    memory[indices] = value, once for the block; indices are in range.

    * C1 as many indices as the memory's rank.
    * C2 the memory holds i64.

    ```mlir
    tile.write %low, %workspace[%b, %h, %t, %c0] : memref<?x?x?x3xi64>
    ```
  }];
  let arguments = (ins Index:$value, AnyMemRef:$memory, Variadic<Index>:$indices);
  let assemblyFormat = "$value `,` $memory `[` $indices `]` attr-dict `:` type($memory)";
  let hasVerifier = 1;
}

def Tile_FoldOp : Tile_Op<"fold", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "fold integer functions over consecutive numbers";
  let description = [{
    y_k = the fold of kinds[k] over n in [first, last] of what the region yields as number k: `least`,
    `greatest`, or `union` (bitwise or). Over no n (first > last): 2^61, -2^61, 0. The block's threads
    share the work; all of them get the results. The region may use scalars of the block and
    `tile.read`. Stands where all threads of the block are.

    * C1 as many kinds as results.
    * C2 the region takes one index and yields one index for each result.

    ```mlir
    %low, %high = tile.fold %i0 to %i1 [least, greatest] {
    ^bb0(%i: index):
      %d = tile.read %doc[%b, %i] : memref<?x?xi32, strided<[?, ?]>> -> i32
      %n = arith.index_cast %d : i32 to index
      tile.yield %n, %n : index, index
    }
    ```
  }];
  let arguments = (ins Index:$first, Index:$last, DenseI32ArrayAttr:$kinds);
  let results = (outs Variadic<Index>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$first, "::mlir::Value":$last,
      "::llvm::ArrayRef<FoldKind>":$kinds,
      "::llvm::function_ref<::llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value)>":$body)>];
  let extraClassDeclaration = [{
    FoldKind getKind(unsigned index) { return FoldKind(getKinds()[index]); }
    /// What a fold over nothing gives.
    static int64_t getNeutral(FoldKind kind) {
      int64_t bound = int64_t(1) << 61;
      return kind == FoldKind::Least ? bound : kind == FoldKind::Greatest ? -bound : 0;
    }
  }];
}

def Tile_ElementsOp : Tile_Op<"elements", [MemoryEffects<[MemRead, MemWrite]>, SingleBlock, Tile_AffineScope,
      DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "write the block's tokens number by number";
  let description = [{
    target[batch, head, n, c] = what the region yields, for each n from `first` on, below `first` +
    config.queries and dim 2 of the target, and each c below dim 3; of a target whose tokens are numbers,
    target[batch, head, n], with c = 0. The block's threads share the work. The region may be evaluated
    for any n and c, also beyond these, in any order, and what depends on n alone once for many c; it uses
    scalars of the block, `arith`, `math`, `memref.dim`, `tile.read` and `scf.for`. Stands where all
    threads of the block are, in a kernel without tiles.

    * C1 the target has rank 3 or 4.
    * C2 the region takes two indices and yields one value of the target's element type.
    * C3 the region does not read the target.

    ```mlir
    tile.elements %o[%b, %h, %i0] {
    ^bb0(%n: index, %c: index):
      %x = tile.read %q[%b, %h, %n, %c] : memref<?x?x?x64xf32, strided<[?, ?, ?, 1]>> -> f32
      %y = arith.mulf %x, %scale : f32
      tile.yield %y : f32
    } : memref<?x?x?x64xf32, strided<[?, ?, ?, 1]>>
    ```
  }];
  let arguments = (ins AnyMemRef:$target, Index:$batch, Index:$head, Index:$first);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $target `[` $batch `,` $head `,` $first `]` $body attr-dict `:` type($target)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$target, "::mlir::Value":$batch,
      "::mlir::Value":$head, "::mlir::Value":$first,
      "::llvm::function_ref<::mlir::Value(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value, ::mlir::Value)>":$body)>];
  let extraClassDeclaration = [{
    ::mlir::Value getToken() { return getBody().getArgument(0); }
    ::mlir::Value getComponent() { return getBody().getArgument(1); }
    ::mlir::Type getElementType() {
      return ::llvm::cast<::mlir::MemRefType>(getTarget().getType()).getElementType();
    }
    /// Is a token of the target one number?
    bool hasScalars() { return ::llvm::cast<::mlir::MemRefType>(getTarget().getType()).getRank() == 3; }
    /// What the region yields.
    ::mlir::Value getYielded() { return getBody().front().getTerminator()->getOperand(0); }
  }];
}

def Tile_SweepOp : Tile_Op<"sweep", [RecursiveMemoryEffects, Tile_AffineScope,
      DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "the loop over the tiles of keys that a mask leaves";
  let description = [{
    Visits numbers of key tiles in [first, end), in increasing order, with carried state:

        t = seek(first)                       (seek(t) = t where there is no region)
        while t < end {
          (visit, partial) = classify(t)
          if visit { state = body(t, partial, state) }
          t = seek(t + 1)
        }

    `seek` and `classify` are pure: they may be evaluated for any tile in [0, end), by any thread,
    ahead of the body and more than once; they use scalars of the block, `arith`, `scf` and `tile.read`.
    `seek(t)` >= t. `visit` false says that no pair of the tile counts; `partial` that the body has
    to mask. A `visit` that is the constant true lets a target walk all tiles in order.

    * C1 `seek` takes and yields one index; `classify` takes one index and yields two i1.
    * C2 the body takes an index, an i1 and the state, and yields the state.

    ```mlir
    %m = tile.sweep %t0 to %t1 carry (%low) classify {
    ^bb0(%t: index):
      %j = arith.muli %t, %c64 : index
      %partial = arith.cmpi sgt, %j, %full : index
      tile.yield %true, %partial : i1, i1
    } do {
    ^bb0(%t: index, %partial: i1, %before: !tile.rows<64, f32>):
      tile.yield %before : !tile.rows<64, f32>
    } : !tile.rows<64, f32>
    ```
  }];
  let arguments = (ins Index:$first, Index:$end, Variadic<AnyType>:$initial);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region MaxSizedRegion<1>:$seek, SizedRegion<1>:$classify, SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getTile() { return getBody().getArgument(0); }
    ::mlir::Value getPartial() { return getBody().getArgument(1); }
    ::mlir::Block::BlockArgListType getState() { return getBody().getArguments().drop_front(2); }
    /// What `classify` yields: visit, partial.
    ::mlir::OperandRange getClasses() { return getClassify().front().getTerminator()->getOperands(); }
    /// The state that the body yields.
    ::mlir::OperandRange getNextState() { return getBody().front().getTerminator()->getOperands(); }
    /// Is every tile of [first, end) visited?
    bool visitsAll();
  }];
}

def Tile_SplatOp : Tile_Op<"splat", [Pure]> {
  let summary = "a tile of equal elements";
  let description = [{
    Every number of the tile (every component of every element) is the scalar.

    * C1 the scalar's type is the tile's scalar type.

    ```mlir
    %m = tile.splat %low : f32 -> !tile.rows<64, f32>
    ```
  }];
  let arguments = (ins AnyType:$scalar);
  let results = (outs Tile_AnyTile:$result);
  let assemblyFormat = "$scalar attr-dict `:` type($scalar) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_DotOp : Tile_Op<"dot", [Pure]> {
  let summary = "products of a tile of rows with a tile of keys";
  let description = [{
    s(i, j) = sum_t rows(i)[t] * cols(j)[t], summed in f32.

    * C1 rows and cols have vectors of one type.
    * C2 the result has as many rows and cols, and element f32.

    ```mlir
    %s = tile.dot %q, %k : !tile.rows<64, vector<64xbf16>>, !tile.cols<32, vector<64xbf16>> -> !tile.matrix<64, 32, f32>
    ```
  }];
  let arguments = (ins Tile_AnyRows:$rows, Tile_AnyCols:$cols);
  let results = (outs Tile_AnyMatrix:$result);
  let assemblyFormat = "$rows `,` $cols attr-dict `:` type($rows) `,` type($cols) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ContractOp : Tile_Op<"contract", [Pure, AllTypesMatch<["accumulator", "result"]>]> {
  let summary = "add weighted values to an accumulator";
  let description = [{
    o(i) = scale(i) * accumulator(i) + sum_j weights(i, j) * values(j), scale = 1 if absent. Weights
    are rounded to the values' type first; sums are f32. Hidden pairs must have weight 0.

    * C1 weights and values have one number of keys.
    * C2 values and accumulator are vectors of one length; the accumulator is f32.
    * C3 the scale, if any, is f32 and has the accumulator's rows.

    ```mlir
    %o = tile.contract %p, %v, %acc scaled %a : !tile.matrix<64, 32, f32>, !tile.cols<32, vector<64xbf16>>, !tile.rows<64, vector<64xf32>>
    ```
  }];
  let arguments = (ins Tile_AnyMatrix:$weights, Tile_AnyCols:$values, Tile_AnyRows:$accumulator,
                       Optional<Tile_AnyRows>:$scale);
  let results = (outs Tile_AnyRows:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Tile_MapOp : Tile_Op<"map", [AttrSizedOperandSegments, RecursiveMemoryEffects, SingleBlock, Tile_AffineScope,
      DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "a scalar function of the elements at each place";
  let description = [{
    The places are those of the result: (i, j) of a matrix, i of rows or partial, j of cols, and also
    each component of a vector element. The region always receives *scalars*: one number an operand
    (a rows or cols operand is broadcast over the places that it lacks; a scalar element over
    components), then, with `from`, the absolute indices: (i, j), i or j = first + place. It may use
    uniform scalars from outside. It yields one number. An origin that is a box gives the coordinates
    of the token in place of its number, one index each, also where the token does not exist.

    * C1 each operand's places are among the result's (rows and partial in matrix and rows, cols in
      matrix and cols; equal counts; vector elements only into vector elements of one length).
    * C2 region arguments are the operands' scalar types, then the indices of each origin.
    * C3 the region yields the result's scalar type.
    * C4 origins: two for a matrix, one for rows, partial and cols, or none; boxes have as many
      tokens as the result has places on that side.

    ```mlir
    %y = tile.map (%x = %s) at (%i, %j) from (%i0, %j0) : (!tile.matrix<64, 32, f32>) -> !tile.matrix<64, 32, f32> {
      %keep = arith.cmpi sle, %j, %i : index
      %z = arith.select %keep, %x, %low : f32
      tile.yield %z : f32
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_AnyTile>:$inputs, Variadic<Tile_Place>:$origins);
  let results = (outs Tile_AnyTile:$result);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::ValueRange":$inputs,
      "::mlir::ValueRange":$origins,
      "::llvm::function_ref<::mlir::Value(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$body)>];
  let extraClassDeclaration = [{
    /// The region's arguments for the operands, and for the indices.
    ::mlir::Block::BlockArgListType getElementArguments() {
      return getBody().getArguments().take_front(getInputs().size());
    }
    ::mlir::Block::BlockArgListType getIndexArguments() {
      return getBody().getArguments().drop_front(getInputs().size());
    }
    /// The indices of origin `origin`: its token's number, or coordinates.
    ::mlir::Block::BlockArgListType getIndexArguments(unsigned origin);
  }];
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "join a matrix along its keys";
  let description = [{
    y(i) = initial(i) (+) x(i, 0) (+) x(i, 1) ...; hidden pairs must hold the join's identity. A
    partial result stays spread over the lanes of a row until `combine`. `max` and `min` propagate
    NaN unless `ignore_nan` is set (then NaN elements may be dropped).

    * C1 the matrix and the rows have as many rows and one float element.
    * C2 the initial value and the result have one type.

    ```mlir
    %m1 = tile.reduce max %s, %m0 {ignore_nan} : !tile.matrix<64, 32, f32>, !tile.rows<64, f32> -> !tile.rows<64, f32>
    ```
  }];
  let arguments = (ins Tile_JoinKind:$kind, Tile_AnyMatrix:$input,
                       AnyTypeOf<[Tile_AnyRows, Tile_AnyPartial]>:$initial, UnitAttr:$ignore_nan);
  let results = (outs AnyTypeOf<[Tile_AnyRows, Tile_AnyPartial]>:$result);
  let assemblyFormat = "$kind $input `,` $initial attr-dict `:` type($input) `,` type($initial) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_CombineOp : Tile_Op<"combine", [Pure]> {
  let summary = "join the lanes' parts of each row";
  let description = [{
    * C1 input and result have as many rows and one element.

    ```mlir
    %l = tile.combine sum %partial : !tile.partial<64, f32> -> !tile.rows<64, f32>
    ```
  }];
  let arguments = (ins Tile_JoinKind:$kind, Tile_AnyPartial:$input);
  let results = (outs Tile_AnyRows:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

include "dialects/tile/TileListOps.td"
include "dialects/tile/TileScanOps.td"

#endif // ATTUNE_DIALECTS_TILE_OPS
