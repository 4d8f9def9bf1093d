// SPDX-License-Identifier: Apache-2.0
// What does a bundle say about the kernels in it: their operands, their code for each target, and
// how to launch that code? The compiler fills these structs in, the runtime obeys them.
#pragma once

#include "runtime/bundle/Result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::bundle {

/// What one element of a tensor, or a scalar operand, is. In memory an index is an i64 and an i1 is
/// one byte, 0 or 1.
enum class ElementType : uint8_t { F64, F32, F16, BF16, I64, I32, I8, I1, Index };

/// Rows and cols are tensors (batch, heads, tokens, then the shape of one token); a table is any
/// other tensor; a scalar is passed by value.
enum class OperandRole : uint8_t { Rows, Cols, Table, Scalar };

/// What the bytes of a blob are: PTX text, a CUDA binary, or an ELF shared object.
enum class BlobFormat : uint8_t { Ptx, Cubin, Elf };

/// Where the value of a launch parameter comes from.
enum class ParameterKind : uint8_t { Pointer, Size, Stride, Scalar, TensorMap };

/// How a launch parameter is passed. A TensorMap is 128 bytes aligned to 64, by value.
enum class ParameterType : uint8_t { Ptr, I64, I32, I8, F64, F32, TensorMap };

/// How a tensor map permutes the 16-byte pieces of a tile's rows in shared memory.
enum class Swizzle : uint8_t { None, B32, B64, B128 };

/// How a kernel finds the tiles that a mask leaves: it visits all; by ranges in closed form; by these
/// and a test of each tile; by a test of the rows of each tile.
enum class MaskLevel : uint8_t { All, Ranges, Test, Pieces };

/// The spelling in a manifest ("bf16", "rows", "ptx", "pointer", "ptr", "128B").
std::string_view spelling(ElementType type);
std::string_view spelling(OperandRole role);
std::string_view spelling(BlobFormat format);
std::string_view spelling(ParameterKind kind);
std::string_view spelling(ParameterType type);
std::string_view spelling(Swizzle swizzle);
std::string_view spelling(MaskLevel level);

/// The value whose spelling is `text`, if there is one.
std::optional<ElementType> parseElementType(std::string_view text);
std::optional<MaskLevel> parseMaskLevel(std::string_view text);

/// Bytes of one element in memory.
int64_t byteSize(ElementType type);
/// Bytes of one launch parameter.
int64_t byteSize(ParameterType type);
/// How a scalar operand of this type is passed (index as I64, i1 as I8); none for F16 and BF16,
/// which cannot be scalars.
std::optional<ParameterType> scalarParameterType(ElementType type);

/// A size that is known only at launch; `null` in the manifest.
inline constexpr int64_t dynamicSize = -1;

/// Limits that keep a launch free of allocation and a reader free of surprises.
inline constexpr size_t maxRank = 8;
inline constexpr size_t maxParameters = 2048;
inline constexpr size_t maxOperands = 128;
inline constexpr size_t maxExpressionNodes = 64;
/// How deeply expressions nest; so many numbers and operators nest no deeper.
inline constexpr size_t maxExpressionDepth = maxExpressionNodes / 2;
inline constexpr size_t maxConditions = 128;
inline constexpr size_t maxConditionText = 65536;
inline constexpr int64_t maxScratchBytes = int64_t(1) << 30;
inline constexpr size_t maxWorkspaces = 64;
inline constexpr int64_t maxWorkspaceBytes = int64_t(1) << 40;
/// Pre-passes of a variant.
inline constexpr size_t maxBefore = 64;
/// What may be launched instead of a variant.
inline constexpr size_t maxInstead = 8;
/// Masks of a variant, and operations that one of them counts.
inline constexpr size_t maxMasks = 64;
inline constexpr int64_t maxMaskOperations = int64_t(1) << 40;
/// Every size of a tensor, and the magnitude of every index scalar, is below this.
inline constexpr int64_t sizeLimit = int64_t(1) << 31;

