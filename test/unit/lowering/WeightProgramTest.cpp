//===- WeightProgramTest.cpp - The weight program in serialized form ------===//
//
// Executes the JSON on small tensors, by an interpreter of its own and by the
// runtime, and compares with a direct evaluation of the IR, op by op, on dense
// tensors.
//
//===----------------------------------------------------------------------===//

#include "lowering/Weights/WeightProgram.h"
#include "dialects/DSV2/DSV2Dialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/analysis/WeightValues.h"
#include "runtime/weights/Execute.h"
#include "runtime/weights/WeightProgram.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

using namespace mlir;
using namespace mlir::dsv2;
using nlohmann::json;
using testing::HasSubstr;

namespace {

using Shape = std::vector<int64_t>;

int64_t count(const Shape &shape) {
  int64_t n = 1;
  for (int64_t size : shape)
    n *= size;
  return n;
}

struct Dense {
  Shape shape;
  std::vector<double> data;

  static Dense zeros(Shape shape) { return {shape, std::vector<double>(count(shape))}; }
  int64_t at(const Shape &index) const {
    int64_t flat = 0;
    for (size_t i = 0; i < shape.size(); ++i)
      flat = flat * shape[i] + index[i];
    return flat;
  }
};

/// Calls `visit` with every index below `shape`.
template <typename Visit> void forEachIndex(const Shape &shape, Visit visit) {
  Shape index(shape.size());
  for (int64_t n = count(shape); n-- > 0;) {
    visit(index);
    for (size_t i = shape.size(); i-- > 0;) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

/// Distinct small integers (so that products are exact), by name and index.
Dense makeTensor(const std::string &name, const Shape &shape) {
  Dense tensor = Dense::zeros(shape);
  size_t seed = std::hash<std::string>()(name) % 97;
  for (size_t i = 0; i < tensor.data.size(); ++i)
    tensor.data[i] = double(seed * 1000 + i + 1);
  return tensor;
}

Shape shapeOf(Value value) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  return Shape(shape.begin(), shape.end());
}

/// The reference: each op on dense tensors, by its definition.
Dense evaluate(Value value) {
  Operation *op = value.getDefiningOp();
  Dense result = Dense::zeros(shapeOf(value));
  if (auto checkpoint = dyn_cast<CheckpointOp>(op)) {
    if (!checkpoint.isStacked())
      return makeTensor(checkpoint.getName().str(), result.shape);
    Shape one(result.shape.begin() + 1, result.shape.end());
    for (int64_t e = 0; e < result.shape[0]; ++e) {
      Dense tensor = makeTensor(checkpoint.getStackedName(e), one);
      std::copy(tensor.data.begin(), tensor.data.end(), result.data.begin() + e * count(one));
    }
    return result;
  }
  std::vector<Dense> in;
  for (Value operand : op->getOperands())
    in.push_back(evaluate(operand));
  size_t rank = result.shape.size();
  if (isa<ConvertOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    result.data = in[0].data;
  } else if (isa<TransposeOp>(op)) {
    forEachIndex(result.shape, [&](const Shape &index) {
      Shape from = index;
      std::swap(from[rank - 1], from[rank - 2]);
      result.data[result.at(index)] = in[0].data[in[0].at(from)];
    });
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    forEachIndex(result.shape, [&](const Shape &index) {
      Shape from = index;
      for (size_t i = 0; i < rank; ++i)
        from[i] += slice.getStaticOffsets()[i];
      result.data[result.at(index)] = in[0].data[in[0].at(from)];
    });
  } else if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    int64_t offset = 0;
    for (const Dense &part : in) {
      forEachIndex(part.shape, [&](const Shape &index) {
        Shape to = index;
        to[concat.getDim()] += offset;
        result.data[result.at(to)] = part.data[part.at(index)];
      });
      offset += part.shape[concat.getDim()];
    }
  } else if (isa<PackOp>(op)) {
    int64_t pair = result.shape[rank - 1];
    forEachIndex(in[0].shape, [&](const Shape &index) {
      Shape to(index.begin(), index.end() - 2);
      int64_t n = index[index.size() - 2], k = index.back();
      to.insert(to.end(), {n / 64, k / pair, n % 64, k % pair});
      result.data[result.at(to)] = in[0].data[in[0].at(index)];
    });
  } else if (isa<MergeOp>(op)) {
    forEachIndex(result.shape, [&](const Shape &index) {
      double sum = 0;
      for (int64_t k = 0; k < in[0].shape[2]; ++k)
        sum += in[0].data[in[0].at({index[0], index[1], k})] *
               in[1].data[in[1].at({index[0], k, index[2]})];
      result.data[result.at(index)] = sum;
    });
  } else {
    ADD_FAILURE() << "no reference for " << op->getName().getStringRef().str();
  }
  return result;
}

/// What a runtime does with the JSON.
struct Interpreter {
  std::map<std::string, Dense> temporaries;

