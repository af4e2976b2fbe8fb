//===- WeightProgram.cpp - The weight program in serialized form ----------===//
//
// Evaluates each slot's chain of ops to pieces of its sources and writes them
// as text: no tree of the tens of thousands of copies is built.
//
//===----------------------------------------------------------------------===//

#include "lowering/Weights/WeightProgram.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/Weights/StridedPieces.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/analysis/WeightValues.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Slots start at multiples of this many bytes.
constexpr int64_t kAlignment = 64;

/// Constants longer than this are not written out.
constexpr int64_t kMaxValues = int64_t(1) << 20;

/// Starts the names of temporaries, and of no checkpoint tensor.
constexpr char kTemporaryMark = '%';

/// A tensor that copies read: of the checkpoint, or a temporary.
struct Source {
  std::string name;
  SmallVector<int64_t> shape;
};

/// A weight as the program has made it so far.
struct Evaluated {
  Pieces pieces;
  /// Value of every element that no piece writes; not zero only for a splat
  /// constant, which has no pieces.
  double fill = 0;
  /// The type that elements were rounded to on the way, or null.
  Type rounded;
};

RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Bytes of a tensor, or -1 on overflow.
int64_t getBytes(RankedTensorType type) {
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(bytes, size, bytes))
      return -1;
  return bytes;
}

/// Whether every value of `from` is one of `to`.
bool holdsExactly(Type from, Type to) { return from == to || to.isF32(); }

void writeString(raw_ostream &os, StringRef text) {
  os << '"';
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      os << '\\' << c;
    else if (c < 0x20)
      os << llvm::format("\\u%04x", c);
    else
      os << c;
  }
  os << '"';
}

void writeNumbers(raw_ostream &os, ArrayRef<int64_t> numbers) {
  os << '[';
  llvm::interleave(numbers, os, ",");
  os << ']';
}

StringRef getTypeName(Type type) { return type.isBF16() ? "bf16" : "f32"; }

class Serializer {
public:
  /// Writes the slots of `program` and, before them, their temporaries.
  FailureOr<std::string> run(func::FuncOp program) {
    std::string slots;
    llvm::raw_string_ostream os(slots);
    int64_t expected = 0, end = 0;
    for (StoreWeightOp store : program.getOps<StoreWeightOp>()) {
      if (int64_t(store.getSlot()) != expected)
        return store.emitOpError("expected slot ") << expected << ", got " << store.getSlot();
      os << (expected++ ? ",\n" : "\n");
      if (failed(writeSlot(store, os, end)))
        return failure();
    }
    std::string text;
    llvm::raw_string_ostream all(text);
    all << "{\"version\":1,\"bytes\":" << end << ',';
    if (!temporaries.empty())
      all << "\"temporaries\":[" << temporaries << "\n],";
    all << "\n\"weights\":[" << slots << "\n]}\n";
    return text;
  }

private:
  LogicalResult writeSlot(StoreWeightOp store, raw_ostream &os, int64_t &end) {
    RankedTensorType type = getTensor(store.getValue());
    FailureOr<Evaluated> value = evaluate(store.getValue());
    if (failed(value))
      return failure();
    if (!type.getElementType().isBF16() && !type.getElementType().isF32())
      return store.emitOpError("expected a weight of bf16 or f32, got ") << type;
    int64_t bytes = getBytes(type), offset;
    if (bytes < 0 || llvm::AddOverflow(end, kAlignment - 1, offset))
      return store.emitOpError("weights exceed 64-bit sizes at ") << type;
    offset -= offset % kAlignment;
    if (llvm::AddOverflow(offset, bytes, end))
      return store.emitOpError("weights exceed 64-bit sizes at ") << type;
    os << "{\"slot\":" << store.getSlot() << ",\"name\":";
    writeString(os, store.getName());
    os << ",\"offset\":" << offset << ",\"bytes\":" << bytes << ',';
    if (value->fill == 0)
      return writeTensor(store, type, *value, os);
    if (!type.getElementType().isF32() || type.getNumElements() > kMaxValues)
      return store.emitOpError("a constant weight must be f32 and short, got ") << type;
    os << "\"type\":\"f32\",\"shape\":";
    writeNumbers(os, type.getShape());
    os << ",\"values\":[";
    for (int64_t i = 0, e = type.getNumElements(); i < e; ++i)
      os << (i ? "," : "") << llvm::format("%.9g", value->fill);
    os << "]}";
    return success();
  }

