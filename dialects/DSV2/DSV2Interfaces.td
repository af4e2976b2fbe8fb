//===- DSV2Interfaces.td - Interfaces of dsv2 ops -----------*- tablegen -*-===//
//
// What the ops that live through all three forms have in common.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2INTERFACES_TD
#define DIALECTS_DSV2_DSV2INTERFACES_TD

include "dialects/DSV2/DSV2Types.td"
include "mlir/IR/OpBase.td"

def DSV2_PlannedOpInterface : OpInterface<"PlannedOpInterface"> {
  let cppNamespace = "::mlir::dsv2";
  let description = [{
    An op in one of three forms: value (no `inits`, tensor results),
    destination (one tensor in `inits` for each result) or buffer (memrefs,
    one in `inits` for each result it would have, no results).
  }];
  let methods = [
    InterfaceMethod<"The destinations, in the order of the results.",
      "::mlir::MutableOperandRange", "getInitsMutable">,
    InterfaceMethod<[{Whether parts of the destinations keep their contents, so
      that they are read.}], "bool", "readsInits", (ins), "", "return false;">,
    InterfaceMethod<[{The count of the batch that is the leading `?` of the
      results; empty when it is that of operand 0.}],
      "::llvm::StringRef", "getResultCount", (ins), "", "return {};">
  ];
  let verify = "return ::mlir::dsv2::verifyPlannedForm($_op);";
}

/// A compute op with variadic destinations and results.
class DSV2_PlannedOp<string mnemonic, list<Trait> traits = []>
    : DSV2_Op<mnemonic, !listconcat(traits, [
        DSV2_PlannedOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>])> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let extraClassDefinition = [{
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<
            ::mlir::MemoryEffects::Effect>> &effects) {
      ::mlir::dsv2::getPlannedEffects(getOperation(), effects);
    }
  }];
}

/// Tensors or memrefs of the given element types.
class DSV2_Shaped<list<Type> types>
    : AnyTypeOf<[RankedTensorOf<types>, MemRefOf<types>]>;
def DSV2_Float : DSV2_Shaped<[BF16, F16, F32]>;
def DSV2_F32Data : DSV2_Shaped<[F32]>;
def DSV2_I32Data : DSV2_Shaped<[I32]>;
def DSV2_AnyData : DSV2_Shaped<[BF16, F16, F32, I32]>;

#endif // DIALECTS_DSV2_DSV2INTERFACES_TD
