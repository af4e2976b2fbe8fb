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

#define GET_OP_CLASSES
#include "dialects/DSV2/DSV2Ops.cpp.inc"