  /// Writes `"type":…,"shape":…,"copies":[…]}`, the rest of an object.
  LogicalResult writeTensor(Operation *op, RankedTensorType type, const Evaluated &value,
                            raw_ostream &os) {
    if (value.rounded && value.rounded != type.getElementType())
      return op->emitOpError("was rounded to ")
             << value.rounded << " on its way to " << type.getElementType()
             << ": a copy rounds once";
    os << "\"type\":\"" << getTypeName(type.getElementType()) << "\",\"shape\":";
    writeNumbers(os, type.getShape());
    os << ",\"copies\":[";
    bool first = true;
    for (const Piece &piece : value.pieces) {
      StridedCopy copy = getCopy(piece, type.getShape());
      os << (first ? "\n {" : ",\n {") << "\"source\":";
      first = false;
      writeString(os, sources[copy.source].name);
      os << ",\"source_shape\":";
      writeNumbers(os, sources[copy.source].shape);
      os << ",\"source_offset\":" << copy.sourceOffset
         << ",\"destination_offset\":" << copy.destinationOffset << ",\"sizes\":";
      writeNumbers(os, copy.sizes);
      os << ",\"source_strides\":";
      writeNumbers(os, copy.sourceStrides);
      os << ",\"destination_strides\":";
      writeNumbers(os, copy.destinationStrides);
      os << '}';
    }
    os << "]}";
    return success();
  }

  int64_t getSource(StringRef name, ArrayRef<int64_t> shape) {
    auto [entry, isNew] = sourceNumbers.try_emplace(name, sources.size());
    if (isNew)
      sources.push_back({name.str(), SmallVector<int64_t>(shape)});
    return entry->second;
  }

  /// As getSource, for a name that others chose.
  FailureOr<int64_t> getCheckpointSource(CheckpointOp op, StringRef name,
                                         ArrayRef<int64_t> shape) {
    if (name.starts_with(kTemporaryMark))
      return op.emitOpError("name may not start with '") << kTemporaryMark << "': " << name;
    int64_t source = getSource(name, shape);
    if (ArrayRef<int64_t>(sources[source].shape) != shape)
      return op.emitOpError("tensor ") << name << " is read with another shape elsewhere";
    return source;
  }

  FailureOr<Evaluated> evaluate(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return emitError(value.getLoc(), "the weight program takes no arguments");
    if (getBytes(getTensor(value)) < 0)
      return op->emitOpError("weights exceed 64-bit sizes at ") << value.getType();
    return llvm::TypeSwitch<Operation *, FailureOr<Evaluated>>(op)
        .Case<CheckpointOp, arith::ConstantOp, MergeOp, tensor::ConcatOp>(
            [&](auto same) { return apply(same); })
        .Case<ConvertOp, TransposeOp, PackOp, tensor::ExpandShapeOp,
              tensor::CollapseShapeOp, tensor::ExtractSliceOp>(
            [&](auto same) -> FailureOr<Evaluated> {
              FailureOr<Evaluated> operand = evaluate(op->getOperand(0));
              if (failed(operand) || failed(apply(same, *operand)))
                return failure();
              return operand;
            })
        .Default([](Operation *op) -> FailureOr<Evaluated> {
          return op->emitOpError("does not belong in a weight program");
        });
  }

  FailureOr<Evaluated> apply(CheckpointOp op) {
    Evaluated value;
    ArrayRef<int64_t> shape = op.getType().getShape();
    if (!op.isStacked()) {
      FailureOr<int64_t> source = getCheckpointSource(op, op.getName(), shape);
      if (failed(source))
        return failure();
      value.pieces.push_back(makePiece(*source, 0, shape));
      return value;
    }
    if (shape[0] > int64_t(kMaxPieces))
      return op.emitOpError("stacks more than ") << kMaxPieces << " tensors";
    Piece one = makePiece(0, 0, shape.drop_front());
    one.dimensions.insert(one.dimensions.begin(), PieceDimension());
    for (int64_t i = 0; i < shape[0]; ++i) {
      FailureOr<int64_t> source =
          getCheckpointSource(op, op.getStackedName(i), shape.drop_front());
      if (failed(source))
        return failure();
      one.source = *source;
      one.dimensions[0].low = i;
      value.pieces.push_back(one);
    }
    return value;
  }

