//===- DSV2LayerOps.td - Ops that every transformer has -----*- tablegen -*-===//
//
// Embedding, norm, linear, rotary embedding, SwiGLU, add, greedy choice; and
// what fusion makes of norm, linear, add and choice.
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

def DSV2_AddRmsNormOp : DSV2_PlannedOp<"add_rms_norm"> {
  let summary = "elementwise sum, and its root-mean-square norm";
  let description = [{
    `sum = dsv2.add(x, delta)`, `normed = dsv2.rms_norm(sum, weight)` over whole
    rows, in one pass over each: results 0 and 1. Reference rounding as of the
    two ops; the norm reads the rounded sum.

    Constraints:
    - (C1) `x`, `delta` and both results have one type.
    - (C2) `weight` has rank one and the columns of `x`; `eps` is positive.

    Lifespan: made by `dsv2-fuse-add-norm`; to the lowering.

    Example:
    ```mlir
    %sum, %normed = dsv2.add_rms_norm %x, %d, %w eps = 1.0e-6
      : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>)
      -> (tensor<?x64xbf16>, tensor<?x64xbf16>)
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$delta, DSV2_Float:$weight,
                       Variadic<DSV2_Float>:$inits, F64Attr:$eps);
  let assemblyFormat = [{
    $x `,` $delta `,` $weight `eps` `=` $eps (`outs` `(` $inits^ `)`)? attr-dict `:`
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

def DSV2_LinearsOp : DSV2_PlannedOp<"linears", [AttrSizedOperandSegments]> {
  let summary = "multiplies rows by each of several weights";
  let description = [{
    Result `i` is `dsv2.linear(x, weights[i])`. One region: its work is the
    blocks of all weights, which stay apart in memory.

    Constraints:
    - (C1) `x` is `[tokens, K]`; there are as many weights, at least one, as
      results, `[tokens, N_i]`.
    - (C2) weight `i` is `[N_i, K]` or the packed shape of that.
    - (C3) the type of a result is that of `x`, or f32.

    Lifespan: made by `dsv2-fuse-sibling-linears`; packed by
    `dsv2-pack-weights`; to the lowering.

    Example:
    ```mlir
    %q, %kv = dsv2.linears %x, (%wq, %wkv)
      : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<40x64xbf16>)
      -> (tensor<?x96xbf16>, tensor<?x40xbf16>)
    ```
  }];
  let arguments = (ins DSV2_Float:$x, Variadic<DSV2_Float>:$weights, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` `(` $weights `)` (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_NormLinearsOp : DSV2_PlannedOp<"norm_linears", [AttrSizedOperandSegments]> {
  let summary = "normalizes rows and multiplies them by each of several weights";
  let description = [{
    Without `delta` the results are `normed = dsv2.rms_norm(x, norm)`, over whole
    rows, and `dsv2.linear(normed, weights[i])` for each weight; with it they are
    `sum` and `normed` of `dsv2.add_rms_norm(x, delta, norm)`, then the products.
    Reference rounding as of those ops: what is multiplied is `normed` as stored.
    With `choose` the last result is `dsv2.argmax` of the product.

    Constraints:
    - (C1) `x`, `delta`, `sum` and `normed` have one type, of rank two.
    - (C2) `norm` has rank one and the columns of `x`; `eps` is positive.
    - (C3) there is at least one weight, and a result `[tokens, N_i]` for each,
      behind `sum`, if there is a `delta`, and `normed`; behind them that of
      `choose`, if it is there.
    - (C4) weight `i` is `[N_i, K]` or the packed shape of that; its result's
      type is that of `x`, or f32.
    - (C5) what is chosen from is one product of f32; its choice is `[tokens]`
      of i32.

    Lifespan: made by `dsv2-fuse-norm-linear`, with `choose` by
    `dsv2-fuse-argmax`; packed by `dsv2-pack-weights`; to the lowering.

    Example:
    ```mlir
    %sum, %normed, %q, %kv = dsv2.norm_linears %x plus %d, %norm eps = 1.0e-6, (%wq, %wkv)
      : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>, tensor<96x64xbf16>,
         tensor<40x64xbf16>)
      -> (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?x40xbf16>)
    ```
  }];
  let arguments = (ins DSV2_Float:$x, Optional<DSV2_Float>:$delta, DSV2_Float:$norm,
                       Variadic<DSV2_Float>:$weights, Variadic<DSV2_AnyData>:$inits, F64Attr:$eps,
                       UnitAttr:$choose);
  let assemblyFormat = [{
    $x (`plus` $delta^)? `,` $norm `eps` `=` $eps `,` `(` $weights `)` (`choose` $choose^)?
    (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// Number of the first product among the results.
    unsigned getFirstProduct() { return getDelta() ? 2 : 1; }
  }];
  let hasVerifier = 1;
}

def DSV2_ArgmaxOp : DSV2_PlannedOp<"argmax"> {
  let summary = "the largest column of each row";
  let description = [{
    `result[t]` is the index of the largest of `logits[t]`, of equals the lowest:
    the token that greedy sampling takes. -1 where there is none: the row has a
    NaN, or its largest is infinite.

    Constraints:
    - (C1) `logits` is `[tokens, N]` with at least one column, the result
      `[tokens]`.

    Lifespan: from the frontend to the lowering; taken into `dsv2.norm_linears` by
    `dsv2-fuse-argmax`.

    Example:
    ```mlir
    %choices = dsv2.argmax %logits : (tensor<?x256xf32>) -> tensor<?xi32>
    ```
  }];
  let arguments = (ins DSV2_F32Data:$logits, Variadic<DSV2_I32Data>:$inits);
  let assemblyFormat = [{
    $logits (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
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

def DSV2_RopeOp : DSV2_PlannedOp<"rope", [AttrSizedOperandSegments]> {
  let summary = "rotates the trailing columns by the token's position";
  let description = [{
    The last `2 F` columns of every row (of every head) are adjacent pairs
    `(a, b)`; pair `i` becomes `(a cos - b sin, b cos + a sin)` with the table's
    entry `[t, i]`, in f32 with one rounding. Leading columns are passed
    through. Interleaved in, interleaved out. Only the tokens of `range` are
    computed; others are undefined.

    Constraints:
    - (C1) `x` is `[tokens, columns]` or `[tokens, heads, columns]`, the result
      has its type.
    - (C2) `table` is `[tokens, F, 2]` with `2 F` at most the columns.
    - (C3) a `range` other than all needs the batch.

    Example:
    ```mlir
    %q = dsv2.rope %x, %cs
      : (tensor<?x16x192xbf16>, tensor<?x32x2xf32>) -> tensor<?x16x192xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_F32Data:$table, Optional<DSV2_Batch>:$batch,
                       Variadic<DSV2_Float>:$inits,
                       DefaultValuedAttr<DSV2_RangeAttr, "::mlir::dsv2::Range::All">:$range);
  let assemblyFormat = [{
    $x `,` $table (`at` $batch^ `range` `=` custom<TokenRange>($range))?
    (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  // All tokens.
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::Value":$x,
                                 "::mlir::Value":$table, "::mlir::ValueRange":$inits), [{
    build($_builder, $_state, results, x, table, /*batch=*/::mlir::Value(), inits);
  }]>];
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

def DSV2_GatedLinearOp : DSV2_PlannedOp<"gated_linear"> {
  let summary = "SwiGLU of two products of one input";
  let description = [{
    `result = silu(x gate^T) * (x up^T)`: `dsv2.swiglu` of two `dsv2.linear`, in
    f32. Reference rounding: that of the three ops (specification §3.9).

    Constraints:
    - (C1) `x` is `[tokens, K]`, the result `[tokens, N]` of its element type.
    - (C2) `gate` and `up` have one type: `[N, K]`, or the packed shape of that.

    Lifespan: made by `dsv2-fuse-swiglu`; to the lowering.

    Example:
    ```mlir
    %a = dsv2.gated_linear %x, %g, %u
      : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$gate, DSV2_Float:$up,
                       Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` $gate `,` $up (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2LAYEROPS_TD
