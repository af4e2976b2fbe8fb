// RUN: dsv2-opt %s --dsv2-optimized-to-planned | FileCheck %s
// RUN: dsv2-opt %s --dsv2-optimized-to-planned | dsv2-opt --verify-roundtrip --verify-planned -o /dev/null
// RUN: sed 's/return %%r, %%p, %%c1/return %%r, %%p, %%cache/' %s | not dsv2-opt --dsv2-optimized-to-planned 2>&1 | FileCheck %s --check-prefix=DROPPED

// A layer with split attention, called twice. Everything lies in one arena that
// all functions take; the cache is updated in place; a step returns nothing.
// CHECK:       module attributes {dsv2.arena_bytes = [[BYTES:[0-9]+]] : i64, dsv2.barriers = {{[0-9]+}} : i64}
// CHECK-NOT:   tensor<
// CHECK-NOT:   memref.alloc
// CHECK-NOT:   memref.copy
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:    %[[ARENA:[a-z0-9]+]]: memref<[[BYTES]]xi8> {dsv2.arena}
// CHECK-SAME:    %[[CACHE:[a-z0-9]+]]: memref<2x?x64x40xf32, #cache> {dsv2.count = "pages"}
// CHECK:         dsv2.append_latent %{{.*}} into %[[CACHE]]
// CHECK:         dsv2.barrier
// The expanded form writes its tokens, the absorbed form the others, of one buffer.
// CHECK:         dsv2.expanded_attention {{.*}} range = expanded {{.*}} outs(%[[O:.*]]) :
// CHECK-NEXT:    dsv2.barrier
// CHECK-NEXT:    dsv2.head_linear {{.*}} range = absorbed update outs(%[[O]]) :
// CHECK:         return{{$}}
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    memref<[[BYTES]]xi8> {dsv2.arena}
// CHECK-SAME:    %[[LOGITS:[a-z0-9]+]]: memref<?x100xf32> {dsv2.count = "outputs", dsv2.destination}) {
// CHECK:         call @layer(
// CHECK:         dsv2.barrier
// CHECK:         call @layer(
// CHECK:         dsv2.linear {{.*}} outs(%[[LOGITS]])
// CHECK-NEXT:    return{{$}}
// CHECK-NOT:   tensor<

