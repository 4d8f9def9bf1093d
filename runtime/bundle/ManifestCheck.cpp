// SPDX-License-Identifier: Apache-2.0
// Is a manifest consistent: do its names resolve, are its indices and sizes in range?
#include "runtime/bundle/Manifest.h"

#include <algorithm>
#include <set>

namespace attune::bundle {
namespace {

std::string number(int64_t value) { return std::to_string(value); }

/// Collects the first thing that is wrong; later ones are dropped.
class Checker {
public:
  Checker(const Manifest &manifest, size_t blobCount) : manifest(manifest), blobCount(blobCount) {}

  Result<void> run() {
    std::set<std::string_view> names;
    for (size_t i = 0; i < manifest.kernels.size() && ok; ++i) {
      const KernelInfo &kernel = manifest.kernels[i];
      std::string path = "kernels[" + number(int64_t(i)) + "]";
      expect(isName(kernel.name), path + ".name", "a name", "'" + kernel.name + "'");
      expect(names.insert(kernel.name).second, path + ".name", "a name of its own",
             "'" + kernel.name + "' again");
      checkKernel(kernel, path);
    }
    if (!ok)
      return Failure{message};
    return {};
  }

private:
  const Manifest &manifest;
  size_t blobCount;
  bool ok = true;
  std::string message;

  void expect(bool condition, const std::string &path, const std::string &expected,
              const std::string &found) {
    if (condition || !ok)
      return;
    ok = false;
    message = "manifest: " + path + ": expected " + expected + ", but got " + found;
  }

  void expectRange(int64_t value, int64_t low, int64_t high, const std::string &path) {
    expect(value >= low && value <= high, path,
           "an integer from " + number(low) + " to " + number(high), number(value));
  }

  /// A symbol that assemblers and linkers take.
  static bool isName(std::string_view text) {
    return !text.empty() && text.size() <= 1000 &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) {
             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '_' || c == '$' || c == '.' || c == '-';
           });
  }

  void checkKernel(const KernelInfo &kernel, const std::string &path) {
    size_t count = kernel.operands.size() + kernel.results.size();
    expect(count <= maxOperands, path, "at most " + number(maxOperands) + " operands and results",
           number(int64_t(count)));
    expect(!kernel.results.empty(), path + ".results", "at least one result", "none");
    std::set<std::string_view> names;
    std::set<std::string_view> axes;
    auto checkList = [&](const std::vector<OperandInfo> &list, const std::string &listPath) {
      for (size_t i = 0; i < list.size() && ok; ++i) {
        std::string operandPath = listPath + "[" + number(int64_t(i)) + "]";
        checkOperand(list[i], operandPath);
        checkFacts(list[i], &list == &kernel.results, operandPath);
        expect(names.insert(list[i].name).second, operandPath + ".name", "a name of its own",
               "'" + list[i].name + "' again");
        axes.insert(list[i].axis);
      }
    };
    checkList(kernel.operands, path + ".operands");
    checkList(kernel.results, path + ".results");
    for (size_t i = 0; i < kernel.results.size() && ok; ++i)
      expect(kernel.results[i].isTensor(), path + ".results[" + number(int64_t(i)) + "].role",
             "a tensor", "scalar");
    for (size_t i = 0; i < kernel.checks.size() && ok; ++i)
      checkAxis(kernel.checks[i], axes, path + ".checks[" + number(int64_t(i)) + "]");
    checkConditions(kernel, kernel.conditions, path + ".conditions");
    for (size_t i = 0; i < kernel.variants.size() && ok; ++i)
      checkVariant(kernel, kernel.variants[i], path + ".variants[" + number(int64_t(i)) + "]");
    if (kernel.selfTest)
      checkSelfTest(kernel, *kernel.selfTest, path + ".self_test");
  }

