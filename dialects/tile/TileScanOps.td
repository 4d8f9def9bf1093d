// SPDX-License-Identifier: Apache-2.0
// What are running values along the keys of a tile?
#ifndef ATTUNE_DIALECTS_TILE_SCAN_OPS
#define ATTUNE_DIALECTS_TILE_SCAN_OPS

def Tile_ScanOp : Tile_Op<"scan", [RecursiveMemoryEffects, SingleBlock, SameVariadicOperandSize,
      SameVariadicResultSize, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "running states along the keys of each row";
  let description = [{
    A state is one number of each matrix, and the region joins two of them, the earlier first:

        y(i, j) = carry(i) (+) x(i, 0) (+) ... (+) x(i, j)      next(i) = y(i, keys - 1)

    `reverse` goes from the last key to the first; `exclusive` leaves x(i, j) out of y(i, j), not out
    of `next`. Hidden pairs must hold the join's identity. The region is associative, so that parts
    of a row may be joined first; it may use uniform scalars from outside. Results are the matrices y,
    then the rows `next`.

    * C1 as many carried rows as matrices, at least one; all have as many rows as the first matrix
      and it as many columns, and a carried element is its matrix's.
    * C2 the region takes two states and yields one.

    ```mlir
    %y, %next = tile.scan reverse %x carry(%before) {
    ^bb0(%a: f32, %d: f32):
      %sum = arith.addf %a, %d : f32
      tile.yield %sum : f32
    } : !tile.matrix<64, 32, f32> carry !tile.rows<64, f32>
    ```
  }];
  let arguments = (ins Variadic<Tile_AnyMatrix>:$inputs, Variadic<Tile_AnyRows>:$carried,
                       UnitAttr:$reverse, UnitAttr:$exclusive);
  let results = (outs Variadic<Tile_AnyMatrix>:$outputs, Variadic<Tile_AnyRows>:$next);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`reverse` $reverse^)? (`exclusive` $exclusive^)? $inputs `carry` `(` $carried `)` $body attr-dict
    `:` type($inputs) `carry` type($carried)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

#endif // ATTUNE_DIALECTS_TILE_SCAN_OPS
