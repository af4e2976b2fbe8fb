//===- DSV2Types.td - Types and attributes of dsv2 ----------*- tablegen -*-===//
//
// The batch of a step, the encoding of the latent cache, and the token ranges
// that an attention op may be limited to.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2TYPES_TD
#define DIALECTS_DSV2_DSV2TYPES_TD

include "dialects/DSV2/DSV2Dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def DSV2_Batch : TypeDef<DSV2_Dialect, "Batch"> {
  let mnemonic = "batch";
  let summary = "what one step works on: sequences, positions, pages";
  let description = [{
    Carries the maximum of everything that is dynamic: new `tokens` of one
    step, `sequences`, `outputs` (rows of logits), and the `span` of one
    sequence (its context length). Every `?` in the IR is one of its counts.

    ```mlir
    !dsv2.batch<tokens = 512, sequences = 64, outputs = 64, span = 4096>
    ```
  }];
  let parameters = (ins "int64_t":$tokens, "int64_t":$sequences,
                        "int64_t":$outputs, "int64_t":$span);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Upper bound of a count by name, or -1 when it has none (`pages`) or is
    /// unknown.
    int64_t getMaximum(::llvm::StringRef count) const;
    /// Whether `count` names a count of a batch.
    static bool isCount(::llvm::StringRef count);
  }];
}

def DSV2_CacheAttr : AttrDef<DSV2_Dialect, "Cache"> {
  let mnemonic = "cache";
  let summary = "what a row of the latent cache holds";
  let description = [{
    Encoding of the cache tensor `[layers, pages, 64, latent + rope]`: the
    normalized latent (first `latent` columns), then the rotated key that all
    heads share (`rope` columns, adjacent pairs). Becomes the memory space of
    the cache's buffer.
  }];
  let parameters = (ins "int64_t":$latent, "int64_t":$rope);
  let assemblyFormat = "`<` struct(params) `>`";
}

def DSV2_Range : I32EnumAttr<"Range", "tokens that an op computes", [
    I32EnumAttrCase<"All", 0, "all">,
    I32EnumAttrCase<"Absorbed", 1, "absorbed">,
    I32EnumAttrCase<"Expanded", 2, "expanded">]> {
  let cppNamespace = "::mlir::dsv2";
  let genSpecializedAttr = 0;
}
def DSV2_RangeAttr : EnumAttr<DSV2_Dialect, DSV2_Range, "range">;

#endif // DIALECTS_DSV2_DSV2TYPES_TD
