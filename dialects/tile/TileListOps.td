// SPDX-License-Identifier: Apache-2.0
// What do the ops of a block's program do that write lists of keys? Included by TileOps.td.
#ifndef ATTUNE_DIALECTS_TILE_LIST_OPS
#define ATTUNE_DIALECTS_TILE_LIST_OPS

def Tile_AppendOp : Tile_Op<"append", [MemoryEffects<[MemWrite]>, AttrSizedOperandSegments,
                                       AllTypesMatch<["count", "result"]>]> {
  let summary = "append the keys of a tile to the lists of its rows";
  let description = [{
    For each row i below dim 2 of `list`, for each j with marks(i, j) != 0 in increasing order, e being
    count(i) + how many such j came before: list[batch, head, first + i, e] = firstKey + j, and with
    `values` values[batch, head, first + i, e] = elements(i, j), where e is below dim 3 of `list`. The
    result is count(i) + the number of such j, of all rows.

    * C1 marks are f32, and counts i32, of as many rows.
    * C2 the list is i32 of rank 4.
    * C3 elements have the places of the marks, and go to a memory of rank 4 of their type.

    ```mlir
    %n1 = tile.append %marks, %n0, %list[%b, %h, %i0] from %j0 : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, memref<?x?x?x?xi32>
    %n1 = tile.append %marks, %n0, %list[%b, %h, %i0] from %j0 values %x, %to : !tile.matrix<64, 32, f32>, !tile.rows<64, i32>, memref<?x?x?x?xi32>, !tile.matrix<64, 32, f32>, memref<?x?x?x?xf32>
    ```
  }];
  let arguments = (ins Tile_AnyMatrix:$marks, Tile_AnyRows:$count, AnyMemRef:$list, Index:$batch,
                       Index:$head, Index:$first, Index:$firstKey,
                       Optional<Tile_AnyMatrix>:$elements, Optional<AnyMemRef>:$values);
  let results = (outs Tile_AnyRows:$result);
  let assemblyFormat = [{
    $marks `,` $count `,` $list `[` $batch `,` $head `,` $first `]` `from` $firstKey
    (`values` $elements^ `,` $values)? attr-dict `:` type($marks) `,` type($count) `,` type($list)
    (`,` type($elements)^ `,` type($values))?
  }];
  let hasVerifier = 1;
}

#endif // ATTUNE_DIALECTS_TILE_LIST_OPS
