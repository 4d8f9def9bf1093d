// SPDX-License-Identifier: Apache-2.0
// Runs the pipeline for each kernel and target and collects what a bundle needs.
#include "compiler/Compile.h"

#include "compiler/Conditions.h"
#include "compiler/DescribeResults.h"
#include "compiler/DescribeStages.h"
#include "compiler/Passes.h"
#include "compiler/Pipeline.h"
#include "compiler/SelfTest.h"
#include "compiler/analysis/Stages.h"
#include "compiler/plan/PackedHeads.h"
#include "compiler/target/host/HostTarget.h"
#include "compiler/target/Target.h"
#include "compiler/target/nvptx/NvptxTarget.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"
#include <numeric>

using namespace mlir;

namespace attune {

static constexpr StageInfo stages[] = {
    {Stage::Attn, "attn", "the kernel as primitives of the language", false, StageInfo::All},
    {Stage::Plan, "plan", "the same with the choice of tiles", false, StageInfo::All},
    {Stage::Tile, "tile", "the program of one block", false, StageInfo::All},
    {Stage::Nvvm, "nvvm", "the block's program in the LLVM and NVVM dialects", false,
     StageInfo::Cuda},
    {Stage::Llvm, "llvm", "optimised LLVM IR", false, StageInfo::All},
    {Stage::Ptx, "ptx", "PTX text", false, StageInfo::Cuda},
    {Stage::Cubin, "cubin", "a CUDA binary, by ptxas", true, StageInfo::Cuda},
    {Stage::Object, "object", "a relocatable ELF object", true, StageInfo::Host},
    {Stage::Bundle, "bundle", "every kernel and target in one file", true, StageInfo::All},
};

llvm::ArrayRef<StageInfo> getStages() { return stages; }

static bool isHostTarget(StringRef target) { return Target::find(target)->isHost(); }

OwningOpRef<ModuleOp> parseFile(StringRef path, MLIRContext &context) {
  return parseSourceFile<ModuleOp>(path, &context);
}

std::string joinArtifacts(ArrayRef<Artifact> artifacts) {
  std::string text;
  for (const Artifact &artifact : artifacts) {
    if (!text.empty())
      text += "// -----\n";
    text += artifact.bytes;
  }
  return text;
}

FailureOr<std::vector<std::string>> expandTargets(MLIRContext &context,
                                                  ArrayRef<std::string> targets) {
  std::vector<std::string> names;
  auto add = [&](StringRef name) {
    if (!llvm::is_contained(names, name))
      names.push_back(name.str());
  };
  for (const std::string &target : targets) {
    if (target == "host") {
      for (const HostFacts &facts : getHostLevels())
        add(facts.name);
    } else if (target == "native") {
      add(getHostFacts(detectHostLevel()).name);
    } else if (Target::find(target)) {
      add(target);
    } else {
      emitError(UnknownLoc::get(&context)) << "expected a target among host, native, "
                                           << Target::names() << ", but got '" << target << "'";
      return failure();
    }
  }
  return names;
}

FailureOr<SmallVector<attn::KernelOp>> selectKernels(ModuleOp module,
                                                     const CompileOptions &options) {
  SmallVector<attn::KernelOp> kernels;
  for (auto kernel : module.getOps<attn::KernelOp>())
    if (options.kernel.empty() || kernel.getSymName() == options.kernel)
      kernels.push_back(kernel);
  if (!kernels.empty())
    return kernels;
  auto error = module.emitError();
  if (options.kernel.empty())
    return error << "expected an attn.kernel, but the module has none", failure();
  error << "expected a kernel named '" << options.kernel << "', but the module has";
  llvm::interleaveComma(module.getOps<attn::KernelOp>(), error, [&](attn::KernelOp kernel) {
    error << " '" << kernel.getSymName() << "'";
  });
  return failure();
}

FailureOr<OwningOpRef<ModuleOp>> runPasses(attn::KernelOp kernel, Stage stage, StringRef target,
                                           const CompileOptions &options) {
  OwningOpRef<ModuleOp> module = cast<ModuleOp>(kernel->getParentOp()).clone();
  for (auto other : llvm::make_early_inc_range(module->getOps<attn::KernelOp>()))
    if (other.getSymName() != kernel.getSymName())
      other.erase();
  TargetPipelineOptions pipeline;
  pipeline.target = target.str();
  pipeline.planOverride = options.planOverride;
  pipeline.gatherRows = options.gatherRows;
  PassManager manager(module->getContext());
  if (stage == Stage::Attn)
    buildPrimitivesPipeline(manager);
  else if (stage == Stage::Plan)
    buildPlanPipeline(manager, pipeline);
  else
    buildTilePipeline(manager, pipeline);
  if (failed(manager.run(*module)))
    return failure();
  return module;
}

/// `module`, which holds one kernel at some stage, as text.
static std::string printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << "\n";
  return text;
}

