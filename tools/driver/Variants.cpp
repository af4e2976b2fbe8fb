//===- Variants.cpp - The variants of code that --target asks for ---------===//

#include "tools/driver/Variants.h"
#include "lowering/CPU/CPUTarget.h"
#include "mlir/IR/Diagnostics.h"
#include "runtime/bundle/CpuVariants.h"
#include "tools/driver/ManifestOf.h"

using namespace mlir;
using namespace mlir::dsv2;
namespace bundle = ::dsv2::bundle;

FailureOr<std::vector<std::string>> mlir::dsv2::resolveTargets(ArrayRef<std::string> targets,
                                                               Location loc) {
  ArrayRef<CPUTarget> known = getCPUTargets(); // from the most portable to the best
  auto runs = [](const CPUTarget &target) {
    return llvm::all_of(moduleVariantOf(target.name).features, bundle::cpuProvides);
  };
  std::vector<bool> wanted(known.size());
  for (StringRef name : targets) {
    // CPUs by name stand for the best variant that they run.
    if (name == "znver4" || name == "znver5" || name == "sapphirerapids")
      name = "avx512bf16";
    int found = -1;
    for (auto [i, target] : llvm::enumerate(known))
      if (name == "native" ? runs(target) : name == target.name)
        found = i;
    if (found < 0 && name == "native")
      return emitError(loc, "--target=native: this CPU runs none of the variants; the least is ")
             << known.front().name;
    if (found < 0) {
      InFlightDiagnostic diag = emitError(loc, "--target: expected native");
      for (const CPUTarget &target : known)
        diag << ", " << target.name;
      return diag << " or znver4, got \"" << name << "\"";
    }
    wanted[found] = true;
  }
  std::vector<std::string> result;
  for (size_t i = known.size(); i-- > 0;)
    if (wanted[i])
      result.push_back(known[i].name.str());
  if (result.empty())
    return emitError(loc, "--target: expected a variant, got an empty list");
  return result;
}