/// An operand or a result of a kernel.
struct OperandInfo {
  std::string name;
  OperandRole role = OperandRole::Table;
  /// The axis along which the tokens lie ("q", "k"): of rows and cols; empty for others.
  std::string axis;
  ElementType dtype = ElementType::F32;
  /// One entry a dimension, dynamicSize or the size; empty for a scalar.
  std::vector<int64_t> shape;
  /// What the caller promises of an operand of integers, and the code relies on. All are about runs
  /// along the last index (the tokens of rows and cols): no number is less than the one before it;
  /// equal numbers are neighbours; every number is one of `range`, both ends included. In JSON
  /// "sorted": true, "contiguous": true, "range": [0, 7], each absent where nothing is promised.
  bool sorted = false;
  bool contiguous = false;
  std::optional<std::array<int64_t, 2>> range = {};

  bool operator==(const OperandInfo &) const = default;
  bool hasFacts() const { return sorted || contiguous || range; }
  bool isTensor() const { return role != OperandRole::Scalar; }
  bool isTokens() const { return role == OperandRole::Rows || role == OperandRole::Cols; }
};

/// A demand on the token length of an axis: a multiple of something, or as long as another axis.
struct AxisCheck {
  std::string axis;
  /// Zero when `like` is set.
  int64_t multiple = 0;
  std::string like;

  bool operator==(const AxisCheck &) const = default;
};

/// An integer computed from the operands at launch. In JSON a number, ["size", name, dimension],
/// ["scalar", name], ["select", condition, a, b], or [operator, a, b].
///
/// A truth is 0 or 1, anything but 0 is true. Arithmetic is exact: an expression that overflows 64
/// bits, or divides by what is not above 0, has no value, whether or not a Select, And or Or around
/// it looks at that part. A launch that has no value for a grid or for the shape of a workspace is
/// refused.
struct Expression {
  enum class Kind : uint8_t {
    Constant,
    Size,
    CeilDiv,
    Mul,
    Add,
    Max,
    Min,
    /// A scalar operand of an integer type; an i1 is 0 or 1.
    Scalar,
    Sub,
    FloorDiv,
    /// What FloorDiv leaves: never negative.
    Mod,
    Eq,
    Ne,
    Lt,
    Le,
    And,
    Or,
    /// The second argument if the first is true, else the third.
    Select,
  };

  Kind kind = Kind::Constant;
  /// The value of a Constant, the dimension of a Size.
  int64_t number = 0;
  /// The operand or result that a Size or a Scalar asks about.
  std::string operand;
  /// The three arguments of a Select, the two of the other operators.
  std::vector<Expression> arguments;

  static Expression constant(int64_t value);
  static Expression size(std::string operand, int64_t dimension);
  static Expression scalar(std::string operand);
  static Expression binary(Kind kind, Expression left, Expression right);
  static Expression ceilDiv(Expression left, Expression right);
  static Expression select(Expression condition, Expression yes, Expression no);

  /// How many arguments an expression of this kind has.
  static size_t argumentCount(Kind kind);

  bool operator==(const Expression &) const = default;
};

std::string_view spelling(Expression::Kind kind);

/// What a kernel demands of its scalars and sizes: a launch is refused unless the expression has a
/// value and that is not 0. In JSON {"expression": ["le", 0, ["scalar", "w"]], "text": "w >= 0"}.
struct Condition {
  Expression expression;
  /// The expression as people write it, for messages.
  std::string text;

  bool operator==(const Condition &) const = default;
};