  Dense make(const json &entry) {
    Dense result = Dense::zeros(entry["shape"].get<Shape>());
    std::vector<int> written(result.data.size());
    for (const json &copy : entry["copies"]) {
      Shape sizes = copy["sizes"].get<Shape>(), from = copy["source_strides"].get<Shape>(),
            to = copy["destination_strides"].get<Shape>();
      std::string name = copy["source"];
      Dense source = name[0] == '%' ? temporaries.at(name)
                                    : makeTensor(name, copy["source_shape"].get<Shape>());
      EXPECT_EQ(source.shape, copy["source_shape"].get<Shape>());
      forEachIndex(sizes, [&](const Shape &index) {
        int64_t read = copy["source_offset"], write = copy["destination_offset"];
        for (size_t i = 0; i < sizes.size(); ++i) {
          read += index[i] * from[i];
          write += index[i] * to[i];
        }
        ++written.at(write);
        result.data.at(write) = source.data.at(read);
      });
    }
    EXPECT_LE(written.empty() ? 0 : *std::max_element(written.begin(), written.end()), 1)
        << "an element is written twice";
    return result;
  }

  std::vector<Dense> run(const json &program) {
    for (const json &entry : program.value("temporaries", json::array())) {
      Dense lhs = make(entry["merge"]["lhs"]), rhs = make(entry["merge"]["rhs"]);
      Dense result = Dense::zeros(entry["shape"].get<Shape>());
      forEachIndex(result.shape, [&](const Shape &index) {
        for (int64_t k = 0; k < lhs.shape[2]; ++k)
          result.data[result.at(index)] += lhs.data[lhs.at({index[0], index[1], k})] *
                                           rhs.data[rhs.at({index[0], k, index[2]})];
      });
      temporaries[entry["name"]] = result;
    }
    std::vector<Dense> slots;
    for (const json &entry : program["weights"])
      slots.push_back(make(entry));
    return slots;
  }
};

/// The same tensors for the runtime, in f32.
struct MadeTensors final : ::dsv2::weights::WeightSource {
  ::dsv2::Expected<::dsv2::weights::ElementType> typeOf(const std::string &,
                                                        const Shape &) override {
    return ::dsv2::weights::ElementType::F32;
  }
  ::dsv2::Status read(const std::string &name, const Shape &shape, int64_t first,
                      int64_t number, void *elements) override {
    Dense tensor = makeTensor(name, shape);
    for (int64_t i = 0; i < number; ++i)
      static_cast<float *>(elements)[i] = float(tensor.data.at(first + i));
    return ::dsv2::Status::success();
  }
};

/// Executes the text by the runtime; `expected` is what slots hold unrounded.
void checkRuntime(const std::string &text, const std::vector<Dense> &expected) {
  auto program = ::dsv2::weights::parseWeightProgram(text);
  ASSERT_TRUE(program.ok()) << program.message();
  std::vector<float> memory(program->bytes / 4 + 1);
  ::dsv2::weights::MemorySink sink(memory.data());
  MadeTensors source;
  ::dsv2::Status status = executeWeightProgram(*program, source, sink, 2);
  ASSERT_TRUE(status.ok()) << status.message();
  for (size_t slot = 0; slot < expected.size(); ++slot) {
    const auto &weight = program->weights.at(slot);
    bool bf16 = weight.type == ::dsv2::weights::ElementType::BF16;
    const char *bytes = reinterpret_cast<const char *>(memory.data()) + weight.offset;
    for (size_t i = 0; i < expected[slot].data.size(); ++i) {
      uint32_t bits = 0;
      std::memcpy(reinterpret_cast<char *>(&bits) + (bf16 ? 2 : 0), bytes + i * (bf16 ? 2 : 4),
                  bf16 ? 2 : 4);
      double value = std::bit_cast<float>(bits), wanted = expected[slot].data[i];
      ASSERT_NEAR(value, wanted, std::abs(wanted) * (bf16 ? 1e-2 : 1e-6)) << slot << " " << i;
    }
  }
}

class WeightProgramTest : public testing::Test {
protected:
  WeightProgramTest() {
    context.loadDialect<DSV2Dialect, func::FuncDialect, tensor::TensorDialect,
                        arith::ArithDialect>();
    context.getDiagEngine().registerHandler(
        [&](Diagnostic &diagnostic) { errors += diagnostic.str() + "\n"; });
  }

