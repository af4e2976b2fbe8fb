//===- KernelHarness.cpp - Runs the lowering of planned ops ---------------===//
//
// LLJIT around the real pipeline and code generator.
//
//===----------------------------------------------------------------------===//

#include "test/unit/lowering/KernelHarness.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/CPU/LLVMPipeline.h"
#include "lowering/CodeGen/CodeGenerator.h"
#include "lowering/Passes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

using namespace dsv2::test;

TestBatch::TestBatch(llvm::ArrayRef<Sequence> sequences, int64_t absorbed) {
  batch.sequences = sequences.size();
  batch.absorbedSequences = absorbed < 0 ? batch.sequences : absorbed;
  int64_t longest = 1;
  for (const Sequence &s : sequences)
    longest = std::max<int64_t>(longest, s.prefix + s.count);
  batch.pageStride = (longest + DSV2_PAGE_TOKENS - 1) / DSV2_PAGE_TOKENS;
  batch.pages = batch.pageStride * batch.sequences;
  starts.push_back(0);
  for (auto [i, s] : llvm::enumerate(sequences)) {
    for (int32_t j = 0; j < s.count; ++j) {
      positions.push_back(s.prefix + j);
      sequence.push_back(i);
    }
    prefix.push_back(s.prefix);
    starts.push_back(positions.size());
    outputRows.push_back(positions.size() - 1);
  }
  // Coprime with the number of pages: a permutation.
  int64_t step = 7;
  while (std::gcd(step, batch.pages) != 1)
    ++step;
  for (int64_t i = 0; i < batch.pages; ++i)
    pageTable.push_back((i * step + 3) % batch.pages);
  batch.tokens = positions.size();
  batch.outputs = outputRows.size();
  batch.absorbedTokens = starts[batch.absorbedSequences];
  batch.positions = positions.data();
  batch.sequence = sequence.data();
  batch.starts = starts.data();
  batch.prefix = prefix.data();
  batch.pageTable = pageTable.data();
  batch.outputRows = outputRows.data();
}

struct KernelModule::Implementation {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  int64_t scratchBytes = 0;
};

KernelModule::KernelModule(std::unique_ptr<Implementation> implementation)
    : implementation(std::move(implementation)) {}
KernelModule::~KernelModule() = default;

bool KernelModule::hasInstructions(llvm::StringRef variant) {
  if (variant == "avx512bf16")
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl");
  if (variant == "x86-64-v4")
    return __builtin_cpu_supports("x86-64-v4");
  return __builtin_cpu_supports("x86-64-v3");
}

bool KernelModule::runs(llvm::StringRef variant) {
  return hasInstructions(variant == "x86-64-v4" ? "x86-64-v3" : variant);
}

std::unique_ptr<KernelModule> KernelModule::compile(llvm::StringRef text, llvm::StringRef variant) {
  const mlir::dsv2::CPUTarget *found = mlir::dsv2::findCPUTarget(variant);
  if (!found || !runs(variant))
    return nullptr;
  mlir::dsv2::CPUTarget target = *found;
  if (!hasInstructions(variant))
    target.cpu = "x86-64-v3";
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<mlir::dsv2::DSV2Dialect>();
  mlir::MLIRContext context(registry);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return nullptr;
  mlir::PassManager pm(&context);
  mlir::dsv2::ConvertDSV2ToCPUPassOptions options;
  options.variant = variant.str();
  pm.addPass(mlir::dsv2::createConvertDSV2ToCPUPass(options));
  mlir::dsv2::buildCPUToLLVMPipeline(pm);
  if (failed(pm.run(*module)))
    return nullptr;
  auto result = std::make_unique<Implementation>();
  result->scratchBytes =
      module->getOperation()->getAttrOfType<mlir::IntegerAttr>("dsv2.scratch_bytes").getInt();
  auto generator = mlir::dsv2::CodeGenerator::create(target, module->getLoc());
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  auto llvmModule = generator->translate(*module, *llvmContext);
  if (!llvmModule)
    return nullptr;
  llvm::SmallVector<char> object;
  llvm::raw_svector_ostream os(object);
  if (failed(generator->emit(*llvmModule, mlir::dsv2::EmissionKind::Object, os)))
    return nullptr;
  // A module of a compiled file imports nothing, so a call of a library fails here.
  result->jit = llvm::cantFail(llvm::orc::LLJITBuilder()
                                   .setLinkProcessSymbolsByDefault(false)
                                   .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                                   .create());
  llvm::cantFail(result->jit->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()))));
  return std::unique_ptr<KernelModule>(new KernelModule(std::move(result)));
}

namespace {
struct Barrier {
  std::atomic<int> arrived{0}, phase{0};
  int threads = 1;
};
void waitAtBarrier(Dsv2Context *context, int64_t) {
  auto *barrier = static_cast<Barrier *>(context->runtime);
  int phase = barrier->phase.load();
  if (barrier->arrived.fetch_add(1) + 1 == barrier->threads) {
    barrier->arrived = 0;
    barrier->phase = phase + 1;
  } else {
    while (barrier->phase.load() == phase)
      std::this_thread::yield();
  }
}
} // namespace

void KernelModule::call(llvm::StringRef name, const Dsv2Batch &batch,
                        llvm::ArrayRef<void *> buffers, int threads) {
  auto address = llvm::cantFail(implementation->jit->lookup(name));
  Barrier barrier;
  barrier.threads = threads;
  Dsv2Functions functions{waitAtBarrier};
  int64_t scratch = implementation->scratchBytes;
  char *memory = static_cast<char *>(std::aligned_alloc(64, scratch * threads + 64));
  // NaN in every type: what is read must have been written.
  std::memset(memory, 0xff, scratch * threads + 64);
  Dsv2Context context{};
  context.functions = &functions;
  context.batch = &batch;
  context.scratch = reinterpret_cast<uint8_t *>(memory);
  context.runtime = &barrier;
  auto run = [&](int64_t thread) {
    void *const *p = buffers.data();
    Dsv2Context *c = &context;
    auto f = [&]<typename... Ts>(Ts... args) {
      address.toPtr<void (*)(Dsv2Context *, int64_t, int64_t, Ts...)>()(c, thread, threads, args...);
    };
    auto pass = [&]<size_t... I>(std::index_sequence<I...>) { f(p[I]...); };
    auto dispatch = [&]<size_t... N>(std::index_sequence<N...>) {
      return ((buffers.size() == N && (pass(std::make_index_sequence<N>()), true)) || ...);
    };
    constexpr size_t most = 24;
    if (!dispatch(std::make_index_sequence<most + 1>()))
      std::abort();
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(run, i);
  run(0);
  for (std::thread &thread : others)
    thread.join();
  // Nothing may be written behind the scratch of the last thread.
  for (int i = 0; i < 64; ++i)
    if (uint8_t(memory[scratch * threads + i]) != 0xff)
      std::abort();
  std::free(memory);
}

int64_t KernelModule::absorbs(int64_t tokens, int64_t prefix, int64_t batch) {
  auto address = llvm::cantFail(implementation->jit->lookup("dsv2_absorbs"));
  return address.toPtr<Dsv2Absorbs>()(tokens, prefix, batch);
}

uint16_t dsv2::test::toBF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
float dsv2::test::fromBF16(uint16_t value) {
  uint32_t bits = uint32_t(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