  void checkSelfTest(const KernelInfo &kernel, const SelfTest &test, const std::string &path) {
    expect(test.blob < blobCount, path + ".blob", "an index below " + number(int64_t(blobCount)),
           number(test.blob));
    expectRange(test.step, 1, maxSelfTestElements, path + ".step");
    size_t count = kernel.operands.size() + kernel.results.size();
    expect(test.shapes.size() == count, path + ".shapes",
           number(int64_t(count)) + " shapes, of operands and results",
           number(int64_t(test.shapes.size())));
    for (size_t i = 0; i < count && ok; ++i) {
      bool isResult = i >= kernel.operands.size();
      const OperandInfo &info =
          isResult ? kernel.results[i - kernel.operands.size()] : kernel.operands[i];
      checkSelfTestShape(info, test.shapes[i], path + ".shapes[" + number(int64_t(i)) + "]");
    }
  }

  void checkSelfTestShape(const OperandInfo &info, const std::vector<int64_t> &shape,
                          const std::string &path) {
    expect(shape.size() == info.shape.size(), path,
           number(int64_t(info.shape.size())) + " sizes, one a dimension of '" + info.name + "'",
           number(int64_t(shape.size())));
    int64_t elements = 1;
    for (size_t dim = 0; dim < shape.size() && ok; ++dim) {
      int64_t fixed = info.shape[dim];
      expectRange(shape[dim], 1, maxSelfTestElements, path);
      expect(fixed == dynamicSize || fixed == shape[dim], path, "size " + number(fixed),
             number(shape[dim]));
      elements *= shape[dim];
      expectRange(elements, 1, maxSelfTestElements, path + " (elements)");
    }
  }

  void checkOperand(const OperandInfo &info, const std::string &path) {
    expect(isName(info.name), path + ".name", "a name", "'" + info.name + "'");
    expect(info.isTokens() || info.axis.empty(), path + ".axis", "an axis only for rows and cols",
           "'" + info.axis + "' for " + std::string(spelling(info.role)));
    expect(!info.isTokens() || isName(info.axis), path + ".axis", "the name of an axis",
           "'" + info.axis + "'");
    if (!info.isTensor()) {
      expect(scalarParameterType(info.dtype).has_value(), path + ".dtype",
             "a type that can be passed by value", std::string(spelling(info.dtype)));
      return;
    }
    int64_t rank = int64_t(info.shape.size());
    expectRange(rank, info.isTokens() ? 3 : 0, maxRank, path + ".shape (rank)");
    for (size_t i = 0; i < info.shape.size() && ok; ++i)
      if (info.shape[i] != dynamicSize)
        expectRange(info.shape[i], 0, sizeLimit - 1, path + ".shape[" + number(int64_t(i)) + "]");
  }

  static bool isReal(ElementType type) {
    return type == ElementType::F64 || type == ElementType::F32 || type == ElementType::F16 ||
           type == ElementType::BF16;
  }

  void checkFacts(const OperandInfo &info, bool isResult, const std::string &path) {
    if (!info.hasFacts())
      return;
    expect(info.isTensor() && !isResult && !isReal(info.dtype), path,
           "facts (sorted, contiguous, range) only of a tensor of integers that is an operand",
           std::string(isResult ? "the result" : spelling(info.role)) + " '" + info.name + "' of " +
               std::string(spelling(info.dtype)));
    if (info.range)
      expect((*info.range)[0] <= (*info.range)[1], path + ".range",
             "the lowest number and then the greatest",
             number((*info.range)[0]) + " and " + number((*info.range)[1]));
  }

  void checkAxis(const AxisCheck &check, const std::set<std::string_view> &axes,
                 const std::string &path) {
    expect(!check.axis.empty() && axes.count(check.axis), path + ".axis", "an axis of the kernel",
           "'" + check.axis + "'");
    expect(check.like.empty() || axes.count(check.like), path + ".like", "an axis of the kernel",
           "'" + check.like + "'");
    if (check.like.empty())
      expectRange(check.multiple, 1, sizeLimit - 1, path + ".multiple");
    else
      expect(check.multiple == 0, path, "either 'multiple' or 'like'", "both");
  }