  OwningOpRef<ModuleOp> parse(const std::string &body) {
    auto module = parseSourceString<ModuleOp>(
        "func.func private @weights() attributes {dsv2.weight_program} {\n" + body +
            "\nreturn }",
        &context);
    EXPECT_TRUE(module) << errors;
    return module;
  }

  /// Serializes, executes, and compares every slot with the reference.
  json check(ModuleOp module) {
    FailureOr<std::string> text = serializeWeightProgram(module);
    EXPECT_TRUE(succeeded(text)) << errors;
    if (failed(text))
      return {};
    json program = json::parse(*text);
    std::vector<Dense> slots = Interpreter().run(program);
    checkRuntime(*text, slots);
    size_t i = 0;
    int64_t end = 0;
    module.walk([&](StoreWeightOp store) {
      Dense expected = evaluate(store.getValue());
      EXPECT_EQ(slots.at(i).shape, expected.shape);
      EXPECT_EQ(slots.at(i).data, expected.data) << *text;
      const json &entry = program["weights"][i];
      EXPECT_EQ(entry["slot"], i);
      EXPECT_EQ(entry["name"], store.getName().str());
      EXPECT_EQ(int64_t(entry["offset"]), (end + 63) / 64 * 64);
      end = int64_t(entry["offset"]) + int64_t(entry["bytes"]);
      ++i;
    });
    EXPECT_EQ(int64_t(program["bytes"]), end);
    return program;
  }

  std::string reject(const std::string &body) {
    auto module = parse(body);
    if (!module)
      return "";
    errors.clear();
    EXPECT_TRUE(failed(serializeWeightProgram(*module)));
    return errors;
  }

  MLIRContext context;
  std::string errors;
};

TEST_F(WeightProgramTest, PackIsOneCopyOfLeastRank) {
  auto module = parse(R"(
    %w = dsv2.checkpoint "w" : tensor<128x32xbf16>
    %p = dsv2.pack %w : tensor<128x32xbf16> -> tensor<2x16x64x2xbf16>
    dsv2.store_weight %p, "w" slot 0 : tensor<2x16x64x2xbf16>)");
  json copies = check(*module)["weights"][0]["copies"];
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0]["sizes"], json({2, 16, 64, 2}));
  EXPECT_EQ(copies[0]["source_strides"], json({2048, 2, 32, 1}));
  EXPECT_EQ(copies[0]["destination_strides"], json({2048, 128, 2, 1}));
}

TEST_F(WeightProgramTest, TailsBecomeCopiesOfTheirOwn) {
  auto module = parse(R"(
    %w = dsv2.checkpoint "w" : tensor<65x3xbf16>
    %p = dsv2.pack %w : tensor<65x3xbf16> -> tensor<2x2x64x2xbf16>
    dsv2.store_weight %p, "w" slot 0 : tensor<2x2x64x2xbf16>
    %v = dsv2.checkpoint "v" : tensor<86x7xf32>
    %q = dsv2.pack %v : tensor<86x7xf32> -> tensor<2x7x64x1xf32>
    dsv2.store_weight %q, "v" slot 1 : tensor<2x7x64x1xf32>)");
  json weights = check(*module)["weights"];
  EXPECT_EQ(weights[0]["copies"].size(), 4u);
  EXPECT_EQ(weights[1]["copies"].size(), 2u);
}

