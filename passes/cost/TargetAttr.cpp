//===- TargetAttr.cpp - The machine a module is compiled for --------------===//
//
// Between TargetModel and the attribute.
//
//===----------------------------------------------------------------------===//

#include "passes/cost/TargetAttr.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::dsv2;

/// The figures under their names.
template <typename Target, typename Visitor> static void visitFigures(Target &target, Visitor visit) {
  visit("units", target.units);
  visit("memory_bandwidth", target.memoryBandwidth);
  visit("cache_bandwidth", target.cacheBandwidth);
  visit("peak_f32", target.peakF32);
  visit("peak_bf16", target.peakBF16);
  visit("peak_int8", target.peakInt8);
  visit("peak_fp8", target.peakFP8);
  visit("l1_bytes", target.l1Bytes);
  visit("l2_bytes", target.l2Bytes);
  visit("last_level_bytes", target.lastLevelBytes);
  visit("launch_seconds", target.launchSeconds);
  visit("link_bandwidth", target.linkBandwidth);
  visit("link_latency", target.linkLatency);
  visit("memory_bytes", target.memoryBytes);
}

Attribute mlir::dsv2::makeTargetAttr(MLIRContext *context, const TargetModel &target) {
  Builder builder(context);
  if (const TargetModel *builtin = findBuiltinTarget(target.name); builtin && *builtin == target)
    return builder.getStringAttr(target.name);
  SmallVector<NamedAttribute> figures = {
      builder.getNamedAttr("name", builder.getStringAttr(target.name)),
      builder.getNamedAttr(
          "kind", builder.getStringAttr(target.kind == TargetKind::GPU ? "gpu" : "cpu"))};
  auto toAttr = [&](auto value) -> Attribute {
    if constexpr (std::is_same_v<decltype(value), double>)
      return builder.getF64FloatAttr(value);
    else
      return builder.getI64IntegerAttr(value);
  };
  visitFigures(target, [&](const char *name, auto value) {
    figures.push_back(builder.getNamedAttr(name, toAttr(value)));
  });
  return builder.getDictionaryAttr(figures);
}

/// Reads a dictionary; names the first figure that is missing or absurd.
static FailureOr<TargetModel> readTarget(ModuleOp module, DictionaryAttr figures) {
  TargetModel target;
  std::string wrong;
  if (auto name = figures.getAs<StringAttr>("name"))
    target.name = name.str();
  else
    wrong = "name";
  auto kind = figures.getAs<StringAttr>("kind");
  if (!kind || (kind != "cpu" && kind != "gpu"))
    wrong = "kind";
  else
    target.kind = kind == "gpu" ? TargetKind::GPU : TargetKind::CPU;
  visitFigures(target, [&](const char *key, auto &value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, double>) {
      auto number = figures.getAs<FloatAttr>(key);
      value = number ? number.getValueAsDouble() : -1;
    } else {
      auto number = figures.getAs<IntegerAttr>(key);
      value = number ? number.getInt() : -1;
    }
    bool mayBeZero = StringRef(key).starts_with("link_");
    if (!(mayBeZero ? value >= 0 : value > 0))
      wrong = key;
  });
  if (!wrong.empty())
    return module.emitError() << kTargetAttr << ": expected a figure in " << wrong << ", got "
                              << figures.get(wrong);
  return target;
}

FailureOr<TargetModel> mlir::dsv2::getTarget(ModuleOp module, StringRef name) {
  Attribute attribute = module->getAttr(kTargetAttr);
  if (name.empty() && !attribute)
    name = kDefaultTarget;
  if (name.empty())
    if (auto string = dyn_cast<StringAttr>(attribute))
      name = string.getValue();
  if (!name.empty()) {
    if (const TargetModel *target = findBuiltinTarget(name))
      return *target;
    InFlightDiagnostic diag = module.emitError("target: expected one of ");
    llvm::interleaveComma(getBuiltinTargets(), diag,
                          [&](const TargetModel &target) { diag << target.name; });
    return diag << ", got \"" << name << "\"";
  }
  if (auto figures = dyn_cast<DictionaryAttr>(attribute))
    return readTarget(module, figures);
  return module.emitError() << kTargetAttr << ": expected a name or figures, got " << attribute;
}
