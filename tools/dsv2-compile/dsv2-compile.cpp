//===- dsv2-compile.cpp - The compiler's command line ---------------------===//
//
// Reads options, calls the driver, prints diagnostics as one line each.
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "tools/driver/Compiler.h"
#include "tools/registration/Registration.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace cl = llvm::cl;
using ::dsv2::bundle::WeightsMode;

namespace {

cl::OptionCategory category("dsv2-compile options");

cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("MODEL_DIR"), cl::cat(category));
cl::opt<std::string> output("o", cl::desc("File to write (- for text on standard output)"),
                            cl::value_desc("file"), cl::cat(category));
cl::opt<std::string> name("name", cl::init("deepseek_v2"), cl::value_desc("text"),
                          cl::cat(category),
                          cl::desc("What `info` calls the model (deepseek_v2)"));
cl::opt<Stage> emit(
    "emit", cl::desc("Stage to stop at:"), cl::init(Stage::Bundle), cl::cat(category),
    cl::values(clEnumValN(Stage::Import, "import", "the model as the paper says it"),
               clEnumValN(Stage::Optimized, "optimized", "after the optimizing passes"),
               clEnumValN(Stage::Planned, "planned", "buffers in one arena, barriers"),
               clEnumValN(Stage::Lowered, "lowered", "loops and vectors of the best variant"),
               clEnumValN(Stage::LLVM, "llvm", "LLVM IR of the best variant"),
               clEnumValN(Stage::Assembly, "asm", "assembly of the best variant"),
               clEnumValN(Stage::Bundle, "bundle", "the executable")));
cl::list<std::string> targets("target", cl::CommaSeparated, cl::value_desc("list"),
                              cl::desc("CPU variants: native, x86-64-v3, x86-64-v4, avx512bf16 "
                                       "(default: native,x86-64-v3)"),
                              cl::cat(category));
cl::opt<ComputeType> dtype(
    "dtype", cl::desc("Type of weights, activations and cache:"), cl::init(ComputeType::Auto),
    cl::cat(category),
    cl::values(clEnumValN(ComputeType::Auto, "auto", "the checkpoint's (f16 becomes bf16)"),
               clEnumValN(ComputeType::BF16, "bf16", ""), clEnumValN(ComputeType::F32, "f32", "")));
cl::opt<int64_t> maxContext("max-context", cl::init(0), cl::cat(category),
                            cl::desc("Most tokens of a sequence (default: max_position_embeddings)"));
cl::opt<int64_t> maxBatch("max-batch", cl::init(64), cl::cat(category),
                          cl::desc("Most sequences of a step (64)"));
cl::opt<int64_t> maxStepTokens("max-step-tokens", cl::init(512), cl::cat(category),
                               cl::desc("Most new tokens of a step (512)"));
cl::opt<int64_t> layers("layers", cl::init(0), cl::cat(category),
                        cl::desc("Keep the first N layers only, for experiments"));
cl::opt<std::string> weightsOption(
    "weights", cl::init("embed"), cl::value_desc("embed|external|random[:SEED]"), cl::cat(category),
    cl::desc("Where weights go; random needs config.json only"));
cl::opt<AttentionForm> attention(
    "attention", cl::desc("Form of attention:"), cl::init(AttentionForm::Auto), cl::cat(category),
    cl::values(clEnumValN(AttentionForm::Auto, "auto", "by cost"),
               clEnumValN(AttentionForm::Split, "split", "by sequence"),
               clEnumValN(AttentionForm::Factored, "factored", "absorbed"),
               clEnumValN(AttentionForm::Merged, "merged", "absorbed, projections merged"),
               clEnumValN(AttentionForm::Expanded, "expanded", "keys and values rebuilt")));
cl::opt<ProjectionForm> attentionQuery(
    "attention-query", cl::desc("How an absorbed form alone applies W_UK:"),
    cl::init(ProjectionForm::Auto), cl::cat(category),
    cl::values(clEnumValN(ProjectionForm::Auto, "auto", "by cost"),
               clEnumValN(ProjectionForm::Factored, "factored", "by itself"),
               clEnumValN(ProjectionForm::Merged, "merged", "within the query's projection")));