TEST_F(WeightProgramTest, UntouchedTensorIsOneLoop) {
  auto module = parse(R"(
    %w = dsv2.checkpoint "w" : tensor<5x7x3xf32>
    dsv2.store_weight %w, "w" slot 0 : tensor<5x7x3xf32>)");
  EXPECT_EQ(check(*module)["weights"][0]["copies"][0]["sizes"], json({105}));
}

TEST_F(WeightProgramTest, HalvesOfKvBAndExperts) {
  auto module = parse(R"(
    %w = dsv2.checkpoint "kv_b" : tensor<60x10xbf16>
    %e = tensor.expand_shape %w [[0, 1], [2]] output_shape [4, 15, 10] : tensor<60x10xbf16> into tensor<4x15x10xbf16>
    %k = tensor.extract_slice %e[0, 0, 0] [4, 8, 10] [1, 1, 1] : tensor<4x15x10xbf16> to tensor<4x8x10xbf16>
    %v = tensor.extract_slice %e[0, 8, 0] [4, 7, 10] [1, 1, 1] : tensor<4x15x10xbf16> to tensor<4x7x10xbf16>
    %t = dsv2.transpose %k : tensor<4x8x10xbf16> -> tensor<4x10x8xbf16>
    %pt = dsv2.pack %t : tensor<4x10x8xbf16> -> tensor<4x1x4x64x2xbf16>
    %pv = dsv2.pack %v : tensor<4x7x10xbf16> -> tensor<4x1x5x64x2xbf16>
    dsv2.store_weight %pt, "uk" slot 0 : tensor<4x1x4x64x2xbf16>
    dsv2.store_weight %pv, "uv" slot 1 : tensor<4x1x5x64x2xbf16>
    %x = dsv2.checkpoint "experts.{}.up" : tensor<3x70x9xbf16>
    %px = dsv2.pack %x : tensor<3x70x9xbf16> -> tensor<3x2x5x64x2xbf16>
    dsv2.store_weight %px, "experts" slot 2 : tensor<3x2x5x64x2xbf16>)");
  json weights = check(*module)["weights"];
  EXPECT_EQ(weights[2]["copies"].size(), 12u);
  EXPECT_EQ(weights[2]["copies"][4]["source"], "experts.1.up");
}

TEST_F(WeightProgramTest, MergedProjections) {
  auto module = parse(R"(
    %w = dsv2.checkpoint "q" : tensor<12x5xf32>
    %e = tensor.expand_shape %w [[0, 1], [2]] output_shape [2, 6, 5] : tensor<12x5xf32> into tensor<2x6x5xf32>
    %n = tensor.extract_slice %e[0, 0, 0] [2, 4, 5] [1, 1, 1] : tensor<2x6x5xf32> to tensor<2x4x5xf32>
    %r = tensor.extract_slice %e[0, 4, 0] [2, 2, 5] [1, 1, 1] : tensor<2x6x5xf32> to tensor<2x2x5xf32>
    %k = dsv2.checkpoint "uk" : tensor<2x4x3xf32>
    %t = dsv2.transpose %k : tensor<2x4x3xf32> -> tensor<2x3x4xf32>
    %m = dsv2.merge %t, %n : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
    %c = tensor.concat dim(1) %m, %r : (tensor<2x3x5xf32>, tensor<2x2x5xf32>) -> tensor<2x5x5xf32>
    %f = tensor.collapse_shape %c [[0, 1], [2]] : tensor<2x5x5xf32> into tensor<10x5xf32>
    %p = dsv2.pack %f : tensor<10x5xf32> -> tensor<1x5x64x1xf32>
    dsv2.store_weight %p, "q.merged" slot 0 : tensor<1x5x64x1xf32>
    %back = dsv2.transpose %m : tensor<2x3x5xf32> -> tensor<2x5x3xf32>
    %again = dsv2.merge %m, %back : (tensor<2x3x5xf32>, tensor<2x5x3xf32>) -> tensor<2x3x3xf32>
    dsv2.store_weight %again, "twice" slot 1 : tensor<2x3x3xf32>)");
  json program = check(*module);
  ASSERT_EQ(program["temporaries"].size(), 2u);
  EXPECT_EQ(program["temporaries"][1]["merge"]["rhs"]["copies"][0]["source"], "%merge.0");
}

