//===- CheckpointTypes.cpp - A checkpoint checked against its model -------===//
//
// Missing, misshapen and unexpected tensors, and the types of the others.
//
//===----------------------------------------------------------------------===//

#include "frontend/CheckpointTypes.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"

#include <algorithm>
#include <array>

using namespace mlir::dsv2;
using ::dsv2::Checkpoint;
using ::dsv2::DType;
using ::dsv2::Expected;
using ::dsv2::Status;
using ::dsv2::TensorInfo;
using llvm::StringRef;

static std::optional<FloatKind> floatKind(DType type) {
  switch (type) {
  case DType::BF16:
    return FloatKind::BF16;
  case DType::F16:
    return FloatKind::F16;
  case DType::F32:
    return FloatKind::F32;
  default:
    return std::nullopt;
  }
}

namespace {
class CheckpointChecker {
public:
  CheckpointChecker(const ModelConfig &config, const Checkpoint &checkpoint)
      : config(config), checkpoint(checkpoint) {}

  Expected<CheckpointTypes> check();

private:
  Status checkSpec(const WeightSpec &spec);
  Status checkUnexpected();
  /// Why a tensor that the model does not use may be there; empty if not.
  StringRef reasonToIgnore(StringRef name) const;

  const ModelConfig &config;
  const Checkpoint &checkpoint;
  CheckpointTypes types;
  llvm::StringSet<> known;
  std::array<uint64_t, 3> bytes{}; // by FloatKind
};
} // namespace

Status CheckpointChecker::checkSpec(const WeightSpec &spec) {
  std::vector<int64_t> shape = spec.memberShape();
  std::optional<FloatKind> common;
  for (int64_t i = 0; i < spec.count(); ++i) {
    std::string name = spec.memberName(i);
    const TensorInfo *tensor = checkpoint.find(name);
    if (!tensor)
      return Status::error("checkpoint: " + name + ": missing, expected a tensor of shape " +
                           ::dsv2::formatShape(shape));
    std::string where = checkpoint.pathOf(*tensor) + ": " + name + ": ";
    if (tensor->shape != shape)
      return Status::error(where + "expected shape " + ::dsv2::formatShape(shape) + ", got " +
                           ::dsv2::formatShape(tensor->shape));
    std::optional<FloatKind> kind = floatKind(tensor->dtype);
    if (!kind)
      return Status::error(where + "expected type BF16, F16 or F32, got " +
                           std::string(::dsv2::dtypeName(tensor->dtype)));
    if (common && *common != *kind)
      return Status::error(where + "expected the type of " + spec.memberName(0) + ", got " +
                           std::string(::dsv2::dtypeName(tensor->dtype)));
    common = kind;
    bytes[size_t(*kind)] += tensor->bytes;
    known.insert(name);
  }
  types.bySpec[spec.name] = *common;
  return Status::success();
}

StringRef CheckpointChecker::reasonToIgnore(StringRef name) const {
  // Buffers that old versions of transformers saved.
  if (name.ends_with(".rotary_emb.inv_freq"))
    return "rotary frequencies, computed from the configuration instead";
  if (config.tiedEmbeddings && name == kHeadName)
    return "the head, tied to the embedding";
  // Layers beyond the model's: multi-token prediction, not used in decoding.
  StringRef rest = name;
  uint64_t layer;
  if (rest.consume_front("model.layers.") && !rest.consumeInteger(10, layer) &&
      rest.starts_with(".") && layer >= uint64_t(config.layers))
    return "layers beyond num_hidden_layers";
  return {};
}

Status CheckpointChecker::checkUnexpected() {
  llvm::StringMap<std::pair<uint64_t, std::string>> ignored;
  for (const TensorInfo &tensor : checkpoint.tensors()) {
    if (known.contains(tensor.name))
      continue;
    StringRef reason = reasonToIgnore(tensor.name);
    if (reason.empty())
      return Status::error(checkpoint.pathOf(tensor) + ": " + tensor.name +
                           ": unexpected tensor of shape " + ::dsv2::formatShape(tensor.shape) +
                           ", the configuration has no place for it");
    auto &[count, example] = ignored[reason];
    if (!count++)
      example = tensor.name;
  }
  for (const auto &entry : ignored)
    types.notes.push_back("checkpoint: ignores " + std::to_string(entry.second.first) +
                          " tensors (" + entry.first().str() + "), such as " +
                          entry.second.second);
  return Status::success();
}

Expected<CheckpointTypes> CheckpointChecker::check() {
  for (const WeightSpec &spec : outerWeights(config))
    if (Status status = checkSpec(spec); !status.ok())
      return status;
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (WeightSpec &spec : layerWeights(config, config.isMoELayer(layer))) {
      spec.name = layerPrefix(layer) + spec.name;
      if (Status status = checkSpec(spec); !status.ok())
        return status;
    }
  if (Status status = checkUnexpected(); !status.ok())
    return status;
  types.main = FloatKind(std::max_element(bytes.begin(), bytes.end()) - bytes.begin());
  return std::move(types);
}

Expected<CheckpointTypes> mlir::dsv2::checkCheckpoint(const ModelConfig &config,
                                                      const Checkpoint &checkpoint) {
  return CheckpointChecker(config, checkpoint).check();
}
