//===- Compiler.cpp - From a checkpoint to a file -------------------------===//
//
// Stage by stage; stops where the options say.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/Compiler.h"
#include "lowering/Weights/WeightProgram.h"
#include "mlir/IR/Remarks.h"
#include "passes/Pipelines.h"
#include "passes/cost/TargetAttr.h"
#include "runtime/bundle/BundleWriter.h"
#include "runtime/io/File.h"
#include "tools/driver/CostTarget.h"
#include "tools/driver/LLVMStage.h"
#include "tools/driver/ManifestOf.h"
#include "tools/driver/OutputFiles.h"
#include "tools/driver/PassChecks.h"
#include "tools/driver/RemarkCollector.h"
#include "tools/driver/Report.h"
#include "tools/driver/SegmentTableOf.h"
#include "tools/driver/TextFiles.h"
#include "tools/driver/Variants.h"
#include "tools/driver/WeightPacking.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;
namespace weights = ::dsv2::weights;

namespace {

/// Has passes run on one thread while it lives. Remarks then come in the order of
/// passes and functions, the same in every run; passes take milliseconds.
class OnOneThread {
public:
  explicit OnOneThread(MLIRContext &context)
      : context(context), wasThreaded(context.isMultithreadingEnabled()) {
    context.disableMultithreading();
  }
  ~OnOneThread() { context.disableMultithreading(!wasThreaded); }
  OnOneThread(const OnOneThread &) = delete;
  OnOneThread &operator=(const OnOneThread &) = delete;

private:
  MLIRContext &context;
  bool wasThreaded;
};

/// One run of the compiler.
class Compilation {
public:
  Compilation(MLIRContext &context, const CompileOptions &options, Configure configure)
      : context(context), loc(UnknownLoc::get(&context)), options(options), configure(configure) {}

  LogicalResult run();

private:
  LogicalResult fail(const Twine &message) { return emitError(loc, message); }
  LogicalResult fail(const ::dsv2::Status &status) { return fail(status.message()); }
  LogicalResult check(const ::dsv2::Status &status) {
    return status.ok() ? success() : fail(status);
  }

  LogicalResult compile();
  LogicalResult beginOutputs();
  LogicalResult resolveMachines();
  LogicalResult writeReports();
  LogicalResult readModel();
  LogicalResult verifyImported();
  LogicalResult optimize();
  LogicalResult plan();
  LogicalResult writeModule(ModuleOp op);
  LogicalResult writeLowered();
  LogicalResult writeBundle();
  LogicalResult addTextFiles(bundle::BundleWriter &writer);
  Dsv2ModuleDescriptor describe();
  bundle::Manifest makeManifest();
  int threads() const {
    return options.threads ? options.threads
                           : int(llvm::hardware_concurrency().compute_thread_count());
  }
  Type elementType();

  MLIRContext &context;
  Location loc;
  const CompileOptions &options;
  Configure configure;