  void checkTarget(const Variant &variant, const std::string &path) {
    std::string_view target = variant.target;
    if (variant.format == BlobFormat::Elf) {
      expect(target == "x86-64" || target == "x86-64-v3" || target == "x86-64-v4", path + ".target",
             "x86-64, x86-64-v3 or x86-64-v4 for format elf", "'" + variant.target + "'");
      expectRange(variant.threads, 0, 1, path + ".threads");
      return;
    }
    bool gpu = target.substr(0, 3) == "sm_" && target.size() >= 5 && target.size() <= 7;
    for (size_t i = 3; i < target.size() && gpu; ++i) {
      bool suffix = i + 1 == target.size() && i >= 5 && (target[i] == 'a' || target[i] == 'f');
      gpu = (target[i] >= '0' && target[i] <= '9') || suffix;
    }
    expect(gpu, path + ".target",
           "sm_ and a compute capability for format " + std::string(spelling(variant.format)),
           "'" + variant.target + "'");
    expectRange(variant.threads, 1, 1024, path + ".threads");
  }

  void checkSameTarget(const Variant &variant, const Variant &other, const std::string &path) {
    auto spelled = [](const Variant &of) {
      return of.target + " (" + std::string(spelling(of.format)) + ")";
    };
    expect(other.target == variant.target && other.format == variant.format, path,
           spelled(variant) + " as the variant has", spelled(other));
  }

  void checkVariant(const KernelInfo &kernel, const Variant &variant, const std::string &path) {
    checkWorkspaces(kernel, variant, path + ".workspaces");
    checkMasks(kernel, variant, path + ".masks");
    checkCode({kernel, variant}, variant, path);
    expect(variant.before.size() <= maxBefore, path + ".before",
           "at most " + number(maxBefore) + " pre-passes", number(int64_t(variant.before.size())));
    size_t parameters = variant.parameters.size();
    for (size_t i = 0; i < variant.before.size() && ok; ++i) {
      const Variant &pass = variant.before[i];
      std::string own = path + ".before[" + number(int64_t(i)) + "]";
      checkSameTarget(variant, pass, own + ".target");
      expect(pass.workspaces.empty() && pass.masks.empty() && pass.before.empty() &&
                 pass.when.empty() && pass.instead.empty(),
             own, "no workspaces, masks, pre-passes and conditions of its own", "some");
      checkCode({kernel, variant}, pass, own);
      parameters += pass.parameters.size();
    }
    expect(parameters <= maxParameters, path + ".before",
           "at most " + number(maxParameters) + " parameters, the variant's among them",
           number(int64_t(parameters)));
    checkConditions(kernel, variant.when, path + ".when");
    expect(variant.instead.size() <= maxInstead, path + ".instead",
           "at most " + number(maxInstead) + " variants", number(int64_t(variant.instead.size())));
    for (size_t i = 0; i < variant.instead.size() && ok; ++i) {
      const Variant &other = variant.instead[i];
      std::string own = path + ".instead[" + number(int64_t(i)) + "]";
      checkSameTarget(variant, other, own + ".target");
      expect(other.instead.empty(), own + ".instead", "nothing of its own", "some");
      checkVariant(kernel, other, own);
    }
  }

  void checkWorkspaces(const KernelInfo &kernel, const Variant &variant, const std::string &path) {
    expect(variant.workspaces.size() <= maxWorkspaces, path, "at most " + number(maxWorkspaces),
           number(int64_t(variant.workspaces.size())));
    std::set<std::string_view> names;
    for (size_t i = 0; i < variant.workspaces.size() && ok; ++i) {
      const Workspace &workspace = variant.workspaces[i];
      std::string own = path + "[" + number(int64_t(i)) + "]";
      expect(isName(workspace.name), own + ".name", "a name", "'" + workspace.name + "'");
      expect(!kernel.find(workspace.name) && names.insert(workspace.name).second, own + ".name",
             "a name of its own", "'" + workspace.name + "' again");
      expectRange(int64_t(workspace.shape.size()), 0, maxRank, own + ".shape (rank)");
      for (size_t dim = 0; dim < workspace.shape.size() && ok; ++dim)
        checkSize(kernel, workspace.shape[dim], own + ".shape[" + number(int64_t(dim)) + "]");
    }
  }