cl::opt<ProjectionForm> attentionOutput(
    "attention-output", cl::desc("How an absorbed form alone applies W_UV:"),
    cl::init(ProjectionForm::Auto), cl::cat(category),
    cl::values(clEnumValN(ProjectionForm::Auto, "auto", "by cost"),
               clEnumValN(ProjectionForm::Factored, "factored", "by itself"),
               clEnumValN(ProjectionForm::Merged, "merged", "within the output's projection")));
cl::opt<int64_t> attentionThreshold(
    "attention-threshold", cl::init(-1), cl::value_desc("tokens"), cl::cat(category),
    cl::desc("New tokens up to which a sequence is absorbed (default: by predicted time)"));
cl::opt<int64_t> unsortedTokens(
    "unsorted-tokens", cl::init(-1), cl::value_desc("tokens"), cl::cat(category),
    cl::desc("Most tokens of a step that go to their experts unsorted (0: none; by default by "
             "cost)"));
cl::list<std::string> disabled("disable", cl::CommaSeparated, cl::value_desc("pass,..."),
                               cl::desc("Optimizations to leave out"), cl::cat(category));
// Acts while options are parsed, as --version does: MODEL_DIR is not needed.
cl::opt<bool> listOptimizations(
    "list-optimizations", cl::ValueDisallowed, cl::cat(category),
    cl::desc("Print what --disable takes, one a line"), cl::callback([](const bool &) {
      for (StringRef name : getOptimizations())
        llvm::outs() << name << "\n";
      exit(0);
    }));
cl::opt<bool> checkPasses("check-passes", cl::cat(category),
                          cl::desc("Interpret the model, or a twin of small widths, before and "
                                   "after each pass, and refuse to compile where it differs"));
cl::opt<bool> probes("probes", cl::cat(category),
                     cl::desc("Name the values that passes are compared by (dsv2.probe), for "
                              "dsv2-opt --dsv2-check-equivalence"));
cl::opt<std::string> chatTemplate("chat-template", cl::value_desc("file.jinja"), cl::cat(category),
                                  cl::desc("Chat template to carry instead of the model's"));
cl::opt<std::string> costTarget(
    "cost-target", cl::value_desc("name|file"), cl::cat(category),
    cl::desc("Machine that decisions are made for: a built-in one, or a file of `bench "
             "--write-target` (default: as --target says)"));
cl::opt<std::string> report("report", cl::value_desc("file.json"), cl::cat(category),
                            cl::desc("Write predictions for each op, memory and decisions"));
cl::opt<std::string> explain("explain", cl::ValueOptional, cl::value_desc("file"),
                             cl::cat(category),
                             cl::desc("The same for reading (default: on standard error)"));
cl::opt<std::string> remarks("remarks", cl::value_desc("file.yaml"), cl::cat(category),
                             cl::desc("Write what each pass decided, and why"));
cl::opt<bool> verifyEach("verify-each", cl::init(true), cl::cat(category),
                         cl::desc("Verify the module after each pass (default: true)"));
cl::opt<int> threadCount("j", cl::init(0), cl::cat(category),
                         cl::desc("Threads that pack weights (default: all)"));

cl::extrahelp examples(
    "\nEXAMPLES:\n"
    "  dsv2-compile DeepSeek-V2-Lite -o chat\n"
    "  dsv2-compile DeepSeek-V2-Lite --target=x86-64-v3 --weights=external -o portable\n"
    "  dsv2-compile DeepSeek-V2-Lite --weights=random --emit=optimized -o optimized.mlir\n");

/// One line, whatever names and values of files are part of it.
std::string oneLine(std::string text) {
  constexpr size_t most = 2000;
  if (text.size() > most)
    text = text.substr(0, most) + "...";
  for (char &c : text)
    if (llvm::isASCII(c) && !llvm::isPrint(c))
      c = '?';
  return text;
}

/// One line on stderr, exit status 1.
int fail(const Twine &message) {
  llvm::errs() << "dsv2-compile: " << message << "\n";
  return 1;
}