  std::optional<ModelConfig> config;
  std::optional<::dsv2::Checkpoint> checkpoint;
  std::vector<std::string> targets; // best first
  std::vector<TextFile> textFiles;
  TargetModel costTarget;
  std::vector<Decision> decisions;
  OutputFiles outputs;
  TextOutput *report = nullptr, *explanation = nullptr;
  TextOutput *text = nullptr;                 // of all stages but Bundle
  bundle::AtomicFile *executable = nullptr;   // of Bundle
  bundle::AtomicFile *weightsFile = nullptr;  // beside it, of external weights
  OwningOpRef<ModuleOp> module;
  std::string weightProgramText;
  weights::WeightProgram weightProgram;
};

LogicalResult Compilation::readModel() {
  ::dsv2::Expected<ModelConfig> read = loadModelConfig(options.model);
  if (!read.ok())
    return fail(read.status());
  config = std::move(*read);
  for (const std::string &note : config->notes)
    emitRemark(loc, note);
  if (options.emit == Stage::Bundle) {
    ::dsv2::Expected<std::vector<TextFile>> files =
        readTextFiles(options.model, options.chatTemplate);
    if (!files.ok())
      return fail(files.status());
    textFiles = std::move(*files);
  }
  if (options.layers)
    config->layers = std::min(config->layers, options.layers);
  if (options.weights != bundle::WeightsMode::Random) {
    ::dsv2::Expected<::dsv2::Checkpoint> opened = ::dsv2::Checkpoint::open(options.model);
    if (!opened.ok())
      return fail(opened.status());
    checkpoint.emplace(std::move(*opened));
  }
  FailureOr<OwningOpRef<ModuleOp>> imported =
      importModel(context, *config, checkpoint ? &*checkpoint : nullptr, options.import);
  if (failed(imported))
    return failure();
  module = std::move(*imported);
  (*module)->setAttr(kTargetAttr, makeTargetAttr(&context, costTarget));
  return success();
}

LogicalResult Compilation::verifyImported() {
  PassManager pm(&context);
  if (failed(configure(pm)))
    return failure();
  buildVerifyImportedPipeline(pm);
  return pm.run(*module);
}

LogicalResult Compilation::optimize() {
  OnOneThread guard(context);
  PassManager pm(&context);
  if (failed(configure(pm)))
    return failure();
  buildImportedToOptimizedPipeline(pm, options.optimize);
  return pm.run(*module);
}

LogicalResult Compilation::plan() {
  // The text stages below need no weights: V2's program has 29,000 copies.
  if (options.emit == Stage::Bundle) {
    FailureOr<std::string> text = serializeWeightProgram(*module);
    if (failed(text))
      return failure();
    weightProgramText = std::move(*text);
  }
  OnOneThread guard(context);
  PassManager pm(&context);
  if (failed(configure(pm)))
    return failure();
  buildOptimizedToPlannedPipeline(pm);
  return pm.run(*module);
}

Type Compilation::elementType() {
  auto step = module->lookupSymbol<func::FuncOp>("step");
  for (Type type : step.getArgumentTypes())
    if (getCacheLayout(type))
      return cast<ShapedType>(type).getElementType();
  llvm_unreachable("a step has a cache");
}

Dsv2ModuleDescriptor Compilation::describe() {
  auto attribute = [&](StringRef name) {
    return (*module)->getAttrOfType<IntegerAttr>(name).getInt();
  };
  BatchType batch;
  for (Type type : module->lookupSymbol<func::FuncOp>("step").getArgumentTypes())
    if (auto candidate = dyn_cast<BatchType>(type))
      batch = candidate;
  Dsv2ModuleDescriptor d{};
  d.elementType = elementType().isF32() ? DSV2_F32 : DSV2_BF16;
  d.maxTokens = batch.getTokens();
  d.maxSequences = batch.getSequences();
  d.maxOutputs = batch.getOutputs();
  d.maxSpan = batch.getSpan();
  d.vocabulary = config->vocabSize;
  d.layers = config->layers;
  d.cacheRowElements = config->cacheColumns();
  d.weightCount = weightProgram.weights.size();
  d.arenaBytes = attribute("dsv2.arena_bytes");
  d.barriers = attribute("dsv2.barriers");
  return d;
}

LogicalResult Compilation::writeModule(ModuleOp op) {
  std::string printed;
  llvm::raw_string_ostream os(printed);
  op.print(os);
  os << "\n";
  return check(text->write(printed));
}

LogicalResult Compilation::writeLowered() {
  StringRef variant = targets.front();
  FailureOr<OwningOpRef<ModuleOp>> lowered =
      lowerForVariant(*module, variant, /*toLLVM=*/options.emit != Stage::Lowered, configure);
  if (failed(lowered))
    return failure();
  if (options.emit == Stage::Lowered)
    return writeModule(**lowered);
  FailureOr<std::string> emitted = emitText(**lowered, variant, options.emit);
  return failed(emitted) ? failure() : check(text->write(*emitted));
}

LogicalResult Compilation::addTextFiles(bundle::BundleWriter &writer) {
  for (const TextFile &file : textFiles)
    if (::dsv2::Status status = writer.addSection(file.section, file.contents); !status.ok())
      return fail(status);
  return success();
}

bundle::Manifest Compilation::makeManifest() {
  Dsv2ModuleDescriptor d = describe();
  bundle::Manifest manifest;
  // Not the folder's name: the same checkpoint gives the same bytes anywhere.
  manifest.model = options.name;
  manifest.compiler = "dsv2 " DSV2_VERSION;
  manifest.target = llvm::join(targets, ",");
  manifest.dtype = elementType().isF32() ? "f32" : "bf16";
  manifest.numerics = "fast";
  manifest.cacheLayout = "latent " + std::to_string(config->latentDim) + " after its norm, rotary key " +
                         std::to_string(config->ropeDim) + " in adjacent pairs";
  manifest.dimensions = dimensionsOf(*config);
  manifest.vocabulary = config->vocabSize;
  manifest.bos = config->beginToken;
  manifest.eos = config->endTokens;
  manifest.maxContext = d.maxSpan;
  manifest.maxBatch = d.maxSequences;
  manifest.maxStepTokens = d.maxTokens;
  for (const std::string &target : targets)
    manifest.modules.push_back(moduleVariantOf(target));
  manifest.weights.mode = options.weights;
  manifest.weights.bytes = weightProgram.bytes;
  if (options.weights == bundle::WeightsMode::Random)
    manifest.weights.seed = options.seed;
  manifest.cost = costOf(*module, *config);
  manifest.costTarget = figuresOf(costTarget);
  return manifest;
}

LogicalResult Compilation::writeReports() {
  if (!report && !options.explain)
    return success();
  SmallString<256> path;
  if (llvm::sys::fs::real_path(options.model, path))
    path = options.model;
  Report made = makeReport(*module, costTarget, llvm::sys::path::filename(path), decisions);
  made.memory.module = describe();
  made.memory.maxContext = made.memory.module.maxSpan;
  made.memory.weightBytes = made.weightBytes;
  made.memory.weightsMapped = options.weights != bundle::WeightsMode::Random;
  if (report && failed(check(report->write(writeReport(made)))))
    return failure();
  if (!options.explain)
    return success();
  if (explanation)
    return check(explanation->write(explainReport(made)));
  llvm::errs() << explainReport(made);
  return success();
}

LogicalResult Compilation::writeBundle() {
  ::dsv2::Expected<std::string> launcher = ::dsv2::readFile(options.launcher, 256 << 20);
  if (!launcher.ok())
    return fail(launcher.status());
  SmallVector<std::string> images;
  for (StringRef variant : targets) {
    FailureOr<OwningOpRef<ModuleOp>> lowered = lowerForVariant(*module, variant, /*toLLVM=*/true, configure);
    if (failed(lowered))
      return failure();
    FailureOr<std::string> image = emitImage(**lowered, variant, describe());
    if (failed(image))
      return failure();
    images.push_back(std::move(*image));
  }

  ::dsv2::Expected<bundle::BundleWriter> writer =
      bundle::BundleWriter::create(*executable, std::move(*launcher));
  if (!writer.ok())
    return fail(writer.status());
  for (auto [variant, image] : llvm::zip(targets, images))
    if (failed(check(writer->addSection(bundle::ModulePrefix + variant, image))))
      return failure();
  if (failed(addTextFiles(*writer)) ||
      failed(check(writer->addSection(bundle::WeightProgramSection, weightProgramText))) ||
      failed(check(writer->addSection(bundle::SegmentsSection,
                                      bundle::writeSegmentTable(segmentTableOf(
                                          *module, getReportedWorkloads(*module),
                                          [&](Operation *op, const bundle::Workload &workload) {
                                            return predictOp(op, workload, costTarget);
                                          }))))))
    return failure();

  bundle::Manifest manifest = makeManifest();
  if (options.weights == bundle::WeightsMode::External) {
    manifest.weights.file = llvm::sys::path::filename(weightsFile->path()).str();
    ::dsv2::Expected<bundle::WeightsFileWriter> file =
        bundle::WeightsFileWriter::create(*weightsFile, weightProgram.bytes);
    if (!file.ok())
      return fail(file.status());
    weights::FunctionSink sink([&](int64_t offset, const void *data, int64_t bytes) {
      return file->write(offset, data, bytes);
    });
    if (failed(check(packWeights(weightProgram, *checkpoint, sink, threads()))))
      return failure();
    ::dsv2::Expected<::dsv2::bundle::Hash128> hash = file->finish(threads());
    if (!hash.ok())
      return fail(hash.status());
    manifest.weights.hash = *hash;
  }
  if (failed(check(writer->addSection(bundle::ManifestSection, bundle::writeManifest(manifest)))))
    return failure();
  if (options.weights == bundle::WeightsMode::Embed) {
    weights::FunctionSink sink([&](int64_t offset, const void *data, int64_t bytes) {
      return writer->writeWeights(offset, data, bytes);
    });
    if (failed(check(writer->beginWeights(weightProgram.bytes))) ||
        failed(check(packWeights(weightProgram, *checkpoint, sink, threads()))))
      return failure();
  }
  if (checkpoint && failed(check(checkpoint->checkUnchanged())))
    return failure();
  return check(writer->finish(threads()));
}

LogicalResult Compilation::beginOutputs() {
  auto begin = [&](auto begun, auto &into) -> LogicalResult {
    if (!begun.ok())
      return fail(begun.status());
    into = *begun;
    return success();
  };
  std::string remarksPath;
  if (!options.remarks.empty()) {
    TextOutput *remarks;
    if (failed(begin(outputs.beginText(options.remarks), remarks)))
      return failure();
    remarksPath = remarks->getStreamPath();
  }
  if (!options.report.empty() && failed(begin(outputs.beginText(options.report), report)))
    return failure();
  if (options.explain && !options.explain->empty() &&
      failed(begin(outputs.beginText(*options.explain), explanation)))
    return failure();
  bool reports = report || options.explain;
  if (reports && (options.emit == Stage::Import || options.emit == Stage::Optimized))
    return fail("--report and --explain are about the planned step: expected --emit=planned or a "
                "later stage");
  if ((reports || !remarksPath.empty()) &&
      failed(collectDecisions(context, decisions, remarksPath)))
    return fail(options.remarks + ": remarks cannot be written there");
  if (options.emit != Stage::Bundle)
    return begin(outputs.beginText(options.output), text);
  if (failed(begin(outputs.beginFile(options.output), executable)))
    return failure();
  return options.weights == bundle::WeightsMode::External
             ? begin(outputs.beginCompanion(*executable, "weights"), weightsFile)
             : success();
}

LogicalResult Compilation::resolveMachines() {
  FailureOr<std::vector<std::string>> resolved = resolveTargets(options.targets, loc);
  if (failed(resolved))
    return failure();
  targets = std::move(*resolved);
  FailureOr<TargetModel> machine =
      resolveCostTarget(options.costTarget, options.targets, targets, loc);
  if (failed(machine))
    return failure();
  costTarget = std::move(*machine);
  return success();
}

LogicalResult Compilation::run() {
  LogicalResult result = compile();
  // Writes what is left of the remarks.
  context.setRemarkEngine(nullptr);
  return failed(result) ? failure() : check(outputs.publish());
}

LogicalResult Compilation::compile() {
  if (failed(verifyOptions(options.optimize, [&](const Twine &message) { return fail(message); })) ||
      failed(beginOutputs()))
    return failure();
  if (failed(resolveMachines()) || failed(readModel()))
    return failure();
  if (options.emit == Stage::Import)
    return failed(verifyImported()) ? failure() : writeModule(*module);
  if (failed(optimize()))
    return failure();
  if (options.checkPasses &&
      failed(mlir::dsv2::checkPasses(*module, *config, checkpoint ? &*checkpoint : nullptr, options)))
    return failure();
  if (options.emit == Stage::Optimized)
    return writeModule(*module);
  if (failed(plan()) || failed(writeReports()))
    return failure();
  if (options.emit == Stage::Planned)
    return writeModule(*module);
  if (options.emit != Stage::Bundle)
    return writeLowered();
  ::dsv2::Expected<weights::WeightProgram> parsed = weights::parseWeightProgram(weightProgramText);
  if (!parsed.ok())
    return fail("the weight program is malformed: " + parsed.message());
  weightProgram = std::move(*parsed);
  return writeBundle();
}

} // namespace

LogicalResult mlir::dsv2::compile(MLIRContext &context, const CompileOptions &options,
                            Configure configure) {
  return Compilation(context, options, configure).run();
}