  void checkMasks(const KernelInfo &kernel, const Variant &variant, const std::string &path) {
    expect(variant.masks.size() <= maxMasks, path, "at most " + number(maxMasks),
           number(int64_t(variant.masks.size())));
    for (size_t i = 0; i < variant.masks.size() && ok; ++i) {
      const MaskInfo &mask = variant.masks[i];
      std::string own = path + "[" + number(int64_t(i)) + "]";
      expectRange(mask.summaries, 0, maxMaskOperations, own + ".summaries");
      for (int64_t count : {mask.perQueryTile, mask.perQuery, mask.perTilePair, mask.perKey})
        expectRange(count, 0, maxMaskOperations, own + ".operations");
      checkSize(kernel, mask.metadataBytes, own + ".metadata_bytes");
    }
  }

  /// Whose operands and whose workspaces a piece of code can name.
  struct Names {
    const KernelInfo &kernel;
    const Variant &owner;
  };

  /// What a variant and its pre-passes have in common.
  void checkCode(const Names &names, const Variant &variant, const std::string &path) {
    checkTarget(variant, path);
    expect(variant.blob < blobCount, path + ".blob", "an index below " + number(int64_t(blobCount)),
           number(variant.blob));
    expect(isName(variant.entry), path + ".entry", "the name of a symbol",
           "'" + variant.entry + "'");
    expectRange(variant.sharedBytes, 0, int64_t(1) << 20, path + ".shared_bytes");
    expectRange(variant.scratchBytes, 0, maxScratchBytes, path + ".scratch_bytes");
    expectRange(variant.rows, 0, sizeLimit, path + ".rows");
    checkSize(names.kernel, variant.keys, path + ".keys");
    expectRange(variant.alignment, 1, 4096, path + ".alignment");
    expect((variant.alignment & (variant.alignment - 1)) == 0, path + ".alignment",
           "a power of two", number(variant.alignment));
    for (size_t i = 0; i < 3 && ok; ++i)
      checkSize(names.kernel, variant.grid[i], path + ".grid[" + number(int64_t(i)) + "]");
    expect(variant.parameters.size() <= maxParameters, path + ".parameters",
           "at most " + number(maxParameters), number(int64_t(variant.parameters.size())));
    for (size_t i = 0; i < variant.parameters.size() && ok; ++i)
      checkParameter(names, variant, variant.parameters[i],
                     path + ".parameters[" + number(int64_t(i)) + "]");
  }

  void checkDimension(const KernelInfo &kernel, const std::string &operand, int64_t dim,
                      const std::string &path) {
    const OperandInfo *info = kernel.find(operand);
    expect(info, path, "an operand or result of kernel '" + kernel.name + "'", "'" + operand + "'");
    if (!ok)
      return;
    expect(info->isTensor(), path, "a tensor", "scalar '" + operand + "'");
    checkDimension(info->shape.size(), operand, dim, path);
  }

  void checkDimension(size_t rank, const std::string &owner, int64_t dim, const std::string &path) {
    expect(dim >= 0 && dim < int64_t(rank), path,
           "a dimension below " + number(int64_t(rank)) + " of '" + owner + "'", number(dim));
  }

