// SPDX-License-Identifier: Apache-2.0
// Which passes are there, and what does each need, do and refuse?
#ifndef ATTUNE_COMPILER_PASSES
#define ATTUNE_COMPILER_PASSES

include "mlir/Pass/PassBase.td"

def InlineHelpersPass : Pass<"attn-inline-helpers", "::mlir::ModuleOp"> {
  let summary = "inline the helper functions that kernels and their regions call";
  let description = [{
    Replaces each `func.call` in an `attn.kernel` by the body of its callee, and erases the helpers
    that were inlined and that nothing else uses.

    On entry: any verified module. On exit: no kernel contains a `func.call`.

    Refuses, with a note at the helper: a callee that is not a private function with a body, that
    has more than one block, that calls itself, or that contains an op that the language does not
    allow in a region.

    Example: `test/compiler/passes/attn-inline-helpers.mlir`.
  }];
  let dependentDialects = ["::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect"];
}

def ExpandSugarPass : Pass<"attn-expand-sugar", "::attune::attn::KernelOp"> {
  let summary = "rewrite softmax, logsumexp, entmax, holds, contains and rotate into primitives";
  let description = [{
    `softmax` and `logsumexp` become a row maximum, the exponentials under it and their sum, with the
    sink as one more summand; `holds` becomes one `affine.apply` and `arith.cmpi` a constraint,
    joined by `arith.andi`; `entmax` becomes scaled scores, the `solve` of their threshold and the
    weights above it; `contains` becomes a comparison of vectors and a `vector.reduction <or>`,
    `rotate` products with cosines and sines. Nothing marks where the primitives came from: the
    planner treats what a user writes out in the same way. In a row whose visible scores are all -inf
    the maximum is -inf and the written difference has no value; evaluators and the planner read such
    a row as empty.

    On entry: helpers are inlined (`attn-inline-helpers`), so that none of them hides in one. On exit:
    no `softmax`, `logsumexp`, `entmax`, `holds`, `contains` or `rotate` is in the kernel. Refuses
    nothing.

    Example: `test/compiler/passes/attn-expand-sugar.mlir`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def ExpandScansPass : Pass<"attn-expand-scans", "::attune::attn::KernelOp"> {
  let summary = "running sums, maxima and minima of tokens as reductions of blocks";
  let description = [{
    `scan sum|max|min` of rows or cols along their tokens becomes what is reduced of the blocks of 64
    tokens before the token's own, and of the tokens before it in its own: N / 64 blocks a block, 64
    tokens a token, and not N tokens a token. With a region these are folds.

    On entry: kernels of primitives. On exit: scans of matrices, and those that it leaves to be refused:
    of vectors, of integers other than i32, of concatenations.

    Example: `test/compiler/passes/attn-expand-scans.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ExpandBucketsPass : Pass<"attn-expand-buckets", "::attune::attn::KernelOp"> {
  let summary = "sum the pairs of a row into the buckets of a small axis";
  let description = [{
    `reduce sum .. over keys into a` becomes one sum a bucket, where axis `a` has a constant length of
    at most 64, and a matrix of them that is stored. What reads it takes from that matrix; groups without
    a visible pair are 0 there and not hidden, which a contraction or a sum does not tell.

    On entry: kernels of primitives. On exit: no such `reduce`. Refuses nothing: others are refused by the
    planner of sweeps.

    Example: `test/compiler/passes/attn-expand-buckets.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ExpandListsPass : Pass<"attn-expand-lists", "::attune::attn::KernelOp"> {
  let summary = "list the best keys of a row: select, write down, put in order";
  let description = [{
    `list %x first N` becomes the selection of the N best keys, `visible_keys` that writes them down with
    their values, and maps that compare each entry with the others of its row and put it at its place.
    Sums and extrema that %x reads are stored, so that every kernel which evaluates %x finds the same.

    On entry: kernels of primitives. On exit: no `list`. Refuses lists of other scores than f32, over
    several axes of keys, or of more than 256 keys.

    Example: `test/compiler/passes/attn-expand-lists.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def ExpandMembershipsPass : Pass<"attn-expand-memberships", "::attune::attn::KernelOp"> {
  let summary = "keep the lists of rows as bits, one a key";
  let description = [{
    Where pairs ask whether their key is in a list of their query (`contains`, as it stands among
    primitives), a matrix of words, 32 keys each, is made of the lists, and the pair takes its word.

    On entry: kernels of primitives. On exit: no pair compares with every entry of a list of its row.
    Refuses nothing: other uses of vectors at pairs stay.

    Example: `test/compiler/passes/attn-expand-memberships.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def ExpandSelectionsPass : Pass<"attn-expand-selections", "::attune::attn::KernelOp"> {
  let summary = "find the best keys of a row by rounds that count";
  let description = [{
    `select %x top %n` becomes eight rounds that find the threshold that n keys reach, four bits of a
    number in the order of the floats each, six rounds that find up to which key the equals of the
    threshold are chosen, and a comparison. Each round is a kernel (`attn.store`); those for equals visit
    no tile whose rows have none. Sets are exact for rows of fewer than 2^24 keys. What the scores are at
    hidden pairs is evaluated without their masks, which join the comparison: a selection is false there.

    On entry: kernels of primitives. On exit: no `select`. Refuses scores that are not f32, and those
    that are not made by `dot`, `map` and `where`.

    Example: `test/compiler/passes/attn-expand-selections.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ExpandSolvePass : Pass<"attn-expand-solve", "::attune::attn::KernelOp"> {
  let summary = "find the thresholds of solve by rounds of sums";
  let description = [{
    Each `solve` becomes `rounds` rounds, in each of which the sums at `probes` thresholds, evenly
    spread over the interval that is left, are computed side by side; the next round searches between
    the last probe whose sum is too great and the first whose is small enough. The result is the
    upper end: never below the threshold, and above it by (probes + 1)^-rounds of the interval at
    most, 2^-24 with the defaults, and what rounding does. An interval without a finite length is not
    searched: its result is the upper end.

    On entry: any verified kernel. On exit: no `solve` is in it. Refuses no program.

    Example: `test/compiler/passes/attn-expand-solve.mlir`.
  }];
  let options = [
    Option<"probes", "probes", "unsigned", "3", "thresholds tried in a round, 1 to 64">,
    Option<"rounds", "rounds", "unsigned", "12", "rounds, 1 to 64">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def StoreMatricesPass : Pass<"attn-store-matrices", "::attune::attn::KernelOp"> {
  let summary = "read matrices that no sweep computes from memory";
  let description = [{
    Matrices that are reduced by groups, or over heads, values of neighbouring pairs, products of two
    matrices and maps of vectors at pairs are computed pair by pair, by a kernel of their own that writes
    them, 0 at hidden pairs. Who uses one reads it with `take` and hides its pairs again; what is read at many
    places, and takes a product, is stored as well.

    On entry: kernels of primitives. On exit: no sweep computes such a matrix. Refuses neighbours that
    are used by more than maps, and what a kernel whose rows are the keys would read of such a matrix.

    Example: `test/compiler/passes/attn-store-matrices.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SplitValuesPass : Pass<"attn-split-values", "::attune::attn::KernelOp"> {
  let summary = "split results that are wider than a target's registers";
  let description = [{
    A `contract` of values of more components than the target's registers carry for a row becomes several,
    each of an equal part of the components (a multiple of 16), and each a kernel (`attn.store`) that
    computes the weights again. Parts of the values are copied; a map of tokens joins the results. A
    latent of 512 components on a GPU is two kernels.

    On entry: kernels of primitives. Refuses nothing: what does not split is refused by `attn-plan`.

    Example: `test/compiler/passes/attn-split-values.mlir`.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"\"", "what code is made for">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def SplitStagesPass : Pass<"attn-split-stages", "::mlir::ModuleOp"> {
  let summary = "cut a program into kernels that run one after the other";
  let description = [{
    Where a value has to be whole before it is used, the kernel becomes several: tokens that are
    computed and then multiplied, vectors of a row that are mapped as a whole, what is reduced over
    queries and then read by pairs. Earlier kernels (`@f_stage0`, ..) write to workspaces, which are
    results of theirs with a name ("f.0", ..) and operands of that name of later ones; the last keeps
    the program's name. Results of the program may be written by any of them. `attn.tokens` marks those
    without sweeps: one map of tokens. The rows of a kernel are what its blocks own: where those are
    the program's keys, both sides are exchanged. Kernels that are one stage stay as they are.

    On entry: kernels of primitives (`attn-inline-helpers`, `attn-expand-sugar`). Refuses nothing: what
    no kernel can compute is refused by `attn-plan`.

    Example: `test/compiler/passes/attn-split-stages.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"];
}

def GatherKeysPass : Pass<"attn-gather-keys", "::mlir::ModuleOp"> {
  let summary = "attend to a list of the keys that a selection names";
  let description = [{
    Where all that the last sweeping kernel of a program reduces over keys is hidden by one mask, which has
    a selection among its conditions, a kernel before it lists the visible keys of each row, and the kernel
    walks that list (`attn.gathered`, compiler/analysis/GatheredKeys.h) without a mask. How many keys a
    selection leaves at most says `attn.most` on the map that evaluates it (`attn-expand-selections`).
    Programs without such a kernel stay as they are.

    On entry: the kernels of one program (`attn-split-stages`).

    Example: `test/compiler/passes/attn-gather-keys.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ExplainSweepsPass : Pass<"attn-explain-sweeps", "::mlir::ModuleOp"> {
  let summary = "print how many passes over the keys each kernel needs, and why";
  let description = [{
    Prints for each `attn.kernel` its sweeps over the keys, the state that each carries, the row
    values between them, how results are finished, and which reduction had to wait for which row
    value. Changes nothing.

    On entry: kernels of primitives (`attn-inline-helpers`, `attn-expand-sugar`). Refuses what the
    planner does not support yet.

    Example: `test/compiler/analysis/explain-softmax.mlir`.
  }];
}

def PlanPass : Pass<"attn-plan", "::attune::attn::KernelOp"> {
  let summary = "choose tile sizes, threads and stages";
  let description = [{
    Writes `attn.plan`, a `#tile.config`, on each kernel: the choice of the target's budgets
    (registers, shared memory, caches) for the kernel's vectors. A kernel that has the attribute keeps
    it, if it fits.

    On entry: primitives only (`attn-expand-sugar`). On exit: every kernel has an `attn.plan` that
    fits the target.

    Refuses, saying what was expected: an unknown target, elements that its tensor cores do not take,
    a written or overridden plan that does not fit, a kernel that the planner of sweeps refuses.

    Example: `test/compiler/passes/attn-plan.mlir`.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"x86-64-v3\"", "what code is made for">,
    Option<"planOverride", "override", "std::string", "\"\"",
           "fields of the plan to change, as in 'queries=64,keys=64'; not of a kernel that walks a list">,
    Option<"gatherRows", "gather-rows", "int64_t", "16",
           "heads of one query in a tile of a kernel that walks a list of keys (attn-gather-keys)">];
  let dependentDialects = ["::attune::tile::TileDialect"];
}

def LowerToTilePass : Pass<"attn-lower-to-tile", "::mlir::ModuleOp"> {
  let summary = "write each kernel as the program of one block";
  let description = [{
    Replaces each `attn.kernel` by a `tile.kernel` of its name: for each sweep of the plan one loop
    over the tiles of keys that the mask leaves, with frames and accumulators as carried state; masks
    only on partial tiles; then results with the values of rows without a visible pair.

    On entry: primitives only, each kernel with `attn.plan` (`attn-plan`). On exit: no `attn` op is
    left.

    Refuses: kernels without a plan, kernels that the planner of sweeps refuses, scores of f64,
    vectors inside of maps, regions on results that are not elementwise.

    Example: `test/compiler/passes/attn-lower-to-tile.mlir`.
  }];
  let dependentDialects = ["::attune::tile::TileDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def JoinBoundsPass : Pass<"tile-join-bounds", "::attune::tile::KernelOp"> {
  let summary = "make one bound of several on the same place";
  let description = [{
    In the regions of `tile.map` over pairs: conjunctions of bounds on one value that changes from key to
    key, by limits that do not, become one comparison with the least (greatest) limit.

    On entry and exit: any verified tile kernel whose indices stay below 2^62 in magnitude. Refuses
    nothing.

    Example: `test/compiler/passes/tile-join-bounds.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def NarrowIndicesPass : Pass<"tile-narrow-indices", "::attune::tile::KernelOp"> {
  let summary = "compute on indices of maps, sweeps and folds in 32 bits where they fit";
  let description = [{
    Rewrites integer arithmetic of `index` and `i64` in the regions of `tile.map`, `tile.sweep` and
    `tile.fold` to `i32` where range analysis proves that operands and results fit: vectors of i32 are
    twice as wide, their conversion to f32 is one instruction, and a GPU's registers have 32 bits. What
    a region compares with and takes from outside is cut to 32 bits where it need not fit. Indices are
    tokens below 2^31, scalar index operands are below 2^31 in magnitude, and those that divide are
    above 0; the runtime checks all at launch.
    Coordinates (`affine.delinearize_index`) and `affine.apply` become arithmetic first.

    On entry and exit: any verified tile kernel. Refuses nothing.

    Example: `test/compiler/passes/tile-narrow-indices.mlir`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def TileToHostPass : Pass<"tile-to-host", "::mlir::ModuleOp"> {
  let summary = "replace tile kernels by functions of the host";
  let description = [{
    Each `tile.kernel` becomes an `llvm.func` of its name with the host's entry arguments (parameters,
    first task, end of tasks, scratch memory): a loop over tasks whose tiles are vectors of queries and
    buffers in scratch memory. Compiling (`attn-compile`) goes on from there to machine code by
    upstream's conversions.

    On entry: any verified tile kernel, regions of `arith`, `math` and `affine`. On exit: no `tile` op
    is left; control is `scf`, memory is `llvm`.

    Refuses: an unknown level, math on f64 that needs a call, elements of tokens of rank above 1, cols
    that a loop carries or a branch yields.

    Example: `test/compiler/target/host/tile-to-host.mlir`.
  }];
  let options = [Option<"level", "level", "std::string", "\"x86-64-v4\"",
                        "x86-64, x86-64-v3 or x86-64-v4">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def TileToNvvmPass : Pass<"tile-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "replace tile kernels by functions of an NVIDIA GPU";
  let description = [{
    Each `tile.kernel` becomes an `llvm.func` of its name that takes the launch parameters one by one.
    Tiles are spread over warps and lanes as fragments of `mma.sync`; loops copy their tiles of keys
    ahead by `cp.async`. The attribute `tile.shared_bytes` is the dynamic shared memory of a block.

    On entry: any verified tile kernel, regions of `arith`, `math`, `affine` and `scf`. On exit: only
    the LLVM and NVVM dialects are left.

    Refuses: tokens that are not of f16 or bf16 or not a multiple of 16 components, tiles that whole
    warps of 16 rows do not fill, vectors of a key that are computed, functions of f64.

    Example: `test/compiler/target/nvptx/tile-to-nvvm.mlir`.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // ATTUNE_COMPILER_PASSES