// DROPPED: error: an updated cache is dropped

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!X = tensor<?x64xf32>
!C = tensor<2x?x64x40xf32, #cache>
func.func private @layer(%res: !X {dsv2.count = "tokens"}, %delta: !X {dsv2.count = "tokens"}, %batch: !batch, %cache: !C {dsv2.count = "pages"}, %layer: index, %cs: tensor<?x4x2xf32> {dsv2.count = "tokens"}, %wn: tensor<64xf32>, %wq: tensor<2x64x64x1xf32>, %wkv: tensor<1x64x64x1xf32>, %kvn: tensor<32xf32>, %wuk: tensor<4x1x16x64x1xf32>, %wuv: tensor<4x1x32x64x1xf32>, %wo: tensor<1x64x64x1xf32>) -> (!X {dsv2.count = "tokens"}, !X {dsv2.count = "tokens"}, !C) attributes {no_inline} {
  %n = dsv2.batch_count %batch["tokens"] : !batch
  %r = dsv2.add %res, %delta : (!X, !X) -> !X
  %h = dsv2.rms_norm %r, %wn eps = 1.0e-6 : (!X, tensor<64xf32>) -> !X
  %q = dsv2.linear %h, %wq : (!X, tensor<2x64x64x1xf32>) -> tensor<?x96xf32>
  %q3 = tensor.expand_shape %q [[0], [1, 2]] output_shape [%n, 4, 24] : tensor<?x96xf32> into tensor<?x4x24xf32>
  %qr = dsv2.rope %q3, %cs : (tensor<?x4x24xf32>, tensor<?x4x2xf32>) -> tensor<?x4x24xf32>
  %kv = dsv2.linear %h, %wkv : (!X, tensor<1x64x64x1xf32>) -> tensor<?x40xf32>
  %kn = dsv2.rms_norm %kv, %kvn eps = 1.0e-6 : (tensor<?x40xf32>, tensor<32xf32>) -> tensor<?x40xf32>
  %kr = dsv2.rope %kn, %cs : (tensor<?x40xf32>, tensor<?x4x2xf32>) -> tensor<?x40xf32>
  %c1 = dsv2.append_latent %kr into %cache[%layer] at %batch : (tensor<?x40xf32>, !C, index, !batch) -> !C
  %qc = dsv2.head_linear %qr, %wuk at %batch range = absorbed through = 8 : (tensor<?x4x24xf32>, tensor<4x1x16x64x1xf32>, !batch) -> tensor<?x4x40xf32>
  %lat = dsv2.latent_attention %qc, %c1[%layer] at %batch range = absorbed scale = 0.25 : (tensor<?x4x40xf32>, !C, index, !batch) -> tensor<?x4x32xf32>
  %e = tensor.empty(%n) : tensor<?x4x16xf32>
  %o0 = dsv2.expanded_attention %qr, %c1[%layer], %wuv, %wuv at %batch range = expanded scale = 0.25 outs(%e) : (tensor<?x4x24xf32>, !C, index, tensor<4x1x32x64x1xf32>, tensor<4x1x32x64x1xf32>, !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %o = dsv2.head_linear %lat, %wuv at %batch range = absorbed update outs(%o0) : (tensor<?x4x32xf32>, tensor<4x1x32x64x1xf32>, !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %o2 = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x4x16xf32> into !X
  %p = dsv2.linear %o2, %wo : (!X, tensor<1x64x64x1xf32>) -> !X
  return %r, %p, %c1 : !X, !X, !C
}
func.func @step(%ids: tensor<?xi32> {dsv2.count = "tokens"}, %batch: !batch, %cache: !C {dsv2.count = "pages"}) -> (tensor<?x100xf32> {dsv2.count = "outputs"}, !C) {
  %t = dsv2.weight "embed" slot 0 : tensor<100x64xf32>
  %n = dsv2.weight "n" slot 1 : tensor<64xf32>
  %q = dsv2.weight "q" slot 2 : tensor<2x64x64x1xf32>
  %kv = dsv2.weight "kv" slot 3 : tensor<1x64x64x1xf32>
  %kvn = dsv2.weight "kvn" slot 4 : tensor<32xf32>
  %uk = dsv2.weight "uk" slot 5 : tensor<4x1x16x64x1xf32>
  %uv = dsv2.weight "uv" slot 6 : tensor<4x1x32x64x1xf32>
  %h = dsv2.weight "head" slot 7 : tensor<2x64x64x1xf32>
  %x = dsv2.embed %ids, %t : (tensor<?xi32>, tensor<100x64xf32>) -> !X
  %z = dsv2.zeros at %batch : (!batch) -> !X
  %cs = dsv2.rope_table at %batch frequencies = [1.0, 0.1, 0.01, 0.001] scale = 1.0 : (!batch) -> tensor<?x4x2xf32>
  %l0 = arith.constant 0 : index
  %l1 = arith.constant 1 : index
  %r0, %d0, %c0 = call @layer(%x, %z, %batch, %cache, %l0, %cs, %n, %q, %kv, %kvn, %uk, %uv, %kv) : (!X, !X, !batch, !C, index, tensor<?x4x2xf32>, tensor<64xf32>, tensor<2x64x64x1xf32>, tensor<1x64x64x1xf32>, tensor<32xf32>, tensor<4x1x16x64x1xf32>, tensor<4x1x32x64x1xf32>, tensor<1x64x64x1xf32>) -> (!X, !X, !C)
  %r1, %d1, %c1 = call @layer(%r0, %d0, %batch, %c0, %l1, %cs, %n, %q, %kv, %kvn, %uk, %uv, %kv) : (!X, !X, !batch, !C, index, tensor<?x4x2xf32>, tensor<64xf32>, tensor<2x64x64x1xf32>, tensor<1x64x64x1xf32>, tensor<32xf32>, tensor<4x1x16x64x1xf32>, tensor<4x1x32x64x1xf32>, tensor<1x64x64x1xf32>) -> (!X, !X, !C)
  %f = dsv2.add %r1, %d1 : (!X, !X) -> !X
  %g = dsv2.select_outputs %f at %batch : (!X, !batch) -> !X
  %fn = dsv2.rms_norm %g, %n eps = 1.0e-6 : (!X, tensor<64xf32>) -> !X
  %lg = dsv2.linear %fn, %h : (!X, tensor<2x64x64x1xf32>) -> tensor<?x100xf32>
  return %lg, %c1 : tensor<?x100xf32>, !C
}