  void checkScalar(const KernelInfo &kernel, const std::string &operand, const std::string &path) {
    const OperandInfo *info = kernel.find(operand);
    expect(info, path, "an operand of kernel '" + kernel.name + "'", "'" + operand + "'");
    if (!ok)
      return;
    expect(!info->isTensor(), path, "a scalar",
           std::string(spelling(info->role)) + " '" + operand + "'");
    expect(info->dtype != ElementType::F64 && info->dtype != ElementType::F32, path,
           "a scalar of an integer type",
           "'" + operand + "' of " + std::string(spelling(info->dtype)));
  }

  struct ExpressionScope {
    const KernelInfo &kernel;
    size_t nodes = 0;
  };

  void checkExpression(ExpressionScope &scope, const Expression &expression,
                       const std::string &path) {
    using Kind = Expression::Kind;
    expect(++scope.nodes <= maxExpressionNodes, path,
           "at most " + number(maxExpressionNodes) + " numbers and operators", "more");
    size_t count = Expression::argumentCount(expression.kind);
    expect(expression.arguments.size() == count, path, number(int64_t(count)) + " arguments",
           number(int64_t(expression.arguments.size())));
    if (!ok)
      return;
    if (expression.kind == Kind::Size)
      return checkDimension(scope.kernel, expression.operand, expression.number, path);
    if (expression.kind == Kind::Scalar)
      return checkScalar(scope.kernel, expression.operand, path);
    for (size_t i = 0; i < expression.arguments.size() && ok; ++i)
      checkExpression(scope, expression.arguments[i], path + "[" + number(int64_t(i) + 1) + "]");
  }

  /// An expression of a grid or of the shape of a workspace.
  void checkSize(const KernelInfo &kernel, const Expression &expression, const std::string &path) {
    ExpressionScope scope{kernel};
    checkExpression(scope, expression, path);
    if (ok && expression.kind == Expression::Kind::Constant)
      expectRange(expression.number, 0, sizeLimit - 1, path);
    if (ok)
      checkDivisors(expression, path);
  }

  /// Divisors that are numbers are above 0: the launch could never have a value.
  void checkDivisors(const Expression &expression, const std::string &path) {
    using Kind = Expression::Kind;
    bool divides = expression.kind == Kind::CeilDiv || expression.kind == Kind::FloorDiv ||
                   expression.kind == Kind::Mod;
    if (divides && expression.arguments[1].kind == Kind::Constant)
      expect(expression.arguments[1].number > 0, path + "[2]", "a divisor above 0",
             number(expression.arguments[1].number));
    for (size_t i = 0; i < expression.arguments.size() && ok; ++i)
      checkDivisors(expression.arguments[i], path + "[" + number(int64_t(i) + 1) + "]");
  }

  void checkConditions(const KernelInfo &kernel, const std::vector<Condition> &conditions,
                       const std::string &path) {
    expect(conditions.size() <= maxConditions, path, "at most " + number(maxConditions),
           number(int64_t(conditions.size())));
    for (size_t i = 0; i < conditions.size() && ok; ++i) {
      const Condition &condition = conditions[i];
      std::string own = path + "[" + number(int64_t(i)) + "]";
      expectRange(int64_t(condition.text.size()), 1, maxConditionText, own + ".text (length)");
      ExpressionScope scope{kernel};
      checkExpression(scope, condition.expression, own + ".expression");
    }
  }

  void checkParameter(const Names &names, const Variant &variant, const Parameter &parameter,
                      const std::string &path) {
    if (const Workspace *workspace = names.owner.findWorkspace(parameter.operand))
      return checkWorkspaceParameter(*workspace, variant, parameter, path);
    const KernelInfo &kernel = names.kernel;
    const OperandInfo *info = kernel.find(parameter.operand);
    expect(info, path + ".operand", "an operand or result of kernel '" + kernel.name + "'",
           "'" + parameter.operand + "'");
    if (!ok)
      return;
    bool scalar = parameter.kind == ParameterKind::Scalar;
    expect(info->isTensor() != scalar, path + ".operand", scalar ? "a scalar" : "a tensor",
           std::string(spelling(info->role)) + " '" + info->name + "'");
    if (!ok)
      return;
    checkParameterType(info->dtype, parameter, path + ".type");
    if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
      checkDimension(kernel, parameter.operand, parameter.dim, path + ".dim");
    if (parameter.kind == ParameterKind::TensorMap)
      checkTensorMap({info->name, info->dtype, info->shape.size()}, variant, parameter, path);
  }

