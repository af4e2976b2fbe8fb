//===- RemarkCollector.h - Decisions of passes, kept ------------*- C++ -*-===//
//
// Receives the remarks of a compilation: for the report, and for the YAML file
// where one is asked for.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_REMARKCOLLECTOR_H
#define TOOLS_DRIVER_REMARKCOLLECTOR_H

#include "mlir/IR/MLIRContext.h"
#include <string>
#include <vector>

namespace mlir::dsv2 {

/// What a pass decided.
struct Decision {
  std::string pass, name;
  std::string kind; // passed; missed, where something was left; analysis
  std::string text;

  bool operator==(const Decision &) const = default;
};

/// Lets `decisions` receive the remarks of dsv2 passes until the context's
/// engine is replaced; equal ones once. Also writes them to the file at
/// `yamlPath`, where that is not empty. `decisions` outlives the engine. Errors:
/// the file cannot be written.
LogicalResult collectDecisions(MLIRContext &context, std::vector<Decision> &decisions,
                               const std::string &yamlPath);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_REMARKCOLLECTOR_H