  FailureOr<Evaluated> apply(arith::ConstantOp op) {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!splat)
      return op.emitOpError("expected one value for all elements of a weight");
    Evaluated value;
    value.fill = splat.getSplatValue<APFloat>().convertToDouble();
    return value;
  }

  /// A product is not a copy: it becomes a temporary, which copies then read.
  FailureOr<Evaluated> apply(MergeOp op) {
    auto [entry, isNew] = products.try_emplace(op, 0);
    if (isNew) {
      FailureOr<Evaluated> lhs = evaluate(op.getLhs()), rhs = evaluate(op.getRhs());
      if (failed(lhs) || failed(rhs))
        return failure();
      if (lhs->fill != 0 || rhs->fill != 0)
        return op.emitOpError("cannot multiply a constant");
      std::string name = kTemporaryMark + ("merge." + std::to_string(numTemporaries));
      llvm::raw_string_ostream os(temporaries);
      os << (numTemporaries++ ? ",\n" : "\n") << "{\"name\":";
      writeString(os, name);
      os << ",\"type\":\"" << getTypeName(op.getType().getElementType()) << "\",\"shape\":";
      writeNumbers(os, op.getType().getShape());
      os << ",\n \"merge\":{\"lhs\":{";
      if (failed(writeTensor(op, op.getLhs().getType(), *lhs, os)))
        return failure();
      os << ",\n  \"rhs\":{";
      if (failed(writeTensor(op, op.getRhs().getType(), *rhs, os)))
        return failure();
      os << "}}";
      // Not `entry`: evaluating the operands may have moved the map.
      products[op] = getSource(name, op.getType().getShape());
    }
    Evaluated value;
    value.pieces.push_back(makePiece(products[op], 0, op.getType().getShape()));
    return value;
  }

  FailureOr<Evaluated> apply(tensor::ConcatOp op) {
    Evaluated all;
    int64_t at = 0;
    for (Value input : op.getInputs()) {
      FailureOr<Evaluated> part = evaluate(input);
      if (failed(part))
        return failure();
      if (part->fill != 0)
        return op.emitOpError("cannot join a constant to other weights");
      if (part->rounded && all.rounded && part->rounded != all.rounded)
        return op.emitOpError("joins weights rounded to different types");
      if (part->rounded)
        all.rounded = part->rounded;
      shift(part->pieces, op.getDim(), at);
      llvm::move(part->pieces, std::back_inserter(all.pieces));
      at += getTensor(input).getDimSize(op.getDim());
    }
    return all;
  }

  LogicalResult apply(ConvertOp op, Evaluated &value) {
    Type from = op.getX().getType().getElementType(), to = op.getType().getElementType();
    if (value.rounded && from != to)
      return op.emitOpError("converts what was rounded to ")
             << value.rounded << ": a copy rounds once";
    if (!holdsExactly(from, to))
      value.rounded = to;
    return success();
  }

  LogicalResult apply(TransposeOp op, Evaluated &value) {
    unsigned rank = op.getType().getRank();
    swapDimensions(value.pieces, rank - 2, rank - 1);
    return success();
  }

  LogicalResult apply(tensor::ExtractSliceOp op, Evaluated &value) {
    if (!op.getOffsets().empty() || !op.getSizes().empty() || !op.getStrides().empty() ||
        !llvm::all_of(op.getStaticStrides(), [](int64_t stride) { return stride == 1; }))
      return op.emitOpError("expected a static slice of stride one");
    for (auto [i, start, size] : llvm::enumerate(op.getStaticOffsets(), op.getStaticSizes()))
      slice(value.pieces, i, start, size);
    llvm::SmallBitVector dropped = op.getDroppedDims();
    for (unsigned i = dropped.size(); i-- > 0;)
      if (dropped.test(i))
        dropDimension(value.pieces, i);
    return success();
  }

  LogicalResult apply(tensor::CollapseShapeOp op, Evaluated &value) {
    for (auto [i, group] : llvm::enumerate(op.getReassociationIndices()))
      collapse(value.pieces, i,
               op.getSrcType().getShape().slice(group.front(), group.size()));
    return success();
  }

  LogicalResult apply(tensor::ExpandShapeOp op, Evaluated &value) {
    ArrayRef<int64_t> shape = op.getResultType().getShape();
    for (const ReassociationIndices &group : op.getReassociationIndices())
      for (size_t i = 0; i + 1 < group.size(); ++i) {
        int64_t inner = 1;
        for (int64_t later : ArrayRef(group).drop_front(i + 1))
          inner *= shape[later];
        if (!split(value.pieces, group[i], inner))
          return tooManyPieces(op);
      }
    return success();
  }

  LogicalResult apply(PackOp op, Evaluated &value) {
    if (value.fill != 0)
      return op.emitOpError("cannot pack a constant");
    unsigned rows = op.getX().getType().getRank() - 2;
    // [N, K] -> [N/64, 64, K/p, p] -> [N/64, K/p, 64, p]
    if (!split(value.pieces, rows, kPackedColumns) ||
        !split(value.pieces, rows + 2, getPackedPair(op.getType().getElementType())))
      return tooManyPieces(op);
    swapDimensions(value.pieces, rows + 1, rows + 2);
    return success();
  }

  static LogicalResult tooManyPieces(Operation *op) {
    return op->emitOpError("takes more than ") << kMaxPieces << " copies";
  }

  std::vector<Source> sources;
  llvm::StringMap<int64_t> sourceNumbers;
  std::string temporaries;
  int64_t numTemporaries = 0;
  DenseMap<Operation *, int64_t> products;
};

} // namespace

FailureOr<std::string> dsv2::serializeWeightProgram(ModuleOp module) {
  func::FuncOp program;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(kWeightProgramAttr))
      continue;
    if (program)
      return function.emitError("is a second weight program");
    program = function;
  }
  if (!program)
    return module.emitError("has no weight program: run dsv2-hoist-weight-ops");
  if (program.isExternal())
    return program.emitError("the weight program has no body");
  return Serializer().run(program);
}