/// Memory that one launch needs and nobody else sees: the pre-passes of a variant write it, its
/// entry reads it. Contiguous and row-major, aligned to 256 bytes, at most maxWorkspaceBytes; of one
/// with a tensor map the innermost dimension takes a multiple of 16 bytes. In
/// JSON {"name": "bounds", "dtype": "i32", "shape": [["ceildiv", ["size", "k", 2], 64], 2]}.
struct Workspace {
  /// Unlike those of operands, results and other workspaces.
  std::string name;
  ElementType dtype = ElementType::I32;
  /// One expression a dimension; each has to come to at least 0 and less than sizeLimit.
  std::vector<Expression> shape;

  bool operator==(const Workspace &) const = default;
};

/// What the compiler chose for one mask of a kernel, and what that costs. For people: a launch does not
/// read it. In JSON {"level": "ranges", "summaries": 0, "operations": [4, 0, 0, 0],
/// "metadata_bytes": 0, "exact": true}.
struct MaskInfo {
  MaskLevel level = MaskLevel::All;
  /// Numbers that a pre-pass makes of each tile of keys for this mask.
  int64_t summaries = 0;
  /// Scalar operations: once for a tile of queries, for each query, for each pair of tiles, for each
  /// key in the pre-pass.
  int64_t perQueryTile = 0, perQuery = 0, perTilePair = 0, perKey = 0;
  /// The part of the workspaces that is this mask's.
  Expression metadataBytes;
  /// Did ranges in closed form alone tell all tiles apart that the richest machinery does, on the
  /// compiler's made-up problems?
  bool exact = false;

  bool operator==(const MaskInfo &) const = default;
};

/// One parameter of the entry point, in order.
struct Parameter {
  ParameterKind kind = ParameterKind::Pointer;
  /// The operand or result that it describes; if not a Scalar also a workspace.
  std::string operand;
  /// For Size and Stride. A stride is in elements.
  int64_t dim = 0;
  ParameterType type = ParameterType::Ptr;
  /// For TensorMap: the tile that one copy moves, one entry a dimension of the operand, outermost
  /// first; may be larger than the operand. The map of a tensor without elements is all zeros, and
  /// the code may not use it, not even to prefetch it.
  std::vector<int64_t> box;
  Swizzle swizzle = Swizzle::None;

  static Parameter pointer(std::string operand);
  static Parameter size(std::string operand, int64_t dim);
  static Parameter stride(std::string operand, int64_t dim);
  /// `type` has to be one that a scalar can have, see scalarParameterType.
  static Parameter scalar(std::string operand, ElementType type);
  static Parameter tensorMap(std::string operand, std::vector<int64_t> box, Swizzle swizzle);

  bool operator==(const Parameter &) const = default;
};

/// The code of a kernel for one target, and how it is launched.
///
/// A dimension of a tensor that has no Stride parameter is contiguous: its stride is the product of
/// the sizes after it, and the launch checks that.
struct Variant {
  /// "sm_80", "sm_90a", ..., or "x86-64", "x86-64-v3", "x86-64-v4".
  std::string target;
  BlobFormat format = BlobFormat::Elf;
  /// Which blob of the bundle holds the code.
  uint32_t blob = 0;
  /// The symbol of the entry point.
  std::string entry;
  /// Threads of a block; 0 or 1 for host code.
  int64_t threads = 0;
  /// Dynamic shared memory of a block.
  int64_t sharedBytes = 0;
  /// Scratch memory of each host thread.
  int64_t scratchBytes = 0;
  /// Rows of results that a block computes, where that counts (`instead`); 0 may be absent in JSON.
  int64_t rows = 0;
  /// Keys that each of these rows reads, where that counts; 1 may be absent in JSON.
  Expression keys = Expression::constant(1);
  /// x (fastest), y, z. With a zero in it there is nothing to launch.
  std::array<Expression, 3> grid;
  std::vector<Parameter> parameters;
  /// Bytes: every pointer, and every stride but the innermost, of rows and cols whose tokens are
  /// not scalars has to be a multiple. A power of two.
  int64_t alignment = 1;
  /// What made the code ("ptxas 13.0.88"); for people, may be empty.
  std::string tool;
  /// The field may be absent in JSON.
  std::vector<Workspace> workspaces;
  /// Those of the kernel that hide anything; the field may be absent in JSON.
  std::vector<MaskInfo> masks;
  /// Pre-passes: they run in this order before the entry, on the same stream and with the same
  /// arguments, and see the workspaces of this variant. Of the same target and format, and with
  /// neither workspaces, masks nor pre-passes of their own; all of them together and the variant have at
  /// most maxParameters parameters. They may write results, too. A grid with a zero in it skips the
  /// pre-pass; a launch where that skips the variant and all that have a pointer to (or a tensor map of)
  /// a result does nothing at all. The field may be absent in JSON.
  std::vector<Variant> before;
  /// What this code demands of a launch beyond what the kernel does; the field may be absent in JSON.
  std::vector<Condition> when;
  /// Other code for the same: a launch takes, of the variant and of those among these whose conditions
  /// hold, the one whose blocks have the fewest pairs of a row and a key together, the first of several. Of
  /// the same target and format, and with nothing to take instead of its own. The field may be absent in JSON.
  std::vector<Variant> instead;

