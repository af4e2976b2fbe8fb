//===- DSV2LayerOps.td - Ops that every transformer has -----*- tablegen -*-===//
//
// Embedding, norm, linear, rotary embedding, SwiGLU, add.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2LAYEROPS_TD
#define DIALECTS_DSV2_DSV2LAYEROPS_TD

include "dialects/DSV2/DSV2Interfaces.td"

def DSV2_EmbedOp : DSV2_PlannedOp<"embed"> {
  let summary = "looks token ids up in the embedding table";
  let description = [{
    `result[t] = table[ids[t]]`, unscaled.

    Constraints:
    - (C1) `ids` is `[tokens]`, `table` `[vocabulary, d]`, the result
      `[tokens, d]` of the table's type.

    Lifespan: from the frontend to the lowering.

    Example:
    ```mlir
    %x = dsv2.embed %ids, %table
      : (tensor<?xi32>, tensor<256x64xbf16>) -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins DSV2_I32Data:$ids, DSV2_Float:$table, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $ids `,` $table (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_AddOp : DSV2_PlannedOp<"add"> {
  let summary = "elementwise sum";
  let description = [{
    In f32, rounded once to the element type.

    Constraints:
    - (C1) operands and result have one type.

    Example:
    ```mlir
    %z = dsv2.add %x, %y : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$lhs, DSV2_Float:$rhs, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $lhs `,` $rhs (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_RmsNormOp : DSV2_PlannedOp<"rms_norm"> {
  let summary = "root-mean-square norm of the leading columns";
  let description = [{
    With `n` the length of `weight`:
    `r = rsqrt(mean(x[t, :n]^2) + eps)`, `result[t, i] = weight[i] * (x[t, i] * r)`
    for `i < n`; further columns are passed through (the rotary key beside the
    latent). Reference rounding: `x * r` is rounded before the weight
    multiplies (specification §3.2).

    Constraints:
    - (C1) `weight` has rank one and at most the columns of `x`.
    - (C2) the result has the type of `x`; `eps` is positive.

    Example:
    ```mlir
    %c = dsv2.rms_norm %kv, %w eps = 1.0e-6
      : (tensor<?x576xbf16>, tensor<512xbf16>) -> tensor<?x576xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$weight, Variadic<DSV2_Float>:$inits,
                       F64Attr:$eps);
  let assemblyFormat = [{
    $x `,` $weight `eps` `=` $eps (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_LinearOp : DSV2_PlannedOp<"linear", [AttrSizedOperandSegments]> {
  let summary = "multiplies rows by a weight";
  let description = [{
    `result[t, n] = sum_k x[t, k] * weight[n, k] (+ bias[n])`, accumulated in
    f32, rounded once to the result type. The weight is `[N, K]` as in the
    checkpoint, or packed (`dsv2.pack`).

    Constraints:
    - (C1) `x` is `[tokens, K]`, the result `[tokens, N]`.
    - (C2) `weight` is `[N, K]` or the packed shape of that.
    - (C3) `bias`, if present, is `[N]`.
    - (C4) the result type is that of `x`, or f32.

    Lifespan: from the frontend to the lowering; packed by `dsv2-pack-weights`.

    Example:
    ```mlir
    %q = dsv2.linear %x, %w : (tensor<?x2048xbf16>, tensor<3072x2048xbf16>) -> tensor<?x3072xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$weight, Optional<DSV2_Float>:$bias,
                       Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` $weight (`bias` $bias^)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_RopeTableOp : DSV2_PlannedOp<"rope_table"> {
  let summary = "cosine and sine of every token's rotary angles";
  let description = [{
    `result[t, i] = (scale * cos(a), scale * sin(a))` with
    `a = f32(positions[t]) * frequencies[i]` rounded to f32, as the reference
    does at every position (specification §3, "f32 angle"). Computed once a
    step, used by all layers.

    Constraints:
    - (C1) the result is `[tokens, frequencies, 2]` of f32.

    Example:
    ```mlir
    %cs = dsv2.rope_table at %batch frequencies = [1.0, 0.1] scale = 1.0
      : (!dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>) -> tensor<?x2x2xf32>
    ```
  }];
  let arguments = (ins DSV2_Batch:$batch, Variadic<DSV2_F32Data>:$inits,
                       DenseF32ArrayAttr:$frequencies, F32Attr:$scale);
  let assemblyFormat = [{
    `at` $batch `frequencies` `=` custom<ExactFloats>($frequencies) `scale` `=` $scale
    (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::llvm::StringRef getResultCount() { return "tokens"; }
  }];
  let hasVerifier = 1;
}

def DSV2_RopeOp : DSV2_PlannedOp<"rope"> {
  let summary = "rotates the trailing columns by the token's position";
  let description = [{
    The last `2 F` columns of every row (of every head) are adjacent pairs
    `(a, b)`; pair `i` becomes `(a cos - b sin, b cos + a sin)` with the table's
    entry `[t, i]`, in f32 with one rounding. Leading columns are passed
    through. Interleaved in, interleaved out.

    Constraints:
    - (C1) `x` is `[tokens, columns]` or `[tokens, heads, columns]`, the result
      has its type.
    - (C2) `table` is `[tokens, F, 2]` with `2 F` at most the columns.

    Example:
    ```mlir
    %q = dsv2.rope %x, %cs
      : (tensor<?x16x192xbf16>, tensor<?x32x2xf32>) -> tensor<?x16x192xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_F32Data:$table, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` $table (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_SwigluOp : DSV2_PlannedOp<"swiglu"> {
  let summary = "SiLU of the gate times up";
  let description = [{
    `result = silu(gate) * up`, in f32. Reference rounding: `silu(gate)` is
    rounded before the product (specification §3.9).

    Constraints:
    - (C1) operands and result have one type.

    Example:
    ```mlir
    %a = dsv2.swiglu %g, %u : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$gate, DSV2_Float:$up, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $gate `,` $up (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2LAYEROPS_TD
