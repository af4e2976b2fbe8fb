//===- CpuVariants.cpp - Which compiled module this CPU runs --------------===//
//
// __builtin_cpu_supports asks cpuid and whether the kernel saves the registers.
//
//===----------------------------------------------------------------------===//

#include "runtime/bundle/CpuVariants.h"

#include <initializer_list>
#include <string_view>

namespace dsv2::bundle {

// The builtin takes literals only.
#define FEATURE(name) {name, [] { return __builtin_cpu_supports(name) != 0; }}

static const struct {
  std::string_view name;
  bool (*provided)();
} features[] = {
    FEATURE("x86-64-v3"),  FEATURE("x86-64-v4"),   FEATURE("avx"),
    FEATURE("avx2"),       FEATURE("bmi"),         FEATURE("bmi2"),
    FEATURE("f16c"),       FEATURE("fma"),         FEATURE("lzcnt"),
    FEATURE("movbe"),      FEATURE("avx512f"),     FEATURE("avx512bw"),
    FEATURE("avx512cd"),   FEATURE("avx512dq"),    FEATURE("avx512vl"),
    FEATURE("avx512bf16"),
};

#undef FEATURE

/// What levels are made of, beside the level below.
static const struct {
  std::string_view level;
  std::initializer_list<const char *> parts;
} levels[] = {
    {"x86-64-v3",
     {"avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}},
    {"x86-64-v4",
     {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
};

bool cpuProvides(const std::string &feature) {
  __builtin_cpu_init();
  for (const auto &known : features)
    if (feature == known.name)
      return known.provided();
  return false;
}

using Provides = bool (*)(const std::string &);

/// The first feature of a module that is not provided, or null.
static const std::string *missing(const ModuleVariant &module,
                                  Provides provides) {
  for (const std::string &feature : module.features)
    if (!provides(feature))
      return &feature;
  return nullptr;
}

/// "x86-64-v4 (avx512f)": a level, and the first part of it that is missing.
static std::string describe(const std::string &feature, Provides provides) {
  for (const auto &level : levels)
    if (feature == level.level)
      for (const char *part : level.parts)
        if (!provides(part))
          return feature + " (" + part + ")";
  return feature;
}

/// What a user can do about it.
static std::string advice(Provides provides) {
  for (const char *target : {"x86-64-v4", "x86-64-v3"})
    if (provides(target))
      return "; compile it anew with dsv2-compile --target=" +
             std::string(target);
  return "; dsv2 compiles for CPUs with x86-64-v3 and more: " +
         describe("x86-64-v3", provides) + " is missing here";
}

Expected<size_t> selectModule(const std::vector<ModuleVariant> &modules,
                              const std::string &forced,
                              Provides provides) {
  std::string names;
  for (size_t i = 0; i < modules.size(); ++i) {
    names += (i ? ", " : "") + modules[i].name;
    const std::string *lacks = missing(modules[i], provides);
    if (forced.empty() && !lacks)
      return i;
    if (!forced.empty() && modules[i].name == forced) {
      if (lacks)
        return Status::error("this CPU cannot run the variant " + forced +
                             ": it lacks " + describe(*lacks, provides));
      return i;
    }
  }
  if (!forced.empty())
    return Status::error("no variant " + forced + ": the file carries " +
                         names);
  return Status::error("this CPU runs none of the variants that the file "
                       "carries (" + names + "): it lacks " +
                       describe(*missing(modules.back(), provides), provides) +
                       advice(provides));
}

} // namespace dsv2::bundle