/// A random chain of weight ops, from a checkpoint tensor to a pack or not.
Value makeChain(OpBuilder &builder, std::mt19937 &random, int number) {
  Location loc = builder.getUnknownLoc();
  auto pick = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  Type element = pick(0, 1) ? Type(builder.getF32Type()) : Type(builder.getBF16Type());
  auto type = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, element); };
  auto checkpoint = [&](ArrayRef<int64_t> shape) -> Value {
    std::string name = "t" + std::to_string(number) + "." + std::to_string(pick(0, 1 << 30));
    if (shape.size() > 1 && pick(0, 3) == 0)
      name += ".{}";
    return CheckpointOp::create(builder, loc, type(shape), name);
  };
  SmallVector<int64_t> start;
  for (int64_t i = pick(1, 3); i > 0; --i)
    start.push_back(pick(1, 24));
  Value value = checkpoint(start);
  for (int64_t step = pick(0, 9); step > 0; --step) {
    SmallVector<int64_t> shape(cast<RankedTensorType>(value.getType()).getShape());
    unsigned rank = shape.size(), d = pick(0, rank - 1);
    switch (pick(0, 4)) {
    case 0: { // expand
      SmallVector<int64_t> divisors;
      for (int64_t i = 1; i <= shape[d]; ++i)
        if (shape[d] % i == 0)
          divisors.push_back(i);
      int64_t outer = divisors[pick(0, divisors.size() - 1)];
      SmallVector<ReassociationIndices> groups;
      SmallVector<int64_t> expanded;
      for (unsigned i = 0; i < rank; ++i) {
        groups.emplace_back();
        if (i == d) {
          groups.back().push_back(expanded.size());
          expanded.push_back(outer);
        }
        groups.back().push_back(expanded.size());
        expanded.push_back(i == d ? shape[i] / outer : shape[i]);
      }
      if (rank < 5)
        value = tensor::ExpandShapeOp::create(builder, loc, type(expanded), value, groups);
      break;
    }
    case 1: { // collapse
      if (rank < 2)
        break;
      d = pick(0, rank - 2);
      SmallVector<ReassociationIndices> groups;
      for (unsigned i = 0; i < rank; ++i) {
        if (i == d + 1)
          groups.back().push_back(i);
        else
          groups.push_back({int64_t(i)});
      }
      value = tensor::CollapseShapeOp::create(builder, loc, value, groups);
      break;
    }
    case 2: { // slice
      SmallVector<OpFoldResult> offsets, sizes, strides(rank, builder.getIndexAttr(1));
      for (unsigned i = 0; i < rank; ++i) {
        int64_t size = i == d ? pick(1, shape[i]) : shape[i];
        offsets.push_back(builder.getIndexAttr(pick(0, shape[i] - size)));
        sizes.push_back(builder.getIndexAttr(size));
      }
      value = tensor::ExtractSliceOp::create(builder, loc, value, offsets, sizes, strides);
      break;
    }
    case 3: // transpose
      if (rank < 2)
        break;
      std::swap(shape[rank - 1], shape[rank - 2]);
      value = TransposeOp::create(builder, loc, type(shape), value);
      break;
    case 4: { // concat, with itself or with another tensor
      SmallVector<Value> inputs = {value};
      if (pick(0, 1))
        inputs.push_back(value);
      SmallVector<int64_t> other = shape;
      other[d] = pick(1, 5);
      inputs.insert(inputs.begin() + pick(0, inputs.size()), checkpoint(other));
      if (count(Shape(shape.begin(), shape.end())) < 4000)
        value = tensor::ConcatOp::create(builder, loc, d, inputs);
      break;
    }
    }
  }
  auto last = cast<RankedTensorType>(value.getType());
  if (last.getRank() >= 2 && pick(0, 2))
    value = PackOp::create(builder, loc, PackOp::getPackedType(last), value);
  return value;
}