static FailureOr<std::string> emitCudaStage(tile::KernelOp kernel, Stage stage, StringRef target) {
  PtxOptions options{target.str()};
  if (stage == Stage::Nvvm) {
    auto module = lowerToNvvm(kernel, options);
    return failed(module) ? FailureOr<std::string>() : printModule(**module);
  }
  if (stage == Stage::Llvm)
    return compileToLlvmIr(kernel, options);
  auto ptx = compileToPtx(kernel, options);
  if (failed(ptx))
    return failure();
  if (stage == Stage::Ptx)
    return ptx->text;
  std::string error;
  auto cubin = assemblePtx(ptx->text, target, error);
  if (failed(cubin))
    return kernel.emitError(error), failure();
  return cubin->bytes;
}

static FailureOr<std::string> emitHostStage(tile::KernelOp kernel, Stage stage, HostLevel level) {
  if (stage == Stage::Llvm)
    return emitHostLlvmIr(kernel, level);
  return emitHostObject(kernel, level);
}

/// The kernels of a lowered module in the order in which they run; the last is the one that was asked for.
static SmallVector<tile::KernelOp> getPrograms(ModuleOp module) {
  SmallVector<tile::KernelOp> programs;
  for (auto kernel : module.getOps<tile::KernelOp>()) {
    if (kernel->hasAttr("tile.summaries"))
      continue;
    if (auto before = kernel->getAttrOfType<FlatSymbolRefAttr>("tile.before"))
      programs.push_back(module.lookupSymbol<tile::KernelOp>(before));
    programs.push_back(kernel);
  }
  return programs;
}

/// One PTX module of two: the second without the directives that a module begins with, and without
/// declarations that the first has.
static std::string joinPtx(StringRef first, StringRef second) {
  std::string joined = first.str();
  SmallVector<StringRef> lines;
  second.split(lines, '\n');
  for (StringRef line : lines) {
    bool isHeader = line.starts_with(".version") || line.starts_with(".target") ||
                    line.starts_with(".address_size");
    bool isKnown = line.starts_with(".extern") && first.contains(line);
    if (!isHeader && !isKnown)
      (joined += line) += '\n';
  }
  return joined;
}

/// The artifacts of `kernel` for `target`: of the kernel, and of those that run before it.
static LogicalResult emitOne(attn::KernelOp kernel, Stage stage, StringRef target,
                             const CompileOptions &options, std::vector<Artifact> &artifacts) {
  auto module = runPasses(kernel, stage, target, options);
  if (failed(module))
    return failure();
  if (stage <= Stage::Tile) {
    artifacts.push_back({kernel.getSymName().str(), target.str(), printModule(**module)});
    return success();
  }
  // The kernel's own code comes first: the artifact has its name.
  SmallVector<tile::KernelOp> programs = getPrograms(**module);
  std::rotate(programs.begin(), programs.end() - 1, programs.end());
  for (tile::KernelOp program : programs) {
    auto bytes = isHostTarget(target) ? emitHostStage(program, stage, *findHostLevel(target))
                                      : emitCudaStage(program, stage, target);
    if (failed(bytes))
      return failure();
    if (stage == Stage::Ptx && !artifacts.empty() &&
        artifacts.back().kernel == kernel.getSymName() && artifacts.back().target == target)
      artifacts.back().bytes = joinPtx(artifacts.back().bytes, *bytes);
    else
      artifacts.push_back({program.getSymName().str(), target.str(), std::move(*bytes)});
  }
  return success();
}

