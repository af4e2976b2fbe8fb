//===- Passes.cpp - Pipelines from planned dsv2 downwards -----------------===//
//
// Pipelines of the lowering.
//
//===----------------------------------------------------------------------===//

#include "lowering/Passes.h"
