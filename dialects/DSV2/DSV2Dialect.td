//===- DSV2Dialect.td - The dsv2 dialect --------------------*- tablegen -*-===//
//
// The dialect itself and the base classes of its ops.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2DIALECT_TD
#define DIALECTS_DSV2_DSV2DIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def DSV2_Dialect : Dialect {
  let name = "dsv2";
  let cppNamespace = "::mlir::dsv2";
  let summary = "DeepSeek-V2 inference, from the paper's terms to planned buffers";
  let description = [{
    One step of a DeepSeek-V2 model over the new tokens of all sequences. The
    same ops appear in three forms:

    - *value*: tensors in, tensors out; what the frontend emits;
    - *destination*: each result has a tensor that it may overwrite (`outs`);
    - *buffer*: memrefs, no results; the planned stage.

    Every `?` in a type is a count of the batch (`tokens`, `sequences`,
    `outputs` or `pages`).
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
}

class DSV2_Op<string mnemonic, list<Trait> traits = []>
    : Op<DSV2_Dialect, mnemonic, traits>;

#endif // DIALECTS_DSV2_DSV2DIALECT_TD
