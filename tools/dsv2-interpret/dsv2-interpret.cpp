//===- dsv2-interpret.cpp - Runs a module by reference semantics ----------===//
//
// Evaluates `@step` of a module at any stage above loops on one sequence; writes
// the logits of every position, as a compiled file's `logits` does, or statistics
// of every value. docs/Interpreter.md says what it takes.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/StepSession.h"
#include "frontend/Import.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Parser/Parser.h"
#include "runtime/io/SafetensorsWriter.h"
#include "tools/dsv2-interpret/CheckpointReader.h"
#include "tools/dsv2-interpret/Trace.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

static llvm::cl::OptionCategory category("dsv2-interpret options");
static llvm::cl::opt<std::string>
    moduleName(llvm::cl::Positional, llvm::cl::cat(category),
               llvm::cl::desc("[MODULE.mlir] (default: the checkpoint, imported)"));
static llvm::cl::opt<std::string>
    checkpointName("checkpoint", llvm::cl::value_desc("DIR"), llvm::cl::cat(category),
                   llvm::cl::desc("Hugging Face directory; config.json alone is read of it where "
                                  "weights are random"));
static llvm::cl::opt<std::string>
    weightsOption("weights", llvm::cl::init("checkpoint"), llvm::cl::cat(category),
                  llvm::cl::value_desc("checkpoint|random[:SEED]"),
                  llvm::cl::desc("where weights come from (checkpoint)"));
static llvm::cl::opt<std::string>
    weightProgram("weight-program", llvm::cl::value_desc("MODULE.mlir"), llvm::cl::cat(category),
                  llvm::cl::desc("module that holds the weight program, where the step's "
                                 "does not any more"));
static llvm::cl::list<int32_t> tokens("tokens", llvm::cl::CommaSeparated, llvm::cl::Required,
                                      llvm::cl::value_desc("IDS"), llvm::cl::cat(category),
                                      llvm::cl::desc("comma-separated ids"));
static llvm::cl::opt<Precision> precision(
    "precision", llvm::cl::init(Precision::F64), llvm::cl::cat(category),
    llvm::cl::desc("arithmetic"),
    llvm::cl::values(clEnumValN(Precision::F64, "f64", "nothing is rounded"),
                     clEnumValN(Precision::Model, "model",
                                "rounds where the released code does")));
static llvm::cl::opt<int64_t> chunk("chunk", llvm::cl::init(0), llvm::cl::value_desc("K"),
                                    llvm::cl::cat(category),
                                    llvm::cl::desc("tokens of a step (default: the maximum)"));
enum class Attention { Auto, Absorbed, Expanded };
static llvm::cl::opt<Attention> attention(
    "attention", llvm::cl::init(Attention::Auto), llvm::cl::cat(category),
    llvm::cl::desc("form of attention, where the module splits a step by it"),
    llvm::cl::values(clEnumValN(Attention::Auto, "auto", "as the module decides"),
                     clEnumValN(Attention::Absorbed, "absorbed", "over latents"),
                     clEnumValN(Attention::Expanded, "expanded", "over keys and values")));
static llvm::cl::opt<TraceFormat> traceFormat(
    "trace", llvm::cl::init(TraceFormat::None), llvm::cl::ValueOptional, llvm::cl::cat(category),
    llvm::cl::desc("statistics of every value, a line each"),
    llvm::cl::values(clEnumValN(TraceFormat::Text, "text", "to read"),
                     clEnumValN(TraceFormat::Text, "", "to read"),
                     clEnumValN(TraceFormat::Json, "json", "one JSON object a line")));
static llvm::cl::opt<std::string>
    traceOutput("trace-output", llvm::cl::init("-"), llvm::cl::value_desc("FILE"),
                llvm::cl::cat(category),
                llvm::cl::desc("where the trace goes (standard output)"));
static llvm::cl::opt<std::string> output("o", llvm::cl::value_desc("FILE"), llvm::cl::cat(category),
                                         llvm::cl::desc("safetensors file of the logits"));

static llvm::cl::extrahelp examples(
    "\nEXAMPLES:\n"
    "  dsv2-interpret --checkpoint DeepSeek-V2-Lite --tokens 1,2,3 -o logits.safetensors\n"
    "  dsv2-interpret --checkpoint DeepSeek-V2-Lite --tokens 1,2,3 --precision model --trace\n");

/// Weights that are kept between steps; the rest is read or made again, so that
/// the memory of a large model is that of its largest layer.
static constexpr int64_t kKeptWeightBytes = int64_t(1) << 30;

/// Prints one line; the exit status of a failure.
static int fail(const Twine &message) {
  llvm::errs() << "dsv2-interpret: " << message << "\n";
  return 1;
}

/// The seed of `--weights=random[:SEED]`; nothing when it does not say so.
static std::optional<uint64_t> parseSeed(StringRef text) {
  uint64_t seed = 0;
  if (!text.consume_front("random"))
    return std::nullopt;
  if (text.empty() || (text.consume_front(":") && !text.getAsInteger(10, seed)))
    return seed;
  return std::nullopt;
}

/// The module of a file; diagnostics print themselves.
static OwningOpRef<ModuleOp> parse(MLIRContext &context, const std::string &name) {
  return parseSourceFile<ModuleOp>(name, &context);
}

