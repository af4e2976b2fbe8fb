//===- DSV2Dialect.cpp - The dsv2 dialect ---------------------------------===//
//
// Registration, and the aliases and formats that keep functions readable.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/DSV2Dialect.h"

using namespace mlir;
using namespace mlir::dsv2;

#include "dialects/DSV2/DSV2Dialect.cpp.inc"
#include "dialects/DSV2/DSV2Interfaces.cpp.inc"

namespace {
/// Prints batch types as `!batch` and cache encodings as `#cache`.
struct DSV2AliasInterface : public OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (!isa<CacheAttr>(attr))
      return AliasResult::NoAlias;
    os << "cache";
    return AliasResult::FinalAlias;
  }
  AliasResult getAlias(Type type, raw_ostream &os) const override {
    if (!isa<BatchType>(type))
      return AliasResult::NoAlias;
    os << "batch";
    return AliasResult::FinalAlias;
  }
};
} // namespace

void DSV2Dialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/DSV2/DSV2Ops.cpp.inc"
      >();
  addInterfaces<DSV2AliasInterface>();
}

/// The bare keyword of a range: `range = absorbed`.
static ParseResult parseTokenRange(OpAsmParser &parser, RangeAttr &range) {
  FailureOr<dsv2::Range> value = FieldParser<dsv2::Range>::parse(parser);
  if (failed(value))
    return failure();
  range = RangeAttr::get(parser.getContext(), *value);
  return success();
}

static void printTokenRange(OpAsmPrinter &printer, Operation *, RangeAttr range) {
  printer << stringifyRange(range.getValue());
}

/// `[1.0, 0.1]`, with as many digits as read back the same bits: the form of
/// DenseF32ArrayAttr itself has six, and a rotary angle is a frequency times a
/// position of up to 163,839.
static ParseResult parseExactFloats(OpAsmParser &parser, DenseF32ArrayAttr &array) {
  SmallVector<float> values;
  auto parseValue = [&]() -> ParseResult {
    APFloat value(0.0f);
    if (failed(parser.parseFloat(value.getSemantics(), value)))
      return failure();
    values.push_back(value.convertToFloat());
    return success();
  };
  if (failed(parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square, parseValue)))
    return failure();
  array = DenseF32ArrayAttr::get(parser.getContext(), values);
  return success();
}

static void printExactFloats(OpAsmPrinter &printer, Operation *, DenseF32ArrayAttr array) {
  printer << '[';
  llvm::interleaveComma(array.asArrayRef(), printer,
                        [&](float value) { printer.printFloat(APFloat(value)); });
  printer << ']';
}

#define GET_OP_CLASSES
#include "dialects/DSV2/DSV2Ops.cpp.inc"
