//===- CpuVariants.cpp - Which compiled module this CPU runs --------------===//
//
// __builtin_cpu_supports asks cpuid and whether the kernel saves the registers.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/CpuVariants.h"

namespace dsv2::bundle {

bool cpuProvides(const std::string &feature) {
  __builtin_cpu_init();
  // The builtin takes literals only.
  if (feature == "x86-64-v2")
    return __builtin_cpu_supports("x86-64-v2");
  if (feature == "x86-64-v3")
    return __builtin_cpu_supports("x86-64-v3");
  if (feature == "x86-64-v4")
    return __builtin_cpu_supports("x86-64-v4");
  if (feature == "avx512bf16")
    return __builtin_cpu_supports("avx512bf16");
  if (feature == "avx512vnni")
    return __builtin_cpu_supports("avx512vnni");
  if (feature == "avx512vbmi")
    return __builtin_cpu_supports("avx512vbmi");
  return false;
}

/// The first feature of a module that is not provided, or null.
static const std::string *missing(const ModuleVariant &module,
                                  bool (*provides)(const std::string &)) {
  for (const std::string &feature : module.features)
    if (!provides(feature))
      return &feature;
  return nullptr;
}

Expected<size_t> selectModule(const std::vector<ModuleVariant> &modules,
                              const std::string &forced,
                              bool (*provides)(const std::string &)) {
  std::string names;
  for (size_t i = 0; i < modules.size(); ++i) {
    names += (i ? ", " : "") + modules[i].name;
    const std::string *lacks = missing(modules[i], provides);
    if (forced.empty() && !lacks)
      return i;
    if (!forced.empty() && modules[i].name == forced) {
      if (lacks)
        return Status::error("this CPU cannot run the variant " + forced +
                             ": it lacks " + *lacks);
      return i;
    }
  }
  if (!forced.empty())
    return Status::error("no variant " + forced + ": the file carries " +
                         names);
  return Status::error("this CPU runs none of the variants that the file "
                       "carries (" + names + "): it lacks " +
                       *missing(modules.back(), provides));
}

} // namespace dsv2::bundle
