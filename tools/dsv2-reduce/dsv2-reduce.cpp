//===- dsv2-reduce.cpp - The smallest module that still goes wrong --------===//
//
//   dsv2-reduce --pipeline=PASSES [--opt=PROGRAM] FILE.mlir -o OUT.mlir
//
// shrinks FILE while the numbers that @step computes change under PASSES, as
// PROGRAM (dsv2-opt) --dsv2-check-equivalence finds. Any other condition is a
// script given to the passes of mlir-reduce, which all are here.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/StringSaver.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "mlir/Transforms/Passes.h"
#include "tools/dsv2-reduce/BypassOps.h"
#include "tools/registration/Registration.h"

using namespace mlir;

static llvm::cl::extrahelp examples(
    "\nOPTIONS OF dsv2-reduce:\n"
    "  --pipeline=<passes>  Shrink while these passes change the numbers that @step computes\n"
    "  --opt=<program>      The dsv2-opt that judges (default: the one beside this program)\n"
    "\nEXAMPLES:\n"
    "  dsv2-compile DeepSeek-V2-Lite --emit=import -o model.mlir\n"
    "  dsv2-reduce model.mlir --dsv2-bypass-ops=test=./interesting.sh -o small.mlir\n"
    "\n./interesting.sh FILE exits with 1 while the file is interesting.\n");

namespace {

/// A response file for the judge, removed at the end.
class JudgeArguments {
public:
  ~JudgeArguments() {
    if (!path.empty())
      llvm::sys::fs::remove(path);
  }

  bool write(StringRef pipeline) {
    int file;
    if (llvm::sys::fs::createTemporaryFile("dsv2-reduce", "rsp", file, path))
      return false;
    llvm::raw_fd_ostream os(file, /*shouldClose=*/true);
    // GNU quoting: one argument a line, in double quotes.
    auto quote = [&](const Twine &text) {
      os << '"';
      for (char c : text.str())
        os << (c == '"' || c == '\\' ? "\\" : "") << c;
      os << "\"\n";
    };
    quote("--dsv2-judge-divergence");
    quote("--pass-pipeline=" + pipeline);
    quote("-o");
    quote("/dev/null");
    return !os.has_error();
  }

  SmallString<128> path;
};

} // namespace

int main(int argc, char **argv) {
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &os) { os << "dsv2-reduce " DSV2_VERSION "\n"; });
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver saver(allocator);
  std::string self = llvm::sys::fs::getMainExecutable(argv[0], reinterpret_cast<void *>(&main));
  SmallString<256> judge(llvm::sys::path::parent_path(self));
  llvm::sys::path::append(judge, "dsv2-opt");
  StringRef pipeline;
  SmallVector<char *> arguments;
  for (char *argument : ArrayRef(argv, argc)) {
    StringRef text(argument);
    text.consume_front("-");
    if (text.consume_front("-pipeline="))
      pipeline = text;
    else if (text.consume_front("-opt="))
      judge = text;
    else
      arguments.push_back(argument);
  }
  JudgeArguments file;
  if (!pipeline.empty()) {
    if (!file.write(pipeline)) {
      llvm::errs() << "dsv2-reduce: no temporary file can be written\n";
      return 1;
    }
    std::string test = ("test=" + judge + " test-arg=@" + file.path).str();
    auto add = [&](const Twine &argument) {
      arguments.push_back(const_cast<char *>(saver.save(argument).data()));
    };
    add("--dsv2-bypass-ops=" + test);
    // What a reduced step no longer calls or uses goes.
    add("--opt-reduction-pass=opt-pass=symbol-dce " + test);
    add("--opt-reduction-pass=opt-pass=canonicalize " + test);
  }

  DialectRegistry registry;
  dsv2::registerDialects(registry);
  dsv2::registerBypassOpsPass();
  registerTransformsPasses();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadDialect<dsv2::DSV2Dialect, func::FuncDialect>();
  return failed(mlirReduceMain(int(arguments.size()), arguments.data(), context));
}