FailureOr<std::vector<Artifact>> emitStage(ModuleOp module, Stage stage,
                                           const CompileOptions &options) {
  auto targets = expandTargets(*module.getContext(), options.targets);
  auto kernels = selectKernels(module, options);
  if (failed(targets) || failed(kernels))
    return failure();
  const StageInfo &info = stages[size_t(stage)];
  std::vector<Artifact> artifacts;
  for (auto kernel : *kernels) {
    for (const std::string &target : *targets) {
      if (info.targets == (isHostTarget(target) ? StageInfo::Cuda : StageInfo::Host))
        return module.emitError() << "the stage '" << info.name << "' does not exist for target '"
                                  << target << "'; choose "
                                  << (info.targets == StageInfo::Cuda ? "sm_80 or sm_90a" : "host"),
               failure();
      if (failed(emitOne(kernel, stage, target, options, artifacts)))
        return failure();
      if (stage == Stage::Attn)
        break; // the same for every target
    }
  }
  return artifacts;
}

/// The code of `kernel` for a CUDA target, as PTX or as a cubin, added to `result`.
static FailureOr<bundle::Variant> addCudaCode(tile::KernelOp kernel, StringRef target, bool isCubin,
                                              bundle::Bundle &result) {
  auto ptx = compileToPtx(kernel, {target.str()});
  if (failed(ptx))
    return failure();
  bundle::Variant variant;
  variant.target = target.str();
  variant.entry = ptx->entry;
  variant.threads = ptx->threads;
  variant.sharedBytes = ptx->sharedBytes;
  variant.alignment = 16; // cp.async and vector stores move 16 bytes
  variant.format = bundle::BlobFormat::Ptx;
  if (!isCubin) {
    variant.blob = result.addBlob(std::move(ptx->text));
    return variant;
  }
  std::string error;
  auto cubin = assemblePtx(ptx->text, target, error);
  if (failed(cubin))
    return kernel.emitError(error), failure();
  variant.format = bundle::BlobFormat::Cubin;
  variant.blob = result.addBlob(std::move(cubin->bytes));
  variant.tool = cubin->tool;
  return variant;
}

static FailureOr<bundle::Variant> addHostCode(tile::KernelOp kernel, StringRef target,
                                              bundle::Bundle &result) {
  auto code = compileForHost(kernel, *findHostLevel(target));
  if (failed(code))
    return failure();
  bundle::Variant variant;
  variant.target = target.str();
  variant.format = bundle::BlobFormat::Elf;
  variant.blob = result.addBlob(std::move(code->elf));
  variant.entry = code->entry;
  variant.scratchBytes = code->scratchBytes;
  return variant;
}

/// The kernel's text without names: what is equal has the same code.
static std::string withoutNames(tile::KernelOp kernel) {
  OwningOpRef<tile::KernelOp> copy = kernel.clone();
  copy->setSymName("kernel");
  for (StringRef name : {"tile.source", "tile.masks", "tile.before"})
    (*copy)->removeAttr(name);
  for (unsigned index = 0; index < copy->getNumArguments(); ++index)
    copy->removeArgAttr(index, "tile.name");
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*copy)->print(stream, OpPrintingFlags().useLocalScope().assumeVerified());
  return text;
}