/// Parses `--weights`.
bool parseWeights(StringRef text, CompileOptions &options) {
  if (text == "embed")
    options.weights = WeightsMode::Embed;
  else if (text == "external")
    options.weights = WeightsMode::External;
  else if (text.consume_front("random"))
    options.weights = WeightsMode::Random;
  else
    return false;
  if (options.weights != WeightsMode::Random)
    return true;
  return text.empty() || (text.consume_front(":") && !text.getAsInteger(10, options.seed));
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerPassManagerCLOptions();
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  registerDefaultTimingManagerCLOptions();
  cl::SetVersionPrinter([](raw_ostream &os) { os << "dsv2-compile " DSV2_VERSION "\n"; });
  std::string usage;
  llvm::raw_string_ostream usageStream(usage);
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "compiles a Hugging Face DeepSeek-V2 checkpoint to one executable\n\n"
          "  dsv2-compile MODEL_DIR -o chat\n",
          &usageStream)) {
    // What follows the first line are guesses.
    llvm::errs() << oneLine(StringRef(usage).split('\n').first.str()) << "\n";
    return 1;
  }

  CompileOptions options;
  options.model = model;
  options.name = name;
  options.emit = emit;
  options.output = output.empty() && emit != Stage::Bundle ? "-" : output.getValue();
  if (options.output.empty())
    return fail("expected -o FILE");
  if (options.output == "-" && emit == Stage::Bundle)
    return fail("an executable cannot go to standard output: expected -o FILE");
  if (!targets.empty())
    options.targets.assign(targets.begin(), targets.end());
  options.import.type = dtype;
  for (auto [name, value, into] :
       {std::tuple("--max-context", maxContext.getValue(), &options.import.maxContext),
        std::tuple("--max-batch", maxBatch.getValue(), &options.import.maxBatch),
        std::tuple("--max-step-tokens", maxStepTokens.getValue(), &options.import.maxStepTokens),
        std::tuple("--layers", layers.getValue(), &options.layers)}) {
    bool mayBeZero = StringRef(name) == "--max-context" || StringRef(name) == "--layers";
    if (value < (mayBeZero ? 0 : 1) || value > (int64_t(1) << 31) - 1)
      return fail(Twine(name) + ": expected a positive number below 2^31, got " + Twine(value));
    *into = value;
  }
  if (!parseWeights(weightsOption, options))
    return fail("--weights: expected embed, external or random[:SEED], got \"" + weightsOption + "\"");
  options.optimize = {attention, attentionQuery, attentionOutput, attentionThreshold,
                      unsortedTokens, {disabled.begin(), disabled.end()}};
  options.checkPasses = checkPasses;
  options.import.probes = probes;
  options.threads = threadCount;
  options.chatTemplate = chatTemplate;
  options.remarks = remarks;
  options.costTarget = costTarget;
  options.report = report;
  if (explain.getNumOccurrences())
    options.explain = explain;
  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&main));
  SmallString<256> launcher(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(launcher, "dsv2-launcher");
  options.launcher = launcher.str().str();

  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  // Errors are one line each; the location says where when there is one. Notes are about what was made, so
  // they wait until it is: an error stands alone.
  std::vector<std::string> notes;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    std::string line;
    llvm::raw_string_ostream text(line);
    if (!isa<UnknownLoc>(diagnostic.getLocation()))
      text << diagnostic.getLocation() << ": ";
    text << oneLine(diagnostic.str()) << "\n";
    if (isError)
      llvm::errs() << "dsv2-compile: " << line;
    else
      notes.push_back(line);
    return success();
  });
  DefaultTimingManager timing;
  applyDefaultTimingManagerCLOptions(timing);
  TimingScope scope = timing.getRootScope();
  LogicalResult result = compile(context, options, [&](PassManager &pm) {
    pm.enableTiming(scope);
    pm.enableVerifier(verifyEach);
    return applyPassManagerCLOptions(pm);
  });
  if (succeeded(result))
    for (const std::string &note : notes)
      llvm::errs() << "dsv2-compile: note: " << note;
  return failed(result);
}
