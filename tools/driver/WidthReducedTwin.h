//===- WidthReducedTwin.h - A model of the same structure, small *- C++ -*-===//
//
// What a full-size model's passes are checked on by executing.
//
//===----------------------------------------------------------------------===//

#ifndef TOOLS_DRIVER_WIDTHREDUCEDTWIN_H
#define TOOLS_DRIVER_WIDTHREDUCEDTWIN_H

#include "frontend/ModelConfig.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>

namespace mlir::dsv2 {

/// Whether the reference interpreter runs the model itself in well under a
/// second a step, so that it needs no twin.
bool isSmall(const ModelConfig &config);

/// The same kinds of layers, query (low rank or not), groups, scaling, biases
/// and order of the head's dimensions, on widths of a few dozen and as many
/// layers as it takes to have two of a kind.
ModelConfig reduceWidths(const ModelConfig &config);

/// Names of the ops of each function, with the attributes that say for which
/// tokens they are: what the passes decided, whatever the sizes. Of a public
/// function, whose length is that of the model, each op once.
using Skeleton = std::map<std::string, std::vector<std::string>>;
Skeleton skeletonOf(ModuleOp module);

} // namespace mlir::dsv2

#endif // TOOLS_DRIVER_WIDTHREDUCEDTWIN_H