namespace {

/// Code for one target. The rounds of a search are one program, compiled once.
class CodeMaker {
public:
  using Add = std::function<FailureOr<bundle::Variant>(tile::KernelOp)>;
  explicit CodeMaker(Add add) : add(std::move(add)) {}

  /// The variant that launches `kernel`, one of `stages`.
  FailureOr<bundle::Variant> describe(tile::KernelOp kernel, const StageDescriptions &stages) {
    auto [place, isNew] = known.try_emplace(withoutNames(kernel));
    if (isNew)
      place->second = add(kernel);
    FailureOr<bundle::Variant> launch = describeLaunch(kernel, stages.infoOf(kernel));
    if (failed(place->second) || failed(launch))
      return failure();
    bundle::Variant variant = *place->second;
    variant.grid = std::move(launch->grid);
    variant.parameters = std::move(launch->parameters);
    variant.workspaces = std::move(launch->workspaces);
    variant.masks = std::move(launch->masks);
    variant.when = std::move(launch->when);
    variant.rows = launch->rows;
    variant.keys = std::move(launch->keys);
    return variant;
  }

private:
  Add add;
  llvm::StringMap<FailureOr<bundle::Variant>> known;
};

/// One way to run a kernel: the module that holds its programs, and how they go together.
struct Way {
  OwningOpRef<ModuleOp> module;
  std::shared_ptr<const StageDescriptions> stages;
};

} // namespace

/// The variant whose kernels `code` compiles: the last is the entry, the rest run before it.
static FailureOr<bundle::Variant> joinPasses(const Way &way, CodeMaker &code) {
  std::vector<bundle::Variant> variants;
  for (tile::KernelOp program : getPrograms(*way.module)) {
    auto variant = code.describe(program, *way.stages);
    if (failed(variant))
      return failure();
    variants.push_back(std::move(*variant));
  }
  return way.stages->join(variants);
}

/// Adds a variant: the first of `ways`, with the others as what may be launched instead.
static LogicalResult addVariant(ArrayRef<Way> ways, bundle::KernelInfo &info, CodeMaker::Add add) {
  CodeMaker code(std::move(add));
  SmallVector<bundle::Variant, 4> variants;
  for (const Way &way : ways) {
    auto variant = joinPasses(way, code);
    if (failed(variant))
      return failure();
    variants.push_back(std::move(*variant));
  }
  // All ways read the same keys where none has a list of its own.
  if (llvm::all_equal(
          llvm::map_range(variants, [](const bundle::Variant &variant) { return variant.keys; })))
    for (bundle::Variant &variant : variants)
      variant.keys = bundle::Expression::constant(1);
  std::move(variants.begin() + 1, variants.end(), std::back_inserter(variants.front().instead));
  info.variants.push_back(std::move(variants.front()));
  return success();
}

/// Adds the variants for `target`: of a CUDA one PTX, and cubins when that is wanted and possible.
static LogicalResult addVariants(ArrayRef<Way> ways, StringRef target, bool assemble,
                                 bundle::KernelInfo &info, bundle::Bundle &result) {
  if (isHostTarget(target))
    return addVariant(ways, info,
                      [&](tile::KernelOp program) { return addHostCode(program, target, result); });
  for (bool isCubin : {true, false})
    if ((!isCubin || (assemble && !findPtxas().empty())) &&
        failed(addVariant(ways, info, [&](tile::KernelOp program) {
          return addCudaCode(program, target, isCubin, result);
        })))
      return failure();
  return success();
}

/// Tiles that hold rows of several heads, as overrides of the plan: as many rows as without, and on the
/// host, where a row that is not there costs as much as another, as few as there can be, too.
static SmallVector<std::string> packedOverrides(StringRef target, const CompileOptions &options) {
  std::string before = options.planOverride.empty() ? "" : options.planOverride + ",";
  std::string packed = before + "packed_heads=" + std::to_string(options.packedHeads);
  SmallVector<std::string> overrides = {packed};
  constexpr int64_t fewestRows = 16; // the f32 lanes of the widest level
  if (isHostTarget(target))
    overrides.push_back(packed +
                        ",queries=" + std::to_string(std::lcm(fewestRows, options.packedHeads)));
  return overrides;
}

