// SPDX-License-Identifier: Apache-2.0
// What does one attention kernel compute? The dialect, its types and its kinds of reduction.
#ifndef ATTUNE_DIALECTS_ATTN_DIALECT
#define ATTUNE_DIALECTS_ATTN_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::attune::attn";
  let summary = "an attention variant as an expression over the virtual score matrix";
  let description = [{
    A kernel is a straight SSA program over functions of (b, h, i, j): batch, query head, query
    token, key token. `rows` and `cols` are functions of a query-side or key-side token, `matrix` is
    a function of a pair with a set of *visible* pairs and is never stored. The dialect names no
    tile, loop, thread or memory.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::affine::AffineDialect",
                           "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

class Attn_Type<string name, string typeMnemonic> : TypeDef<Attn_Dialect, name> {
  let mnemonic = typeMnemonic;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Attn_RowsType : Attn_Type<"Rows", "rows"> {
  let summary = "a value for each query-side token";
  let description = [{
    A function of (b, h, n), n a token of the query-side axis (default `q`). As operand or result it
    is a tensor of shape (batch, heads, tokens, *shape of the element*).
    Example: `!attn.rows<vector<128xbf16>>`, `!attn.rows<f32>`, `!attn.rows<f32, agent>`.
  }];
  let parameters = (ins "::mlir::Type":$elementType, "::mlir::StringAttr":$axis);
}

def Attn_ColsType : Attn_Type<"Cols", "cols"> {
  let summary = "a value for each key-side token";
  let description = [{
    As `rows`, for the key side (default axis `k`). Example: `!attn.cols<vector<128xbf16>>`.
  }];
  let parameters = (ins "::mlir::Type":$elementType, "::mlir::StringAttr":$axis);
}

def Attn_MatrixType : Attn_Type<"Matrix", "matrix"> {
  let summary = "a value for each visible (query, key) pair; never stored";
  let description = [{
    A function of (b, h, i, j) with a set of visible pairs; row axis default `q`, column axis
    default `k`. Example: `!attn.matrix<f32>`, `!attn.matrix<f32, q, mem>`.
  }];
  let parameters = (ins "::mlir::Type":$elementType, "::mlir::StringAttr":$rowAxis,
                        "::mlir::StringAttr":$colAxis);
}

def Attn_AnyRows : Type<CPred<"::llvm::isa<::attune::attn::RowsType>($_self)">, "rows">;
def Attn_AnyCols : Type<CPred<"::llvm::isa<::attune::attn::ColsType>($_self)">, "cols">;
def Attn_AnyMatrix : Type<CPred<"::llvm::isa<::attune::attn::MatrixType>($_self)">, "matrix">;
def Attn_AnyVirtual : AnyTypeOf<[Attn_AnyRows, Attn_AnyCols, Attn_AnyMatrix]>;

def Attn_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction joins values", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">]> {
  let cppNamespace = "::attune::attn";
}

def Attn_ReduceOver : I32EnumAttr<"ReduceOver", "what a reduction joins", [
    I32EnumAttrCase<"Keys", 0, "keys">, I32EnumAttrCase<"Queries", 1, "queries">,
    I32EnumAttrCase<"Heads", 2, "heads">]> {
  let cppNamespace = "::attune::attn";
}

def Attn_RotatePairing : I32EnumAttr<"RotatePairing", "which numbers of a vector are rotated together", [
    I32EnumAttrCase<"Halves", 0, "halves">, I32EnumAttrCase<"Pairs", 1, "pairs">]> {
  let cppNamespace = "::attune::attn";
}

#endif // ATTUNE_DIALECTS_ATTN_DIALECT
