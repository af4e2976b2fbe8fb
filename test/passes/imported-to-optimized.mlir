// RUN: dsv2-opt %s --split-input-file --dsv2-imported-to-optimized --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!C = tensor<2x?x64x40xf32, #cache>
!X = tensor<?x64xf32>

// Definitions are replaced, weights packed and hoisted across the call, checked
// by the verifiers of both stages.
// CHECK-LABEL: func.func private @layer(
// CHECK-NOT:     mla_attention
// CHECK:         dsv2.linears %{{.*}}, (%{{.*}}, %{{.*}}) : (tensor<?x64xf32>, tensor<2x64x64x1xf32>, tensor<1x64x64x1xf32>) -> (tensor<?x96xf32>, tensor<?x40xf32>)
// CHECK:         dsv2.append_latent
// CHECK:         dsv2.latent_attention
// CHECK:         dsv2.select_experts
// CHECK:         dsv2.dispatch {{.*}} unsorted
// CHECK-NEXT:    dsv2.grouped_gated_linear
// CHECK-NEXT:    dsv2.grouped_combine
func.func private @layer(%x: !X {dsv2.count = "tokens"}, %b: !batch, %c: !C {dsv2.count = "pages"}, %layer: index,
                         %wq: tensor<96x64xf32>, %wkv: tensor<40x64xf32>, %kvb: tensor<128x32xf32>, %wo: tensor<64x64xf32>,
                         %gate: tensor<8x64xf32>, %g: tensor<8x32x64xf32>, %u: tensor<8x32x64xf32>, %d: tensor<8x64x32xf32>)
    -> (!X {dsv2.count = "tokens"}, !C {dsv2.count = "pages"}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %q = dsv2.linear %x, %wq : (!X, tensor<96x64xf32>) -> tensor<?x96xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%n, 4, 24] : tensor<?x96xf32> into tensor<?x4x24xf32>
  %kv = dsv2.linear %x, %wkv : (!X, tensor<40x64xf32>) -> tensor<?x40xf32>
  %c1 = dsv2.append_latent %kv into %c[%layer] at %b : (tensor<?x40xf32>, !C, index, !batch) -> !C
  %o = dsv2.mla_attention %qh, %c1[%layer], %kvb at %b scale = 1.0 : (tensor<?x4x24xf32>, !C, index, tensor<128x32xf32>, !batch) -> tensor<?x4x16xf32>
  %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x4x16xf32> into !X
  %p = dsv2.linear %j, %wo : (!X, tensor<64x64xf32>) -> !X
  %w, %e = dsv2.route %p, %gate groups = 1 kept_groups = 1 scale = 1.0 : (!X, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  %y = dsv2.expert_mlp %p, %w, %e, %g, %u, %d : (!X, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x32xf32>) -> !X
  return %y, %c1 : !X, !C
}
// CHECK-LABEL: func.func @step(
// CHECK-NOT:     checkpoint
// CHECK-DAG:     dsv2.weight "embed" slot 0 : tensor<100x64xf32>
// CHECK-DAG:     dsv2.weight "q" slot {{[0-9]+}} : tensor<2x64x64x1xf32>
// CHECK:         call @layer(
// CHECK:       func.func @absorbs({{.*}}) -> i1 attributes {dsv2.classifier}
// CHECK:       func.func private @weights() attributes {dsv2.weight_program}
// CHECK:         dsv2.pack
// CHECK:         dsv2.store_weight
func.func @step(%ids: tensor<?xi32> {dsv2.count = "tokens"}, %b: !batch, %c: !C {dsv2.count = "pages"})
    -> (!X {dsv2.count = "outputs"}, !C {dsv2.count = "pages"}) {
  %table = dsv2.checkpoint "embed" : tensor<100x64xf32>
  %wq = dsv2.checkpoint "q" : tensor<96x64xf32>
  %wkv = dsv2.checkpoint "kv" : tensor<40x64xf32>
  %kvb = dsv2.checkpoint "kv_b" : tensor<128x32xf32>
  %wo = dsv2.checkpoint "o" : tensor<64x64xf32>
  %gate = dsv2.checkpoint "gate" : tensor<8x64xf32>
  %g = dsv2.checkpoint "experts.{}.gate" : tensor<8x32x64xf32>
  %u = dsv2.checkpoint "experts.{}.up" : tensor<8x32x64xf32>
  %d = dsv2.checkpoint "experts.{}.down" : tensor<8x64x32xf32>
  %l = arith.constant 0 : index
  %x = dsv2.embed %ids, %table : (tensor<?xi32>, tensor<100x64xf32>) -> !X
  %y, %c1 = call @layer(%x, %b, %c, %l, %wq, %wkv, %kvb, %wo, %gate, %g, %u, %d) : (!X, !batch, !C, index, tensor<96x64xf32>, tensor<40x64xf32>, tensor<128x32xf32>, tensor<64x64xf32>, tensor<8x64xf32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x32xf32>) -> (!X, !C)
  %o = dsv2.select_outputs %y at %b : (!X, !batch) -> !X
  return %o, %c1 : !X, !C
}

// -----

// What the imported stage does not allow stops at its door.
func.func @step(%e: tensor<?x2xi32> {dsv2.count = "tokens"}) {
  // expected-error @below {{imported stage: op is not allowed}}
  %a, %b, %c = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return
}