  bool operator==(const Variant &) const = default;
  /// The workspace of this name, or null.
  const Workspace *findWorkspace(std::string_view name) const;
};

/// A small problem with known results, which tells whether code that ptxas or a driver made is right.
///
/// Element e, row-major, of operand n is an integer of e and n that is scaled (selfTestNumber) where
/// the operand is a tensor of floats. All else is in a blob, without gaps:
///
///   scalars   8 bytes each, i64 or f64, in the order of the operands
///   integers  the elements of each tensor of integers, in that order
///   results   for each result the error that is allowed as an f64 (to which rounding to its type is
///             added), then its elements number 0, step, 2 step, ... as f32
///
/// In JSON {"shapes": [[1, 2, 288, 64], ...], "blob": 4, "step": 37}.
struct SelfTest {
  /// Of operands and then results; empty for scalars.
  std::vector<std::vector<int64_t>> shapes;
  uint32_t blob = 0;
  int64_t step = 1;

  bool operator==(const SelfTest &) const = default;
};

/// Element `element` of operand number `operand` in a self-test: from -2 to 2 for tokens, from 0
/// (not included) to 1 for tables; exact in every type.
double selfTestNumber(OperandRole role, size_t operand, uint64_t element);

/// More elements than this no tensor of a self-test has.
inline constexpr int64_t maxSelfTestElements = int64_t(1) << 22;

struct KernelInfo {
  std::string name;
  std::vector<OperandInfo> operands;
  std::vector<OperandInfo> results;
  std::vector<AxisCheck> checks;
  /// In the order in which they are checked; the field may be absent in JSON.
  std::vector<Condition> conditions;
  std::vector<Variant> variants;
  /// The field may be absent in JSON.
  std::optional<SelfTest> selfTest = {};

  bool operator==(const KernelInfo &) const = default;
  /// The operand or result of this name, or null.
  const OperandInfo *find(std::string_view name) const;
};

struct Manifest {
  /// "attune <version>".
  std::string producer;
  std::vector<KernelInfo> kernels;

  bool operator==(const Manifest &) const = default;
  /// The kernel of this name, or null.
  const KernelInfo *find(std::string_view name) const;
};

/// Checks everything that the types do not say: that names are unique and resolve, that indices and
/// sizes are in range, that types fit. `blobCount` is the number of blobs beside the manifest.
Result<void> checkManifest(const Manifest &manifest, size_t blobCount);

/// The JSON text of a manifest, indented for people, the same bytes for the same manifest. Fails
/// when a string is not UTF-8.
Result<std::string> printManifest(const Manifest &manifest);

/// The manifest that a JSON text says: every field present and of its type, no unknown ones.
/// Says nothing of what checkManifest checks.
Result<Manifest> parseManifest(std::string_view json);

} // namespace attune::bundle