TEST_F(WeightProgramTest, RandomChains) {
  std::mt19937 random(20);
  for (int number = 0; number < 400; ++number) {
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    auto program = func::FuncOp::create(builder, builder.getUnknownLoc(), "weights",
                                        builder.getFunctionType({}, {}));
    program->setAttr(kWeightProgramAttr, builder.getUnitAttr());
    builder.setInsertionPointToEnd(program.addEntryBlock());
    Value value = makeChain(builder, random, number);
    StoreWeightOp::create(builder, builder.getUnknownLoc(), value,
                          builder.getStringAttr("w"), builder.getI64IntegerAttr(0));
    func::ReturnOp::create(builder, builder.getUnknownLoc());
    ASSERT_TRUE(succeeded(verify(*module))) << errors;
    check(*module);
    if (HasFailure()) {
      module->dump();
      FAIL() << "chain " << number;
    }
  }
}

TEST_F(WeightProgramTest, ConstantsAndConversions) {
  auto module = parse(R"(
    %c = arith.constant dense<1.5> : tensor<3xf32>
    dsv2.store_weight %c, "ones" slot 0 : tensor<3xf32>
    %w = dsv2.checkpoint "w" : tensor<3x2xf16>
    %b = dsv2.convert %w : tensor<3x2xf16> to tensor<3x2xbf16>
    dsv2.store_weight %b, "quote\"d" slot 1 : tensor<3x2xbf16>)");
  FailureOr<std::string> text = serializeWeightProgram(*module);
  ASSERT_TRUE(succeeded(text)) << errors;
  json weights = json::parse(*text)["weights"];
  EXPECT_EQ(weights[0]["values"], json({1.5, 1.5, 1.5}));
  EXPECT_EQ(weights[0]["bytes"], 12);
  EXPECT_EQ(weights[1]["type"], "bf16");
  EXPECT_EQ(weights[1]["offset"], 64);
  EXPECT_EQ(weights[1]["name"], "quote\"d");
}

TEST_F(WeightProgramTest, RefusesWhatCopiesCannotDo) {
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<3x2xf32>
    %b = dsv2.convert %w : tensor<3x2xf32> to tensor<3x2xbf16>
    %f = dsv2.convert %b : tensor<3x2xbf16> to tensor<3x2xf32>
    dsv2.store_weight %f, "w" slot 0 : tensor<3x2xf32>)"),
              HasSubstr("a copy rounds once"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<3x2xf16>
    dsv2.store_weight %w, "w" slot 0 : tensor<3x2xf16>)"),
              HasSubstr("expected a weight of bf16 or f32"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<3xf32>
    dsv2.store_weight %w, "w" slot 1 : tensor<3xf32>)"),
              HasSubstr("expected slot 0, got 1"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "%merge.0" : tensor<3xf32>
    dsv2.store_weight %w, "w" slot 0 : tensor<3xf32>)"),
              HasSubstr("may not start with"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<3xf32>
    %v = dsv2.checkpoint "w" : tensor<4xf32>
    dsv2.store_weight %w, "w" slot 0 : tensor<3xf32>
    dsv2.store_weight %v, "v" slot 1 : tensor<4xf32>)"),
              HasSubstr("read with another shape"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<4294967296x4294967296xf32>
    dsv2.store_weight %w, "w" slot 0 : tensor<4294967296x4294967296xf32>)"),
              HasSubstr("exceed 64-bit sizes"));
  EXPECT_THAT(reject(R"(
    %w = dsv2.checkpoint "w" : tensor<1073741824x1073741824xf32>
    %v = dsv2.checkpoint "v" : tensor<1073741824x1073741824xf32>
    dsv2.store_weight %w, "w" slot 0 : tensor<1073741824x1073741824xf32>
    dsv2.store_weight %v, "v" slot 1 : tensor<1073741824x1073741824xf32>)"),
              HasSubstr("exceed 64-bit sizes"));
}

TEST_F(WeightProgramTest, NeedsOneProgram) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  EXPECT_TRUE(failed(serializeWeightProgram(*module)));
  EXPECT_THAT(errors, HasSubstr("has no weight program"));
}

} // namespace