/// The last program of a module is launched under another name.
static void renameEntry(ModuleOp module, const Twine &suffix) {
  tile::KernelOp program = getPrograms(module).back();
  program.setSymName((program.getSymName() + suffix).str());
}

/// What may be launched instead of the kernel's plain code: tiles of several heads.
static LogicalResult addPacked(attn::KernelOp kernel, StringRef target,
                               const CompileOptions &options, SmallVectorImpl<Way> &ways) {
  for (const std::string &planOverride : packedOverrides(target, options)) {
    CompileOptions packed = options;
    packed.planOverride = planOverride;
    auto module = runPasses(kernel, Stage::Tile, target, packed);
    if (failed(module))
      return failure();
    SmallVector<int64_t, 3> sizes = getPrograms(**module).back().getConfig().getQuerySizes();
    renameEntry(**module, "_packed_" + Twine(sizes[0]) + "x" + Twine(sizes[1]));
    ways.push_back({std::move(*module), ways.front().stages});
  }
  return success();
}

/// Does the kernel, of primitives, have code with packed heads? A warning says why not, if they were asked for.
static FailureOr<bool> packsHeads(attn::KernelOp primitives, const CompileOptions &options) {
  if (options.packedHeads == 0)
    return false;
  std::string obstacle;
  if (planStages(primitives).isSplit()) {
    obstacle = "it is a program of several kernels";
  } else {
    auto plan = planSweeps(primitives);
    if (failed(plan))
      return failure();
    obstacle = findPackingObstacle(*plan);
  }
  if (!obstacle.empty())
    emitWarning(primitives.getLoc()) << "kernel '" << primitives.getSymName()
                                     << "' gets no code with packed heads: " << obstacle;
  return obstacle.empty();
}

static bool wantsSelfTest(const CompileOptions &options, ArrayRef<std::string> targets) {
  using SelfTests = CompileOptions::SelfTests;
  return options.selfTests == SelfTests::On ||
         (options.selfTests == SelfTests::Auto &&
          llvm::any_of(targets, [](StringRef target) { return target.ends_with("a"); }));
}

/// What a launch is given and gives stands on axes of tokens, whose lengths it knows.
static LogicalResult checkAxes(attn::KernelOp kernel, const bundle::KernelInfo &info) {
  for (const auto *operands : {&info.operands, &info.results})
    for (const bundle::OperandInfo &operand : *operands)
      if (!operand.axis.empty() && !attn::isPlainAxis(operand.axis))
        return kernel.emitOpError("expected '")
               << operand.name << "' to stand on an axis of tokens, but got axis '" << operand.axis
               << "': blocks of tokens as operand or result cannot be compiled yet";
  return success();
}

/// What the manifest says of a kernel of primitives for every target. Conditions may be computed by helpers
/// and sugar, so they are read from the primitives, as the self-test is evaluated on them.
static FailureOr<bundle::KernelInfo> describeDemands(attn::KernelOp primitives,
                                                     const CompileOptions &options,
                                                     ArrayRef<std::string> targets,
                                                     bundle::Bundle &result) {
  auto info = describeKernel(primitives);
  if (failed(info) || failed(describeResults(primitives, *info)) ||
      failed(checkAxes(primitives, *info)) || failed(describeConditions(primitives, *info)))
    return failure();
  if (wantsSelfTest(options, targets))
    addSelfTest(primitives, *info, result);
  return info;
}

/// The kernels that a program, of primitives, is on a target.
static FailureOr<OwningOpRef<ModuleOp>> runStages(attn::KernelOp primitives, StringRef target) {
  OwningOpRef<ModuleOp> stages = cast<ModuleOp>(primitives->getParentOp()).clone();
  PassManager manager(primitives.getContext());
  buildStagesPipeline(manager, target);
  if (failed(manager.run(*stages)))
    return failure();
  return stages;
}