/// The imported stage of the directory; `checkpoint` is null for random weights.
static OwningOpRef<ModuleOp> import(MLIRContext &context, const ::dsv2::Checkpoint *checkpoint) {
  ::dsv2::Expected<ModelConfig> config = loadModelConfig(checkpointName);
  if (!config.ok()) {
    fail(config.message());
    return {};
  }
  auto module = importModel(context, *config, checkpoint);
  return succeeded(module) ? std::move(*module) : OwningOpRef<ModuleOp>();
}

/// Writes `logits`, f32 [rows, columns].
static ::dsv2::Status write(const std::vector<float> &logits, int64_t rows, int64_t columns) {
  auto writer = ::dsv2::SafetensorsWriter::create(
      output, {{"logits", ::dsv2::DType::F32, {rows, columns}}});
  if (!writer.ok())
    return writer.status();
  if (::dsv2::Status status = writer->append(logits.data(), logits.size() * sizeof(float));
      !status.ok())
    return status;
  return writer->finish();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::HideUnrelatedOptions(category);
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "dsv2-interpret " DSV2_VERSION "\n"; });
  llvm::cl::ParseCommandLineOptions(argc, argv, "evaluates a dsv2 module by reference semantics\n");
  DialectRegistry registry;
  registry.insert<DSV2Dialect, affine::AffineDialect, arith::ArithDialect, func::FuncDialect,
                  memref::MemRefDialect, tensor::TensorDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);

  std::optional<uint64_t> seed = parseSeed(weightsOption);
  if (!seed && weightsOption != "checkpoint")
    return fail("--weights: expected checkpoint or random[:SEED], got \"" + weightsOption + "\"");
  if (checkpointName.empty() && (!seed || moduleName.empty()))
    return fail("expected --checkpoint DIR");
  if (output.empty() && traceFormat == TraceFormat::None)
    return fail("expected -o FILE or --trace");
  std::optional<::dsv2::Checkpoint> checkpoint;
  if (!seed) {
    ::dsv2::Expected<::dsv2::Checkpoint> opened = ::dsv2::Checkpoint::open(checkpointName);
    if (!opened.ok())
      return fail(opened.message());
    checkpoint.emplace(std::move(*opened));
  }
  OwningOpRef<ModuleOp> module = moduleName.empty()
                                     ? import(context, checkpoint ? &*checkpoint : nullptr)
                                     : parse(context, moduleName);
  if (!module)
    return 1;
  auto step = module->lookupSymbol<func::FuncOp>("step");
  if (!step)
    return fail("the module has no function @step");

  OwningOpRef<ModuleOp> separate;
  if (!weightProgram.empty() && !(separate = parse(context, weightProgram)))
    return 1;
  ModuleOp program = separate ? *separate : *module;

  std::error_code error;
  llvm::raw_fd_ostream traceStream(traceFormat == TraceFormat::None ? "-" : traceOutput.getValue(), error);
  if (error)
    return fail(traceOutput + ": cannot be written: " + error.message());
  Trace trace(traceFormat, traceStream, *module, program);
  InterpreterOptions options;
  options.precision = precision;
  options.keptWeightBytes = kKeptWeightBytes;
  options.readCheckpoint = [&](CheckpointOp op) {
    return seed ? readRandom(op, *seed) : readCheckpoint(op, *checkpoint);
  };
  if (traceFormat != TraceFormat::None) {
    options.observe = [&](Operation *op, ArrayRef<HostArray> results) { trace.see(op, results); };
    options.probe = [&](ProbeOp op, std::optional<int64_t> layer, const HostArray &value) {
      trace.seeProbe(op, layer, value);
    };
  }
  Interpreter interpreter(*module, options);
  if (failed(interpreter.useWeightProgram(program)))
    return 1;

  int64_t count = tokens.size();
  FailureOr<StepSession> session =
      StepSession::create(interpreter, step, llvm::divideCeil(count, 64));
  if (failed(session))
    return 1;
  BatchType type = session->batchType();
  int64_t width = std::min(type.getTokens(), type.getOutputs());
  if (chunk < 0 || chunk > width)
    return fail("--chunk: expected 1 to " + Twine(width) + ", got " + Twine(chunk));
  if (chunk)
    width = chunk;
  std::vector<float> logits;
  int64_t columns = 0;
  for (int64_t begin = 0; begin < count; begin += width) {
    trace.beginStep(begin / width);
    int64_t length = std::min(width, count - begin);
    FailureOr<bool> absorbed = attention == Attention::Absorbed;
    if (attention == Attention::Auto)
      absorbed = session->absorbs(length, begin);
    if (failed(absorbed))
      return 1;
    BatchValue batch = makeBatch(begin, length, count, *absorbed ? 1 : 0);
    FailureOr<StepOutput> part =
        session->run(ArrayRef<int32_t>(&tokens[begin], length), batch);
    if (failed(part))
      return 1;
    columns = part->logits.size(1);
    std::vector<double> values = part->logits.flatten();
    logits.insert(logits.end(), values.begin(), values.end());
  }
  traceStream.flush();
  if (traceStream.has_error()) {
    std::string reason = traceStream.error().message();
    traceStream.clear_error();
    return fail(traceOutput + ": cannot be written: " + reason);
  }
  if (output.empty())
    return 0;
  if (::dsv2::Status status = write(logits, count, columns); !status.ok())
    return fail(status.message());
  return 0;
}
