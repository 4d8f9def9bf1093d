// SPDX-License-Identifier: Apache-2.0
// What does one launch of a kernel check, and which parameters does it pass?
//
// The answers that depend only on the manifest are worked out once, when the kernel is loaded; a
// launch works on the stack alone.
#pragma once

#include "runtime/bundle/Evaluate.h"
#include "runtime/device/Device.h"

#include <cstddef>

namespace attune::device {

inline constexpr size_t maxTensorMaps = 64;

/// A tensor argument that has passed its checks, or a workspace.
struct Tensor {
  char *data;
  int64_t elements;
  int64_t sizes[bundle::maxRank];
  /// In elements, also where the caller gave none.
  int64_t strides[bundle::maxRank];
};

/// The arguments of one launch; large, made to live on the stack without being initialised.
struct LaunchState {
  /// Operands, results, and then the workspaces.
  Tensor tensors[bundle::maxOperands + bundle::maxWorkspaces];
  const attune_argument *arguments;
  /// Of the pre-passes, and last of the variant itself.
  Grid grids[bundle::maxBefore + 1];
  /// Where the workspaces begin in the memory that they share, and how much that is.
  int64_t workspaceOffsets[bundle::maxWorkspaces];
  int64_t workspaceBytes;
  /// Of all passes, one after the other.
  void *pointers[bundle::maxParameters];
  alignas(64) std::byte maps[maxTensorMaps][128];
  alignas(8) std::byte values[bundle::maxParameters][8];
};

/// One kernel's rules for a launch.
class LaunchPlan {
public:
  /// `variant` is one of the kernel's.
  LaunchPlan(const bundle::KernelInfo &kernel, const bundle::Variant &variant);

  /// Checks the arguments for a launch on `device` and sets tensors, arguments, grids and the sizes
  /// of the workspaces. Throws StatusError.
  void check(Device &device, const attune_argument *arguments, size_t count,
             LaunchState &state) const;

  /// Whether a state that another plan of the same kernel has checked meets the variant's conditions.
  bool suits(const LaunchState &state) const;
  /// How many pairs of a row and a key all blocks of the variant would have together, with a state that
  /// another plan of the same kernel has checked; too many to count are INT64_MAX.
  int64_t countPairs(const LaunchState &state) const;

  /// Sets the parameters of a state that has been checked, with the workspaces in `memory`.
  void marshal(Device &device, char *memory, LaunchState &state) const;

  /// Whether a state that has been checked launches nothing that writes results.
  bool isEmpty(const LaunchState &state) const;
  static bool hasZero(const Grid &grid) { return grid[0] == 0 || grid[1] == 0 || grid[2] == 0; }

  /// The pre-passes and the variant itself, which is the last.
  size_t passCount() const { return passes.size(); }
  /// The parameters of a pass, of a state that has been marshalled.
  void *const *parametersOf(size_t pass, const LaunchState &state) const {
    return state.pointers + passes[pass].firstParameter;
  }

  const bundle::KernelInfo &kernelInfo() const { return kernel; }
  const bundle::Variant &variantInfo() const { return variant; }

private:
  /// What the launch has to know of one argument.
  struct Argument {
    bundle::OperandInfo info;
    bool isResult;
    /// Bit d: the code reads the stride of dimension d, so it need not be contiguous.
    uint32_t freeStrides;
    /// Bytes; of a token tensor whose tokens are not scalars the variant's, else the element's.
    int64_t pointerAlignment;
    int64_t strideAlignment;
  };
  /// A number of blocks, or a size of a workspace; from 0 to below `limit`.
  struct SizeExpression {
    /// "the launch size along x": for messages.
    std::string what;
    bundle::Steps steps;
    int64_t limit;
  };
  struct BoundParameter {
    bundle::Parameter parameter;
    /// The number of its tensor or scalar; workspaces follow the arguments.
    size_t argument;
  };
  struct Pass {
    size_t firstParameter;
    /// Is there a pointer to a result, or a tensor map of one?
    bool hasResult;
    std::array<SizeExpression, 3> grid;
  };
  struct BoundWorkspace {
    std::string name;
    bundle::ElementType dtype;
    std::vector<SizeExpression> shape;
    bool isMapped = false;
  };

  void addArguments();
  void addWorkspace(const bundle::Workspace &workspace);
  /// `prePass` is empty for the variant itself.
  void addPass(const bundle::Variant &code, const std::string &prePass);
  /// The dimensions whose stride is read by every pass that has a pointer to the tensor.
  uint32_t freeStridesOf(size_t argument) const;

  [[noreturn]] void failOperand(const Argument &argument, const std::string &problem) const;
  size_t indexOf(const std::string &operand) const;

  void checkTensor(const Device &device, const Argument &argument, const DLTensor *tensor,
                   Tensor &result) const;
  void checkPlace(const Device &device, const Argument &argument, const DLTensor &tensor) const;
  void readShape(const Argument &argument, const DLTensor &tensor, Tensor &result) const;
  void checkStrides(const Argument &argument, const Tensor &tensor) const;
  void checkExtent(const Argument &argument, const Tensor &tensor) const;
  void checkScalar(const Argument &argument, const attune_argument &given) const;
  void checkBatchAndHeads(const LaunchState &state) const;
  void checkAxes(const LaunchState &state) const;
  const Tensor *firstOnAxis(const LaunchState &state, const std::string &axis,
                            const Argument *&owner) const;
  int64_t evaluate(const SizeExpression &size, const LaunchState &state) const;
  void checkConditions(const LaunchState &state) const;
  void checkFacts(Device &device, const LaunchState &state) const;
  void sizeWorkspaces(LaunchState &state) const;
  int64_t numberOf(const BoundParameter &bound, const LaunchState &state) const;

  bundle::KernelInfo kernel;
  bundle::Variant variant;
  std::vector<Argument> arguments;
  std::vector<BoundWorkspace> workspaces;
  std::vector<Pass> passes;
  SizeExpression keys;
  /// One entry a condition of the kernel, and of the variant.
  std::vector<bundle::Steps> conditions, ownConditions;
  /// Of all passes, one after the other.
  std::vector<BoundParameter> parameters;
};

} // namespace attune::device
