// RUN: dsv2-opt %s --split-input-file --dsv2-absorb-mla-projections --verify-diagnostics \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark | FileCheck %s
// RUN: not dsv2-opt %s --split-input-file --dsv2-absorb-mla-projections=form=merged \
// RUN:   --remarks-filter-missed=dsv2-.* --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=MERGED

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 8, rope = 8>

// A latent narrower than the heads: absorbing is never dearer, and merging the
// query's projection saves FLOPs. The query has another use, so it stays.
// CHECK-LABEL: func.func @narrow
// CHECK-NOT:     expanded_attention
// CHECK:         dsv2.head_linear
// CHECK:         dsv2.latent_attention {{.*}} range = all
// CHECK:         dsv2.merge
// CHECK-LABEL: func.func @absorbs
// CHECK:         arith.constant true
// MERGED: query projection is not merged: the query has another use
func.func @narrow(%h: tensor<?x64xf32>, %batch: !batch, %cache: tensor<3x?x64x16xf32, #cache>, %layer: index,
                  %wq: tensor<96x64xf32>, %kvb: tensor<128x8xf32>, %wo: tensor<64x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x4x24xf32>) {
  %n = dsv2.batch_count %batch["tokens"] : !batch
  %q = dsv2.linear %h, %wq : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%n, 4, 24] : tensor<?x96xf32> into tensor<?x4x24xf32>
  // expected-remark @below {{absorbed (x86-64-v3): absorbing is never dearer}}
  // expected-remark @below {{output projection merged: merging takes 5.1 kFLOP less a token}}
  %o = dsv2.mla_attention %qh, %cache[%layer], %kvb at %batch scale = 0.25
    : (tensor<?x4x24xf32>, tensor<3x?x64x16xf32, #cache>, index, tensor<128x8xf32>, !batch) -> tensor<?x4x16xf32>
  %oc = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x4x16xf32> into tensor<?x64xf32>
  %y = dsv2.linear %oc, %wo : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %y, %qh : tensor<?x64xf32>, tensor<?x4x24xf32>
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>

// No attention: no classifier.
// CHECK-LABEL: func.func @nothing
// CHECK-NOT:     absorbs
func.func @nothing() {
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @two_shapes(%q: tensor<?x4x24xf32>, %r: tensor<?x4x32xf32>, %batch: !batch,
                      %cache: tensor<3x?x64x40xf32, #cache>, %layer: index, %kvb: tensor<128x32xf32>,
                      %kvc: tensor<160x32xf32>) -> (tensor<?x4x16xf32>, tensor<?x4x16xf32>) {
  // expected-note @below {{the other}}
  %o = dsv2.mla_attention %q, %cache[%layer], %kvb at %batch scale = 0.25
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<128x32xf32>, !batch) -> tensor<?x4x16xf32>
  // expected-error @below {{differs in shape from another: one rule cannot serve both}}
  %p = dsv2.mla_attention %r, %cache[%layer], %kvc at %batch scale = 0.25
    : (tensor<?x4x32xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<160x32xf32>, !batch) -> tensor<?x4x16xf32>
  return %o, %p : tensor<?x4x16xf32>, tensor<?x4x16xf32>
}