  void checkWorkspaceParameter(const Workspace &workspace, const Variant &variant,
                               const Parameter &parameter, const std::string &path) {
    expect(parameter.kind != ParameterKind::Scalar, path + ".kind",
           "pointer, size, stride or tensor_map of workspace '" + workspace.name + "'",
           std::string(spelling(parameter.kind)));
    checkParameterType(workspace.dtype, parameter, path + ".type");
    if (parameter.kind == ParameterKind::Size || parameter.kind == ParameterKind::Stride)
      checkDimension(workspace.shape.size(), parameter.operand, parameter.dim, path + ".dim");
    if (parameter.kind != ParameterKind::TensorMap)
      return;
    checkTensorMap({workspace.name, workspace.dtype, workspace.shape.size()}, variant, parameter,
                   path);
    if (!ok || workspace.shape.back().kind != Expression::Kind::Constant)
      return;
    int64_t row = workspace.shape.back().number * byteSize(workspace.dtype);
    expect(row % 16 == 0, path + ".operand",
           "a workspace whose innermost dimension takes a multiple of 16 bytes",
           number(row) + " bytes in '" + workspace.name + "'");
  }

  void checkParameterType(ElementType dtype, const Parameter &parameter, const std::string &path) {
    ParameterType expected = ParameterType::I64;
    if (parameter.kind == ParameterKind::Pointer)
      expected = ParameterType::Ptr;
    else if (parameter.kind == ParameterKind::TensorMap)
      expected = ParameterType::TensorMap;
    else if (parameter.kind == ParameterKind::Scalar)
      expected = scalarParameterType(dtype).value_or(ParameterType::I64);
    // A back end may take narrow sizes; the launch then checks that they fit.
    bool narrow = parameter.type == ParameterType::I32 && (parameter.kind == ParameterKind::Size ||
                                                           parameter.kind == ParameterKind::Stride);
    expect(parameter.type == expected || narrow, path, std::string(spelling(expected)),
           std::string(spelling(parameter.type)));
  }

  /// What a tensor map is of.
  struct Mapped {
    const std::string &name;
    ElementType dtype;
    size_t rank;
  };

  void checkTensorMap(const Mapped &mapped, const Variant &variant, const Parameter &parameter,
                      const std::string &path) {
    expect(variant.format != BlobFormat::Elf, path + ".kind", "no tensor map in host code",
           "tensor_map");
    expect(parameter.box.size() == mapped.rank, path + ".box",
           number(int64_t(mapped.rank)) + " sizes, one a dimension of '" + mapped.name + "'",
           number(int64_t(parameter.box.size())));
    expectRange(int64_t(mapped.rank), 1, 5, path + ".operand (rank)");
    for (size_t i = 0; i < parameter.box.size() && ok; ++i)
      expectRange(parameter.box[i], 1, 256, path + ".box[" + number(int64_t(i)) + "]");
    if (!ok)
      return;
    int64_t row = parameter.box.back() * byteSize(mapped.dtype);
    int64_t widest[] = {256 * 8, 32, 64, 128};
    expect(row % 16 == 0 && row <= widest[size_t(parameter.swizzle)], path + ".box",
           "rows of a multiple of 16 bytes, and of no more than are swizzled (" +
               std::string(spelling(parameter.swizzle)) + ")",
           number(row) + " bytes");
  }
};

} // namespace

Result<void> checkManifest(const Manifest &manifest, size_t blobCount) {
  return Checker(manifest, blobCount).run();
}

} // namespace attune::bundle
