//===- CpuVariants.h - Which compiled module this CPU runs ------*- C++ -*-===//
//
// A compiled file carries one module for each variant of the CPU, best first,
// each with the features that it needs.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_BUNDLE_CPUVARIANTS_H
#define RUNTIME_BUNDLE_CPUVARIANTS_H

#include "runtime/bundle/Manifest.h"

namespace dsv2::bundle {

/// Whether CPU and kernel provide a feature: a level (x86-64-v3, x86-64-v4) or a
/// name such as avx2 or avx512bf16. Unknown names are not provided.
bool cpuProvides(const std::string &feature);

/// Index of the first module whose features are all provided, or of the one
/// called `forced` unless that is empty. `provides` is cpuProvides but in
/// tests. Errors: no such module, or the CPU lacks what it needs: which feature,
/// and what dsv2-compile can make for it.
Expected<size_t>
selectModule(const std::vector<ModuleVariant> &modules,
             const std::string &forced,
             bool (*provides)(const std::string &) = cpuProvides);

} // namespace dsv2::bundle

#endif // RUNTIME_BUNDLE_CPUVARIANTS_H