/// Adds a way to run the kernel: with the passes that `options` ask for.
static LogicalResult addWay(attn::KernelOp kernel, ModuleOp stages, StringRef target,
                            const CompileOptions &options, const bundle::KernelInfo &info,
                            SmallVectorImpl<Way> &ways) {
  auto described = StageDescriptions::make(stages, info);
  if (failed(described))
    return failure();
  auto module = runPasses(kernel, Stage::Tile, target, options);
  if (failed(module))
    return failure();
  ways.push_back(
      {std::move(*module), std::make_shared<const StageDescriptions>(std::move(*described))});
  return success();
}

/// What may be launched instead of code that visits all keys: code that walks lists of selected ones, with
/// tiles of many heads and of few. Changes `stages`, those of the plain code.
static LogicalResult addGathered(attn::KernelOp kernel, ModuleOp stages, StringRef target,
                                 const CompileOptions &options, const bundle::KernelInfo &info,
                                 SmallVectorImpl<Way> &ways) {
  PassManager manager(stages.getContext());
  manager.addPass(createGatherKeysPass());
  if (failed(manager.run(stages)))
    return failure();
  if (llvm::none_of(stages.getOps<attn::KernelOp>(),
                    [](attn::KernelOp stage) { return stage->hasAttr("attn.gathered"); }))
    return success();
  for (int64_t rows : {64, 16}) { // where both have as many pairs, the first reads each list once
    CompileOptions gathered = options;
    gathered.gatherRows = rows;
    if (failed(addWay(kernel, stages, target, gathered, info, ways)))
      return failure();
    renameEntry(*ways.back().module, "_gathered_" + Twine(rows));
  }
  return success();
}

/// The code of `kernel` for `target`, and of what may be launched instead.
static LogicalResult compileFor(attn::KernelOp kernel, attn::KernelOp primitives, StringRef target,
                                bool packs, const CompileOptions &options, bundle::KernelInfo &info,
                                bundle::Bundle &result) {
  auto stages = runStages(primitives, target);
  SmallVector<Way> ways;
  if (failed(stages) || failed(addWay(kernel, **stages, target, options, info, ways)) ||
      (packs && failed(addPacked(kernel, target, options, ways))) ||
      (options.gathersKeys && failed(addGathered(kernel, **stages, target, options, info, ways))))
    return failure();
  return addVariants(ways, target, options.assemble, info, result);
}

/// Adds a kernel to the bundle, for all targets.
static LogicalResult compileKernel(attn::KernelOp kernel, ArrayRef<std::string> targets,
                                   const CompileOptions &options, bundle::Bundle &result) {
  auto module = runPasses(kernel, Stage::Attn, "", options);
  if (failed(module))
    return failure();
  auto primitives = *(*module)->getOps<attn::KernelOp>().begin();
  auto info = describeDemands(primitives, options, targets, result);
  if (failed(info))
    return failure();
  auto packs = packsHeads(primitives, options);
  if (failed(packs))
    return failure();
  for (const std::string &target : targets)
    if (failed(compileFor(kernel, primitives, target, *packs, options, *info, result)))
      return failure();
  result.manifest.kernels.push_back(std::move(*info));
  return success();
}

FailureOr<bundle::Bundle> compile(ModuleOp module, const CompileOptions &options) {
  auto targets = expandTargets(*module.getContext(), options.targets);
  auto kernels = selectKernels(module, options);
  if (failed(targets) || failed(kernels))
    return failure();
  bundle::Bundle result;
  result.manifest.producer = "attune " ATTUNE_VERSION;
  for (auto kernel : *kernels)
    if (failed(compileKernel(kernel, *targets, options, result)))
      return failure();
  return result;
}

} // namespace attune
