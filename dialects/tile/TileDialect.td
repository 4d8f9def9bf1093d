// SPDX-License-Identifier: Apache-2.0
// How does one block compute its tile of rows? The dialect, its types and attributes.
#ifndef ATTUNE_DIALECTS_TILE_DIALECT
#define ATTUNE_DIALECTS_TILE_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::attune::tile";
  let summary = "the program of one thread block, or of one host task";
  let description = [{
    One block owns a tile of query rows and walks tiles of keys. Values are whole tiles: `rows` (one
    element a query of the tile), `cols` (one a key), `matrix` (one a pair). Where they live and who
    computes which element is the target's: the same program lowers to mma.sync fragments and to host
    vectors with lanes = queries. Loops are `scf.for`, uniform branches `scf.if`, scalars `arith`.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Tile_RowsType : Tile_Type<"Rows", "rows"> {
  let summary = "one element for each query of the tile";
  let description = [{
    `!tile.rows<128, f32>`: a number a row (running maximum). `!tile.rows<128, vector<64xbf16>>`: a
    vector a row (the query tile, the output accumulator).
  }];
  let parameters = (ins "int64_t":$tokens, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $tokens `,` $elementType `>`";
}

def Tile_PartialType : Tile_Type<"Partial", "partial"> {
  let summary = "rows whose sum or extremum is still spread over the lanes of a row";
  let description = [{
    The value of a row is the join of what the lanes that share the row hold; `combine` joins them.
    A `map` on it acts on each lane's part, so it must distribute over the join (a row factor does).
    On a target where one lane owns a row it is `rows`.
  }];
  let parameters = (ins "int64_t":$tokens, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $tokens `,` $elementType `>`";
}

def Tile_ColsType : Tile_Type<"Cols", "cols"> {
  let summary = "one element for each key of the tile";
  let description = [{
    `!tile.cols<64, vector<128xbf16>>`: a tile of K or V. `!tile.cols<64, f32>`: a bias a key.
  }];
  let parameters = (ins "int64_t":$tokens, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $tokens `,` $elementType `>`";
}

def Tile_MatrixType : Tile_Type<"Matrix", "matrix"> {
  let summary = "one element for each (query, key) pair of the tile";
  let parameters = (ins "int64_t":$rows, "int64_t":$cols, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $rows `,` $cols `,` $elementType `>`";
}

def Tile_BoxType : Tile_Type<"Box", "box"> {
  let summary = "which tokens a tile has, where they are a box of a grid";
  let description = [{
    `!tile.box<8, 16>`: 8 x 16 neighbouring tokens of a grid of tokens (outermost first), in row-major
    order: token n of the tile is the one n / 16 rows down and n % 16 to the right of the box's
    origin. Tokens outside of the grid do not exist. Made by `tile.box`; stands where the first token
    of a tile of consecutive tokens stands otherwise.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$sizes);
  let assemblyFormat = "`<` $sizes `>`";
  let genVerifyDecl = 1;
}

def Tile_AnyRows : Type<CPred<"::llvm::isa<::attune::tile::RowsType>($_self)">, "tile rows">;
def Tile_AnyPartial : Type<CPred<"::llvm::isa<::attune::tile::PartialType>($_self)">, "tile partial">;
def Tile_AnyCols : Type<CPred<"::llvm::isa<::attune::tile::ColsType>($_self)">, "tile cols">;
def Tile_AnyMatrix : Type<CPred<"::llvm::isa<::attune::tile::MatrixType>($_self)">, "tile matrix">;
def Tile_AnyTile : AnyTypeOf<[Tile_AnyRows, Tile_AnyPartial, Tile_AnyCols, Tile_AnyMatrix]>;
def Tile_AnyBox : Type<CPred<"::llvm::isa<::attune::tile::BoxType>($_self)">, "tile box">;
/// The first of consecutive tokens, or a box of them.
def Tile_Place : AnyTypeOf<[Index, Tile_AnyBox]>;

def Tile_JoinKind : I32EnumAttr<"JoinKind", "how values of a row are joined", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">,
    I32EnumAttrCase<"Min", 2, "min">]> {
  let cppNamespace = "::attune::tile";
}

def Tile_FoldKind : I32EnumAttr<"FoldKind", "how numbers of many tokens become one", [
    I32EnumAttrCase<"Least", 0, "least">, I32EnumAttrCase<"Greatest", 1, "greatest">,
    I32EnumAttrCase<"Union", 2, "union">]> {
  let cppNamespace = "::attune::tile";
}

def Tile_ConfigAttr : AttrDef<Tile_Dialect, "Config"> {
  let mnemonic = "config";
  let summary = "the choices of one kernel: tile sizes, threads, pipeline stages";
  let description = [{
    Written by `attn-plan` unless the user wrote it; carried by the tile kernel as `config`.
    `queries`, `keys`: tokens a tile; `threads`: a block's threads (1 on the host); `stages`: key
    tiles in flight (1: no prefetch). `warpgroups`: of the block's groups of four warps, how many
    multiply, 64 rows each, while one more only copies; 0 where every warp does both. `query_box`, `key_box`: the sizes of a box of the axis' grid
    (outermost first, their product is `queries`, `keys`), where a tile is one; else consecutive
    tokens. `packed_heads`: above 0, a tile of queries holds rows of so many heads that read the same
    keys, `queries / packed_heads` consecutive tokens of each.
  }];
  let parameters = (ins "int64_t":$queries, "int64_t":$keys, "int64_t":$threads, "int64_t":$stages,
                        OptionalParameter<"::mlir::DenseI64ArrayAttr">:$query_box,
                        OptionalParameter<"::mlir::DenseI64ArrayAttr">:$key_box,
                        DefaultValuedParameter<"int64_t", "0">:$warpgroups,
                        DefaultValuedParameter<"int64_t", "0">:$packed_heads);
  let builders = [AttrBuilder<(ins "int64_t":$queries, "int64_t":$keys, "int64_t":$threads,
                                   "int64_t":$stages), [{
    return $_get($_ctxt, queries, keys, threads, stages, ::mlir::DenseI64ArrayAttr(),
                 ::mlir::DenseI64ArrayAttr(), 0, 0);
  }]>];
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// The sizes of a tile of queries: of its box, or (packed heads, queries of each); none of
    /// consecutive tokens.
    ::llvm::SmallVector<int64_t, 3> getQuerySizes() const;
  }];
}

#endif // ATTUNE_DIALECTS_TILE_DIALECT
