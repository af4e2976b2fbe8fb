//===- WidthReducedTwin.cpp - A model of the same structure, small --------===//
//
// Sizes are chosen to differ from each other, so that nothing fits by chance.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/WidthReducedTwin.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>
#include <set>

using namespace mlir;
using namespace mlir::dsv2;

bool mlir::dsv2::isSmall(const ModelConfig &config) {
  double attention = double(config.hiddenSize + config.latentDim) *
                     (config.heads * (config.queryDim() + config.valueDim) + config.cacheColumns());
  double mlp = 3.0 * config.hiddenSize * config.denseWidth;
  double experts = 0;
  if (config.experts)
    experts = 3.0 * config.hiddenSize * config.experts->width *
              double(config.experts->routed + config.experts->shared);
  double head = 2.0 * config.hiddenSize * config.vocabSize;
  return config.layers * (attention + std::max(mlp, experts)) + head < 2e6;
}

/// Experts in fewer groups and groups of fewer, the rest as it was.
static ExpertConfig reduceExperts(const ExpertConfig &old) {
  ExpertConfig experts = old;
  experts.groups = std::min<int64_t>(old.groups, 8);
  experts.keptGroups =
      std::min(old.keptGroups, experts.groups - (old.keptGroups < old.groups ? 1 : 0));
  int64_t wanted = std::min<int64_t>(old.perToken, 6);
  int64_t each = std::max<int64_t>(2, (wanted + experts.keptGroups - 1) / experts.keptGroups);
  if (experts.groups == 1)
    each = wanted + 2;
  each = std::min(each, old.routed / old.groups);
  experts.routed = each * experts.groups;
  experts.perToken = std::min(wanted, each * experts.keptGroups);
  experts.shared = std::min<int64_t>(old.shared, 2);
  experts.width = std::min<int64_t>(old.width, 20);
  return experts;
}

ModelConfig mlir::dsv2::reduceWidths(const ModelConfig &config) {
  ModelConfig twin = config;
  auto atMost = [](int64_t width, int64_t limit) { return std::min(width, limit); };
  twin.hiddenSize = atMost(config.hiddenSize, 48);
  twin.heads = atMost(config.heads, 4);
  twin.vocabSize = atMost(config.vocabSize, 96);
  twin.denseWidth = atMost(config.denseWidth, 40);
  if (config.queryRank)
    twin.queryRank = atMost(*config.queryRank, 28);
  // What absorbing gains depends on the order of these.
  twin.nopeDim = atMost(config.nopeDim, 16);
  twin.ropeDim = atMost(config.ropeDim, 8);
  auto besides = [&](int64_t width, int64_t less, int64_t more) {
    return atMost(width, width == config.nopeDim  ? twin.nopeDim
                         : width < config.nopeDim ? less
                                                  : more);
  };
  twin.valueDim = besides(config.valueDim, 12, 24);
  twin.latentDim = besides(config.latentDim, 8, 32);

  bool dense = false, moe = false;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    (config.isMoELayer(layer) ? moe : dense) = true;
  twin.layers = atMost(config.layers, dense && moe ? 4 : 2);
  if (!config.experts)
    return twin;
  twin.experts = reduceExperts(*config.experts);
  twin.experts->layerStep = dense && moe ? std::min<int64_t>(config.experts->layerStep, 2) : 1;
  twin.experts->firstLayer = !moe                           ? twin.layers
                             : !dense                       ? 0
                             : config.experts->firstLayer   ? 1
                                                            : 0;
  return twin;
}

Skeleton mlir::dsv2::skeletonOf(ModuleOp module) {
  Skeleton skeleton;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || function->hasAttr("dsv2.weight_program") ||
        function->hasAttr("dsv2.classifier"))
      continue;
    std::vector<std::string> &ops = skeleton[function.getName().str()];
    for (Operation &op : function.front()) {
      std::string name = op.getName().getStringRef().str();
      if (isa<ProbeOp>(op))
        continue;
      for (StringRef decision : {"range", "unsorted_tokens"})
        if (Attribute value = op.getAttr(decision))
          llvm::raw_string_ostream(name) << " " << decision << " = " << value;
      ops.push_back(name);
    }
    if (function.isPublic()) {
      std::set<std::string> distinct(ops.begin(), ops.end());
      ops.assign(distinct.begin(), distinct.end());
    }
  }
  return skeleton;
}
