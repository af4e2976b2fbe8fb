//===- DSV2AttentionOps.td - Latent attention ---------------*- tablegen -*-===//
//
// Multi-head latent attention by definition, and the ops that its absorbed and
// re-expanded forms are made of.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2ATTENTIONOPS_TD
#define DIALECTS_DSV2_DSV2ATTENTIONOPS_TD

include "dialects/DSV2/DSV2Interfaces.td"

def DSV2_AppendLatentOp : DSV2_PlannedOp<"append_latent", [AttrSizedOperandSegments]> {
  let summary = "writes the new tokens' rows into the latent cache";
  let description = [{
    Row `t` goes to the slot of its position:
    `cache[layer, page_table[s, p / 64], p % 64] = rows[t]` with
    `s = sequence[t]`, `p = positions[t]`; everything else is kept. Always has
    a destination. With `norm`, `dsv2.rms_norm(rows, norm)` is written, with `rope`
    `dsv2.rope` of the rows, or of that.

    Constraints:
    - (C1) `cache` is `[layers, pages, 64, columns]` with the cache encoding,
      whose latent and rope columns sum to its columns.
    - (C2) `rows` is `[tokens, columns]` of the cache's element type.
    - (C3) `norm` has rank one, `table` is `[tokens, F, 2]`, and the columns of
      the norm and the last `2 F` do not meet; `norm` comes with a positive
      `eps`.

    Lifespan: from the frontend to the lowering; `dsv2-fuse-append` adds `norm`
    and `rope`. The cache is used linearly (`dsv2-verify-linear-cache`).

    Example:
    ```mlir
    %c1 = dsv2.append_latent %rows norm %w eps = 1.0e-6 rope %cs into %c0[%layer] at %batch
      : (tensor<?x40xf32>, tensor<32xf32>, tensor<?x4x2xf32>,
         tensor<3x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>, index,
         !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<3x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
    ```
  }];
  let arguments = (ins DSV2_Float:$rows, Optional<DSV2_Float>:$norm,
                       Optional<DSV2_F32Data>:$table, Variadic<DSV2_Float>:$inits, Index:$layer,
                       DSV2_Batch:$batch, OptionalAttr<F64Attr>:$eps);
  let assemblyFormat = [{
    $rows (`norm` $norm^ `eps` `=` $eps)? (`rope` $table^)? `into` $inits `[` $layer `]` `at` $batch
    attr-dict `:` functional-type(operands, results)
  }];
  // The rows as they are.
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::Value":$rows,
                                 "::mlir::ValueRange":$inits, "::mlir::Value":$layer,
                                 "::mlir::Value":$batch), [{
    build($_builder, $_state, results, rows, /*norm=*/::mlir::Value(), /*table=*/::mlir::Value(),
          inits, layer, batch, /*eps=*/::mlir::FloatAttr());
  }]>];
  let extraClassDeclaration = [{
    bool readsInits() { return true; }
    ::llvm::StringRef getResultCount() { return "pages"; }
  }];
  let hasVerifier = 1;
}

