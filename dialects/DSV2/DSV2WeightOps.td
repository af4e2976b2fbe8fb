//===- DSV2WeightOps.td - Checkpoint tensors and their packing -*- tablegen -*-===//
//
// Where weights come from and how they are laid out. Everything that depends
// on these ops alone is hoisted into the weight program.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2WEIGHTOPS_TD
#define DIALECTS_DSV2_DSV2WEIGHTOPS_TD

include "dialects/DSV2/DSV2Interfaces.td"

def DSV2_CheckpointOp : DSV2_Op<"checkpoint", [Pure]> {
  let summary = "a tensor of the checkpoint, or a stack of them";
  let description = [{
    The tensor with this name. When the name holds `{}`, the leading dimension
    counts the tensors that the numbers from zero name, and the remaining
    dimensions are those of each.

    Constraints:
    - (C1) the shape is static.
    - (C2) the name holds `{}` at most once, and then the rank is at least two.

    Lifespan: from the frontend; after `dsv2-hoist-weight-ops` only in the
    weight program.

    Example:
    ```mlir
    %w = dsv2.checkpoint "model.layers.1.mlp.experts.{}.up_proj.weight"
      : tensor<64x1408x2048xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs RankedTensorOf<[BF16, F16, F32]>:$result);
  let assemblyFormat = "$name attr-dict `:` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the value stacks several tensors.
    bool isStacked() { return getName().contains("{}"); }
    /// Name of the i-th tensor of a stack.
    std::string getStackedName(int64_t i);
  }];
}

def DSV2_ConvertOp : DSV2_Op<"convert", [Pure]> {
  let summary = "changes the element type of a weight";
  let description = [{
    Rounds to nearest even.

    Constraints:
    - (C1) the shapes are equal.

    Lifespan: emitted by the frontend where the checkpoint's type is not the
    compute type; part of the weight program.

    Example:
    ```mlir
    %b = dsv2.convert %w : tensor<64x32xf16> to tensor<64x32xbf16>
    ```
  }];
  let arguments = (ins RankedTensorOf<[BF16, F16, F32]>:$x);
  let results = (outs RankedTensorOf<[BF16, F16, F32]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def DSV2_TransposeOp : DSV2_Op<"transpose", [Pure]> {
  let summary = "swaps the two innermost dimensions of a weight";
  let description = [{
    `result[..., i, j] = x[..., j, i]`.

    Constraints:
    - (C1) the result's shape is that of `x` with the last two sizes swapped.

    Lifespan: made by `dsv2-absorb-mla-projections` (W_UK is applied from its
    other side); part of the weight program.

    Example:
    ```mlir
    %t = dsv2.transpose %w : tensor<16x128x512xbf16> -> tensor<16x512x128xbf16>
    ```
  }];
  let arguments = (ins RankedTensorOf<[BF16, F16, F32]>:$x);
  let results = (outs RankedTensorOf<[BF16, F16, F32]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def DSV2_MergeOp : DSV2_Op<"merge", [Pure]> {
  let summary = "multiplies two weights ahead of time, head by head";
  let description = [{
    `result[h, i, j] = sum_k lhs[h, i, k] * rhs[h, k, j]`, accumulated in f64
    and rounded once: two projections in a row become one.

    Constraints:
    - (C1) `lhs` is `[H, I, K]`, `rhs` is `[H, K, J]`, the result `[H, I, J]`.

    Lifespan: made by `dsv2-absorb-mla-projections` for the merged form; part
    of the weight program.

    Example:
    ```mlir
    %m = dsv2.merge %a, %b
      : (tensor<4x8x16xbf16>, tensor<4x16x48xbf16>) -> tensor<4x8x48xbf16>
    ```
  }];
  let arguments = (ins RankedTensorOf<[BF16, F16, F32]>:$lhs,
                       RankedTensorOf<[BF16, F16, F32]>:$rhs);
  let results = (outs RankedTensorOf<[BF16, F16, F32]>:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DSV2_PackOp : DSV2_Op<"pack", [Pure]> {
  let summary = "lays a matrix out for streaming";
  let description = [{
    `[..., N, K]` becomes `[..., ceil(N/64), ceil(K/p), 64, p]` with `p` the
    elements of 32 bits (2 for bf16, 1 for f32):
    `result[..., n, k, i, j] = x[..., 64 n + i, p k + j]`, zero beyond the
    matrix. One linear reads it front to back.

    Constraints:
    - (C1) the result has the packed shape of `x` and its element type.

    Lifespan: made by `dsv2-pack-weights`; part of the weight program.

    Example:
    ```mlir
    %p = dsv2.pack %w : tensor<1408x2048xbf16> -> tensor<22x1024x64x2xbf16>
    ```
  }];
  let arguments = (ins RankedTensorOf<[BF16, F32]>:$x);
  let results = (outs RankedTensorOf<[BF16, F32]>:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The packed type of an unpacked weight.
    static ::mlir::RankedTensorType getPackedType(::mlir::RankedTensorType type);
  }];
}

def DSV2_StoreWeightOp : DSV2_Op<"store_weight"> {
  let summary = "puts a value into a slot of the weight table";
  let description = [{
    The terminal use of every chain of the weight program.

    Lifespan: made by `dsv2-hoist-weight-ops`, in the function that carries
    `dsv2.weight_program`.

    Example:
    ```mlir
    dsv2.store_weight %p, "model.layers.0.self_attn.o_proj.weight" slot 7
      : tensor<32x1024x64x2xbf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, StrAttr:$name, I64Attr:$slot);
  let assemblyFormat = "$value `,` $name `slot` $slot attr-dict `:` type($value)";
}

def DSV2_WeightOp : DSV2_Op<"weight", [Pure]> {
  let summary = "a slot of the weight table";
  let description = [{
    What step code sees of the weight program: a pointer of a table, filled
    when compiling or when starting.

    Constraints:
    - (C1) the shape is static.

    Lifespan: made by `dsv2-hoist-weight-ops`; lowered with the ABI.

    Example:
    ```mlir
    %w = dsv2.weight "model.norm.weight" slot 3 : tensor<64xbf16>
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$slot);
  let results = (outs DSV2_Float:$result);
  let assemblyFormat = "$name `slot` $slot attr-dict `:` type($result)";
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2WEIGHTOPS_TD
