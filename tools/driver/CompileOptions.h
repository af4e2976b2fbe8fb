//===- CompileOptions.h - What dsv2-compile was asked for -------*- C++ -*-===//
//
// The options of one compilation, as values.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_COMPILEOPTIONS_H
#define TOOLS_DRIVER_COMPILEOPTIONS_H

#include "frontend/Import.h"
#include "passes/Pipelines.h"
#include "runtime/bundle/Manifest.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::dsv2 {

/// Stages of the compiler, in order; compilation can end at any.
enum class Stage { Import, Optimized, Planned, Lowered, LLVM, Assembly, Bundle };

struct CompileOptions {
  std::string model;  // a Hugging Face directory
  std::string name = "deepseek_v2"; // what `info` calls it
  std::string output; // path; "-" for standard output (all stages but Bundle)
  Stage emit = Stage::Bundle;
  /// CPU variants; `native` stands for the best that this machine runs.
  std::vector<std::string> targets{"native", "x86-64-v3"};
  ImportOptions import;
  /// Layers to keep of the configuration's; zero: all.
  int64_t layers = 0;
  OptimizeOptions optimize;
  bool checkPasses = false; // interpret the model between passes
  ::dsv2::bundle::WeightsMode weights = ::dsv2::bundle::WeightsMode::Embed;
  uint64_t seed = 0;     // of random weights
  std::string launcher;  // path of the launcher's ELF image
  std::string chatTemplate; // file instead of the model's template; empty: none
  /// The machine that decisions are made for: a built-in one or a file; empty:
  /// as `targets` says.
  std::string costTarget;
  std::string remarks;   // YAML file of remarks; empty: none
  std::string report;    // JSON file of predictions and decisions; empty: none
  /// The same for reading: a file, or standard error ("").
  std::optional<std::string> explain;
  int threads = 0;       // zero: all
};

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_COMPILEOPTIONS_H
