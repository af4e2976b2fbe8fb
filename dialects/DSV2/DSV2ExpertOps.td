//===- DSV2ExpertOps.td - Mixture of experts ----------------*- tablegen -*-===//
//
// Routing and experts by definition, and the grouped form.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2EXPERTOPS_TD
#define DIALECTS_DSV2_DSV2EXPERTOPS_TD

include "dialects/DSV2/DSV2Interfaces.td"

def DSV2_RouteOp : DSV2_PlannedOp<"route"> {
  let summary = "chooses each token's experts";
  let description = [{
    Logits `x W^T` in f32, softmax over all experts, then the `k` highest
    scores in descending order, ties by the lowest index. With `groups > 1`
    only experts of the `kept_groups` groups with the highest best score take
    part (contiguous groups; the scores of others count as 0). The weights are
    the scores times `scale`; with `normalize` (and `k > 1`) instead the scores
    divided by their sum + 1e-20 (specification §4).

    Constraints:
    - (C1) `x` is `[tokens, d]`, `gate` `[E, d]`.
    - (C2) the results are `[tokens, k]` of f32 and i32, `0 < k <= E`.
    - (C3) `groups` divides `E`; `0 < kept_groups <= groups`; the kept groups
      hold at least `k` experts.

    Lifespan: emitted by the frontend; `dsv2-group-experts` splits it into
    `dsv2.linear` and `dsv2.select_experts`.

    Example:
    ```mlir
    %w, %e = dsv2.route %x, %gate groups = 8 kept_groups = 3 scale = 16.0
      : (tensor<?x5120xbf16>, tensor<160x5120xbf16>) -> (tensor<?x6xf32>, tensor<?x6xi32>)
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$gate, Variadic<DSV2_AnyData>:$inits,
                       I64Attr:$groups, I64Attr:$kept_groups, F32Attr:$scale,
                       UnitAttr:$normalize);
  let assemblyFormat = [{
    $x `,` $gate `groups` `=` $groups `kept_groups` `=` $kept_groups `scale` `=` $scale
    (`normalize` $normalize^)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_SelectExpertsOp : DSV2_PlannedOp<"select_experts"> {
  let summary = "the choice of `dsv2.route`, from its logits";
  let description = [{
    Everything of `dsv2.route` after the product.

    Constraints:
    - (C1) `logits` is `[tokens, E]` of f32.
    - (C2), (C3) as those of `dsv2.route`.

    Lifespan: made by `dsv2-group-experts`; to the lowering.

    Example:
    ```mlir
    %w, %e = dsv2.select_experts %logits groups = 1 kept_groups = 1 scale = 1.0
      : (tensor<?x64xf32>) -> (tensor<?x6xf32>, tensor<?x6xi32>)
    ```
  }];
  let arguments = (ins DSV2_F32Data:$logits, Variadic<DSV2_AnyData>:$inits,
                       I64Attr:$groups, I64Attr:$kept_groups, F32Attr:$scale,
                       UnitAttr:$normalize);
  let assemblyFormat = [{
    $logits `groups` `=` $groups `kept_groups` `=` $kept_groups `scale` `=` $scale
    (`normalize` $normalize^)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_ExpertMlpOp : DSV2_PlannedOp<"expert_mlp"> {
  let summary = "sends each token through its experts";
  let description = [{
    `result[t] = sum_j weights[t, j] * down[e] swiglu(gate[e] x[t], up[e] x[t])`
    with `e = experts[t, j]`, summed in f32 in the order of `j` and rounded
    once; each expert's output is rounded before it is weighted
    (specification §4).

    Constraints:
    - (C1) `x` and the result are `[tokens, d]`.
    - (C2) `weights` and `experts` are `[tokens, k]` of f32 and i32.
    - (C3) `gate` and `up` are `[E, m, d]`, `down` `[E, d, m]`.

    Lifespan: emitted by the frontend; replaced by `dsv2-group-experts`.

    Example:
    ```mlir
    %y = dsv2.expert_mlp %x, %w, %e, %gate, %up, %down
      : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>,
         tensor<8x32x64xf32>, tensor<8x64x32xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_F32Data:$weights, DSV2_I32Data:$experts,
                       DSV2_Float:$gate, DSV2_Float:$up, DSV2_Float:$down,
                       Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` $weights `,` $experts `,` $gate `,` $up `,` $down (`outs` `(` $inits^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_DispatchOp : DSV2_PlannedOp<"dispatch"> {
  let summary = "sorts the token-expert pairs by expert";
  let description = [{
    Pair `t * k + j` is token `t`'s j-th choice. Sorted by expert, stable in the
    pair's number:

    - `offsets[e]` is the first sorted row of expert `e`; `offsets[E]` = pairs;
    - `order` (flattened) maps a sorted row to its pair;
    - `places` (flattened) maps a pair to its sorted row.

    In a step of at most `unsorted_tokens` tokens nothing is computed, and the
    results are undefined: their readers then take the pairs as they are.

    Constraints:
    - (C1) `experts`, `order` and `places` are `[tokens, k]` of i32.
    - (C2) `offsets` is `[E + 1]` of i32.
    - (C3) `unsorted_tokens`, if present, is positive.

    Lifespan: made by `dsv2-group-experts`; to the lowering.
    `dsv2-skip-dispatch` sets `unsorted_tokens`.

    Example:
    ```mlir
    %offsets, %order, %places = dsv2.dispatch %e
      : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
    ```
  }];
  let arguments = (ins DSV2_I32Data:$experts, Variadic<DSV2_I32Data>:$inits,
                       OptionalAttr<I64Attr>:$unsorted_tokens);
  let assemblyFormat = [{
    $experts (`unsorted` `up_to` `=` $unsorted_tokens^)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_GroupedLinearOp : DSV2_PlannedOp<"grouped_linear"> {
  let summary = "multiplies each expert's rows by its weight";
  let description = [{
    For sorted row `i` of expert `e`, `offsets[e] <= i < offsets[e + 1]`:
    `result[i] = weight[e] x_i`, rows of the result in sorted order
    (`[tokens, k, N]` flattened). With `x` of rank two, `x_i` is the token of
    pair `order[i]`; with rank three it is sorted row `i`.

    Constraints:
    - (C1) `weight` is `[E, N, K]` or its packed shape; `offsets` `[E + 1]`.
    - (C2) `order` is `[tokens, k]`; `x` is `[tokens, K]` or `[tokens, k, K]`;
      the result `[tokens, k, N]`.

    Lifespan: made by `dsv2-group-experts`; to the lowering.

    Example:
    ```mlir
    %g = dsv2.grouped_linear %x, %offsets, %order, %w
      : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>)
      -> tensor<?x2x32xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_I32Data:$offsets, DSV2_I32Data:$order,
                       DSV2_Float:$weight, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `,` $offsets `,` $order `,` $weight (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_CombineOp : DSV2_PlannedOp<"combine"> {
  let summary = "sums each token's weighted expert outputs";
  let description = [{
    `result[t] = sum_j weights[t, j] * y[places[t, j]]`, in f32 in the order of
    `j`, rounded once.

    Constraints:
    - (C1) `y` is `[tokens, k, d]`, `places` and `weights` `[tokens, k]`, the
      result `[tokens, d]`.

    Lifespan: made by `dsv2-group-experts`; to the lowering.

    Example:
    ```mlir
    %o = dsv2.combine %y, %places, %w
      : (tensor<?x2x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$y, DSV2_I32Data:$places, DSV2_F32Data:$weights,
                       Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $y `,` $places `,` $weights (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_GroupedGatedLinearOp
    : DSV2_PlannedOp<"grouped_gated_linear", [AttrSizedOperandSegments]> {
  let summary = "SwiGLU of two products of each expert's rows";
  let description = [{
    `dsv2.swiglu` of two `dsv2.grouped_linear` of one input, without their
    results: row `i` of the first result is `silu(gate[e] x_i) * (up[e] x_i)`
    for sorted row `i` of expert `e`, where `x_i` is the token of pair
    `order[i]`.

    With `shared`, a second result is `dsv2.gated_linear` of `x` with these
    weights: the shared experts, computed beside the routed ones.

    With `unsorted`, in a step of at most `unsorted_tokens` tokens row `i` is
    that of pair `i`, of expert `experts[i]`; `offsets` and `order` are not read.

    Constraints:
    - (C1) `x` is `[tokens, K]`, `order` `[tokens, k]`, the first result
      `[tokens, k, N]` of the element type of `x`.
    - (C2) `gate` and `up` have one type: `[E, N, K]` or the packed shape of
      that; `offsets` is `[E + 1]`.
    - (C3) `shared_gate` and `shared_up`, if present, have one type: `[S, K]` or
      the packed shape of that; there are two results then, the second `[tokens, S]`
      of the element type of `x`, and one otherwise.
    - (C4) `experts`, if present, has the shape of `order`; it comes with
      `unsorted_tokens`, which is positive.

    Lifespan: made by `dsv2-fuse-swiglu`; `dsv2-fuse-shared-experts` adds
    `shared`, `dsv2-skip-dispatch` `unsorted`; to the lowering.

    Example:
    ```mlir
    %h, %s = dsv2.grouped_gated_linear %x, %offsets, %order, %g, %u shared %sg, %su
        unsorted %e up_to = 1
      : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>,
         tensor<8x32x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>, tensor<?x2xi32>)
      -> (tensor<?x2x32xf32>, tensor<?x96xf32>)
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_I32Data:$offsets, DSV2_I32Data:$order,
                       DSV2_Float:$gate, DSV2_Float:$up, Optional<DSV2_Float>:$shared_gate,
                       Optional<DSV2_Float>:$shared_up, Optional<DSV2_I32Data>:$experts,
                       Variadic<DSV2_Float>:$inits, OptionalAttr<I64Attr>:$unsorted_tokens);
  let assemblyFormat = [{
    $x `,` $offsets `,` $order `,` $gate `,` $up (`shared` $shared_gate^ `,` $shared_up)?
    (`unsorted` $experts^ `up_to` `=` $unsorted_tokens)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_GroupedCombineOp : DSV2_PlannedOp<"grouped_combine", [AttrSizedOperandSegments]> {
  let summary = "sums each token's weighted products of its experts";
  let description = [{
    `dsv2.combine` of a `dsv2.grouped_linear` of sorted rows, without its
    result: `result[t] = sum_j weights[t, j] * down[e] x_i`, where sorted row `i`
    of expert `e` is that of pair `t * k + j` (`order[i]`), in f32. Reference
    rounding: each product is rounded before it is weighted, and the sum, in the
    order of `j`, once.

    With `shared`, `shared_down shared_x[t]` is added: the shared experts.
    Reference rounding: the sum, this product, and what they add up to are
    rounded.

    With `unsorted`, in a step of at most `unsorted_tokens` tokens row `i` of
    `x` is that of pair `i`, of expert `experts[i]`; `offsets` and `order` are
    not read.

    Constraints:
    - (C1) `x` is `[tokens, k, K]`, `order` and `weights` are `[tokens, k]`, the
      result is `[tokens, N]` of the element type of `x`.
    - (C2) `down` is `[E, N, K]` or the packed shape of that; `offsets` is
      `[E + 1]`.
    - (C3) `shared_x`, if present, is `[tokens, S]` of the element type of `x`,
      and `shared_down`, which comes with it, `[N, S]` or the packed shape of that.
    - (C4) `experts`, if present, has the shape of `order`; it comes with
      `unsorted_tokens`, which is positive.

    Lifespan: made by `dsv2-fuse-combine`; `dsv2-fuse-shared-experts` adds
    `shared`, `dsv2-skip-dispatch` `unsorted`; to the lowering.

    Example:
    ```mlir
    %y = dsv2.grouped_combine %h, %offsets, %order, %w, %d shared %s, %sd
      : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>,
         tensor<8x64x32xf32>, tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_I32Data:$offsets, DSV2_I32Data:$order,
                       DSV2_F32Data:$weights, DSV2_Float:$down, Optional<DSV2_Float>:$shared_x,
                       Optional<DSV2_Float>:$shared_down, Optional<DSV2_I32Data>:$experts,
                       Variadic<DSV2_Float>:$inits, OptionalAttr<I64Attr>:$unsorted_tokens);
  let assemblyFormat = [{
    $x `,` $offsets `,` $order `,` $weights `,` $down (`shared` $shared_x^ `,` $shared_down)?
    (`unsorted` $experts^ `up_to` `=` $unsorted_tokens)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2EXPERTOPS_TD
