// SPDX-License-Identifier: Apache-2.0
// What do the ops mean that passes write where a row's keys are listed? Included by AttnOps.td.
#ifndef ATTUNE_DIALECTS_ATTN_LIST_OPS
#define ATTUNE_DIALECTS_ATTN_LIST_OPS

def Attn_VisibleKeysOp
    : Attn_Op<"visible_keys", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "the first n visible keys of a row, in memory";
  let description = [{
    Of each row the visible keys in increasing order, at most n of them: keys(b,h,i,e) is the e-th,
    elements(b,h,i,e) is x there, count(b,h,i) how many there are. Both matrices are on a new axis of
    entries, of length max(0, min(n, length of the keys)), and visible at e < count: memory behind is
    not written.

    Made by passes, where a list is written by one kernel and read by others.

    * C1 the element is a scalar.
    * C2 the axis of entries is a plain name that nothing else gives a length.

    ```mlir
    %list, %x, %count = visible_keys %s most %n on near : !s
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$input, Index:$most, StrAttr:$entries);
  let results = (outs Attn_AnyMatrix:$keys, Attn_AnyMatrix:$elements, Attn_AnyRows:$count);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Attn_EntriesOp
    : Attn_Op<"entries", [Pure, DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "the first N values of a row of a matrix, as a vector";
  let description = [{
    y(b,h,i)[e] = x(b,h,i,e) for e < N, where (i, e) is visible; anything elsewhere.

    Made by passes: what one kernel stored as a matrix another reads as vectors.

    * C1 the element is a scalar.
    * C2 N > 0.

    ```mlir
    %l = entries %list first 64 : !attn.matrix<i32, q, near>
    ```
  }];
  let arguments = (ins Attn_AnyMatrix:$input, I64Attr:$count);
  let results = (outs Attn_AnyRows:$result);
  let assemblyFormat = "$input `first` $count attr-dict `:` type($input)";
  let hasVerifier = 1;
}

#endif // ATTUNE_DIALECTS_ATTN_LIST_OPS
