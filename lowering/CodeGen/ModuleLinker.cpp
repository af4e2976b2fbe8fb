//===- ModuleLinker.cpp - An import-free image out of LLVM IR -------------===//
//
// The descriptor holds 32-bit self-relative offsets, which the linker resolves
// for good. lld runs as a library and needs real files.
//
//===----------------------------------------------------------------------===//

#include "lowering/CodeGen/ModuleLinker.h"
#include "lld/Common/Driver.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/Constants.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Signals.h"

LLD_HAS_DRIVER(elf)

using namespace mlir;

static constexpr const char *kDescriptor = "dsv2_module";

LogicalResult dsv2::addModuleDescriptor(llvm::Module &module,
                                        const Dsv2ModuleDescriptor &description, Location loc) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *i32 = llvm::Type::getInt32Ty(context), *i64 = llvm::Type::getInt64Ty(context);
  llvm::Function *step = module.getFunction("dsv2_step");
  if (!step)
    return emitError(loc, "the module has no @dsv2_step");
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && function.hasExternalLinkage())
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);

  SmallVector<llvm::Type *> types(6, i32);
  types.append(11, i64);
  auto *type = llvm::StructType::get(context, types);
  static_assert(sizeof(Dsv2ModuleDescriptor) == 6 * 4 + 11 * 8,
                "the descriptor's fields and this function must agree");
  auto *global = new llvm::GlobalVariable(module, type, /*isConstant=*/true,
                                          llvm::GlobalValue::ExternalLinkage, nullptr, kDescriptor);
  global->setVisibility(llvm::GlobalValue::ProtectedVisibility);
  global->setAlignment(llvm::Align(8));
  auto relative = [&](llvm::Function *function) -> llvm::Constant * {
    if (!function)
      return llvm::ConstantInt::get(i32, 0);
    return llvm::ConstantExpr::getTrunc(
        llvm::ConstantExpr::getSub(llvm::ConstantExpr::getPtrToInt(function, i64),
                                   llvm::ConstantExpr::getPtrToInt(global, i64)),
        i32);
  };
  auto word = [&](uint32_t value) { return llvm::ConstantInt::get(i32, value); };
  auto wide = [&](int64_t value) { return llvm::ConstantInt::get(i64, value); };
  const Dsv2ModuleDescriptor &d = description;
  global->setInitializer(llvm::ConstantStruct::get(
      type, {word(DSV2_ABI_MAGIC), word(DSV2_ABI_VERSION), word(sizeof(Dsv2ModuleDescriptor)),
             relative(step), relative(module.getFunction("dsv2_absorbs")), word(d.elementType),
             wide(d.maxTokens), wide(d.maxSequences), wide(d.maxOutputs), wide(d.maxSpan),
             wide(d.vocabulary), wide(d.layers), wide(d.cacheRowElements), wide(d.weightCount),
             wide(d.arenaBytes), wide(d.scratchBytes), wide(d.barriers)}));
  return success();
}

FailureOr<std::string> dsv2::linkModule(StringRef object, Location loc) {
  SmallString<128> input, output;
  std::error_code error = llvm::sys::fs::createTemporaryFile("dsv2", "o", input);
  if (!error)
    error = llvm::sys::fs::createTemporaryFile("dsv2", "elf", output);
  if (error)
    return emitError(loc, "cannot create a temporary file for the linker: ") << error.message();
  llvm::FileRemover removeInput(input), removeOutput(output);
  llvm::sys::RemoveFileOnSignal(input);
  llvm::sys::RemoveFileOnSignal(output);
  auto forget = llvm::make_scope_exit([&] {
    llvm::sys::DontRemoveFileOnSignal(input);
    llvm::sys::DontRemoveFileOnSignal(output);
  });
  {
    llvm::raw_fd_ostream os(input, error);
    os << object;
    os.close();
    if (os.has_error())
      error = os.error();
    os.clear_error(); // or its destructor ends the process
    if (error)
      return emitError(loc) << input << ": cannot be written for the linker: " << error.message();
  }
  std::string messages;
  llvm::raw_string_ostream log(messages);
  const char *arguments[] = {"ld.lld", "-pie", "--no-dynamic-linker", "-z", "rodynamic", "-z",
                             "norelro", "-z", "separate-code", "-z", "max-page-size=4096", "-z",
                             "defs", "--gc-sections", "--build-id=none", "-e", kDescriptor,
                             input.c_str(), "-o", output.c_str()};
  lld::DriverDef driver[] = {{lld::Gnu, &lld::elf::link}};
  lld::Result result = lld::lldMain(arguments, log, log, driver);
  if (result.retCode != 0)
    return emitError(loc, "linking the generated code failed: ") << StringRef(messages).trim();
  auto image = llvm::MemoryBuffer::getFile(output, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!image)
    return emitError(loc, "cannot read the linked code: ") << image.getError().message();
  return (*image)->getBuffer().str();
}