def DSV2_MlaAttentionOp : DSV2_PlannedOp<"mla_attention"> {
  let summary = "latent attention over per-head keys and values, by definition";
  let description = [{
    For the new token `t` of sequence `s` at position `p`, head `h`, and the
    cached rows `[c_j | k_j]` of `s`, `j <= p`:

        [key_hj | value_hj] = kv_b[h] c_j
        l_j       = scale * (q[t, h, :dn] . key_hj + q[t, h, dn:] . k_j)
        result[t, h] = sum_j softmax(l)_j value_hj

    Constraints:
    - (C1) `query` is `[tokens, H, dn + rope]`, the result `[tokens, H, dv]`.
    - (C2) `cache` is `[layers, pages, 64, latent + rope]` with the encoding.
    - (C3) `kv_b` is `[H * (dn + dv), latent]`, heads outermost, `dn` key rows
      before `dv` value rows.

    Lifespan: emitted by the frontend; replaced by
    `dsv2-absorb-mla-projections`.

    Example:
    ```mlir
    %o = dsv2.mla_attention %q, %cache[%layer], %kv_b at %batch scale = 0.25
      : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>,
         index, tensor<128x32xf32>,
         !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x4x16xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$query, DSV2_Float:$cache, Index:$layer, DSV2_Float:$kv_b,
                       DSV2_Batch:$batch, Variadic<DSV2_Float>:$inits, F32Attr:$scale);
  let assemblyFormat = [{
    $query `,` $cache `[` $layer `]` `,` $kv_b `at` $batch `scale` `=` $scale
    (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_HeadLinearOp : DSV2_PlannedOp<"head_linear", [AttrSizedOperandSegments]> {
  let summary = "multiplies each head's row by that head's weight";
  let description = [{
    `result[t, h, n] = sum_k x[t, h, k] * weight[h, n, k]` for `n < N`; the last
    `through` columns of `x` follow as they are (the rotary part of the query),
    or with `rope` as `dsv2.rope` turns them.
    Only the tokens of `range` are computed; with `update` the others keep the
    destination's contents, otherwise they are undefined.

    Constraints:
    - (C1) `weight` is `[H, N, K]` or its packed shape.
    - (C2) `x` is `[tokens, H, K + through]`, the result
      `[tokens, H, N + through]`; `through` is not negative and `K` and `N` are
      positive. (An attribute, because the packed shape does not tell `K`.)
    - (C3) `update` needs a destination.
    - (C4) `table` is `[tokens, F, 2]` with `2 F` at most `through`.

    Lifespan: made by `dsv2-absorb-mla-projections`; `dsv2-fuse-query-rope` adds
    `rope`; to the lowering.

    Example:
    ```mlir
    %qc = dsv2.head_linear %q, %w_uk at %batch range = absorbed through = 64
      : (tensor<?x16x192xbf16>, tensor<16x512x128xbf16>,
         !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x16x576xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Float:$weight, DSV2_Batch:$batch,
                       Optional<DSV2_F32Data>:$table, Variadic<DSV2_Float>:$inits,
                       DSV2_RangeAttr:$range, UnitAttr:$update,
                       DefaultValuedAttr<I64Attr, "0">:$through);
  let assemblyFormat = [{
    $x `,` $weight `at` $batch `range` `=` custom<TokenRange>($range) (`update` $update^)?
    (`through` `=` $through^)? (`rope` $table^)? (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  // What passes through stays as it is.
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$results, "::mlir::Value":$x,
                                 "::mlir::Value":$weight, "::mlir::Value":$batch,
                                 "::mlir::ValueRange":$inits, "::mlir::dsv2::Range":$range,
                                 "bool":$update, "int64_t":$through), [{
    build($_builder, $_state, results, x, weight, batch, /*table=*/::mlir::Value(), inits, range,
          update, through);
  }]>];
  let extraClassDeclaration = [{ bool readsInits() { return getUpdate(); } }];
  let hasVerifier = 1;
}

def DSV2_LatentAttentionOp : DSV2_PlannedOp<"latent_attention"> {
  let summary = "attention of absorbed queries over the latent cache itself";
  let description = [{
    Keys are the cached rows, values their latent columns; all heads share
    both (specification §3.1):

        l_j          = scale * (query[t, h] . cache_j)        j <= p
        result[t, h] = sum_j softmax(l)_j cache_j[:latent]

    Only the tokens of `range` are computed; others are undefined.

    Constraints:
    - (C1) `cache` is `[layers, pages, 64, latent + rope]` with the encoding.
    - (C2) `query` is `[tokens, H, latent + rope]`, the result
      `[tokens, H, latent]`.

    Lifespan: made by `dsv2-absorb-mla-projections`; to the lowering.

    Example:
    ```mlir
    %o = dsv2.latent_attention %qc, %cache[%layer] at %batch range = absorbed scale = 0.25
      : (tensor<?x4x40xf32>, tensor<3x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>, index,
         !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x4x32xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$query, DSV2_Float:$cache, Index:$layer, DSV2_Batch:$batch,
                       Variadic<DSV2_Float>:$inits, DSV2_RangeAttr:$range, F32Attr:$scale);
  let assemblyFormat = [{
    $query `,` $cache `[` $layer `]` `at` $batch `range` `=` custom<TokenRange>($range) `scale` `=` $scale
    (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_ExpandedAttentionOp : DSV2_PlannedOp<"expanded_attention"> {
  let summary = "attention over keys and values rebuilt tile by tile";
  let description = [{
    As `dsv2.mla_attention`, with the two halves of kv_b apart; keys and values
    of a tile of cached rows are rebuilt in scratch memory whose size does not
    depend on the context. Only the tokens of `range` are computed; others are
    undefined.

    Constraints:
    - (C1) `cache` is `[layers, pages, 64, latent + rope]` with the encoding.
    - (C2) `keys` is `[H, dn, latent]`, `values` `[H, dv, latent]`, or their
      packed shapes.
    - (C3) `query` is `[tokens, H, dn + rope]`, the result `[tokens, H, dv]`.

    Lifespan: made by `dsv2-absorb-mla-projections`; to the lowering.

    Example:
    ```mlir
    %o = dsv2.expanded_attention %q, %cache[%layer], %w_uk, %w_uv at %batch range = expanded scale = 0.25
      : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>, index,
         tensor<4x16x32xf32>, tensor<4x16x32xf32>,
         !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x4x16xf32>
    ```
  }];
  let arguments = (ins DSV2_Float:$query, DSV2_Float:$cache, Index:$layer, DSV2_Float:$keys,
                       DSV2_Float:$values, DSV2_Batch:$batch, Variadic<DSV2_Float>:$inits,
                       DSV2_RangeAttr:$range, F32Attr:$scale);
  let assemblyFormat = [{
    $query `,` $cache `[` $layer `]` `,` $keys `,` $values `at` $batch `range` `=` custom<TokenRange>($range)
    `scale` `=` $scale (`outs` `(` $inits^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2ATTENTIONOPS_TD
