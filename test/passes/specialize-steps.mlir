// RUN: dsv2-opt %s --split-input-file --dsv2-specialize-steps --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>

// The mixed step stays as it is.
// CHECK-LABEL: func.func @step(
// CHECK:         call @layer(
// CHECK-LABEL: func.func private @layer(
// CHECK:         expanded_attention {{.*}} range = expanded
// CHECK:         latent_attention {{.*}} range = absorbed

// CHECK-LABEL: func.func private @layer_decode(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x24xf32>, %{{.*}}: tensor<3x?x64x40xf32, #cache>, %{{.*}}: index, %{{.*}}: !batch, %[[UV:.*]]: tensor<4x16x32xf32>, %[[UKT:.*]]: tensor<4x32x16xf32>)
// CHECK-NOT:     tensor.empty
// CHECK-NOT:     expanded_attention
// CHECK:         %[[A:.*]] = dsv2.head_linear %[[Q]], %[[UKT]] at %{{.*}} range = all through = 8 :
// CHECK:         %[[L:.*]] = dsv2.latent_attention %[[A]], {{.*}} range = all
// CHECK:         %[[O:.*]] = dsv2.head_linear %[[L]], %[[UV]] at %{{.*}} range = all :
// CHECK:         return %[[O]]
// CHECK-LABEL: func.func @decode(
// CHECK-NOT:     slot 0
// CHECK-DAG:     dsv2.weight "uv" slot 1
// CHECK-DAG:     dsv2.weight "ukt" slot 2
// CHECK:         call @layer_decode(

// CHECK-LABEL: func.func private @layer_prefill(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x24xf32>, %{{.*}}: tensor<3x?x64x40xf32, #cache>, %{{.*}}: index, %{{.*}}: !batch, %[[UK:.*]]: tensor<4x16x32xf32>, %[[UV:.*]]: tensor<4x16x32xf32>)
// CHECK-NEXT:    %[[E:.*]] = dsv2.expanded_attention %[[Q]], {{.*}}, %[[UK]], %[[UV]] at %{{.*}} range = all
// CHECK-NEXT:    return %[[E]]
// CHECK-LABEL: func.func @prefill(
// CHECK-NOT:     slot 2
// CHECK:         call @layer_prefill(
// expected-remark @below {{specialized for decode and prefill: 4 ops are limited to a range}}
func.func @step(%q: tensor<?x4x24xf32>, %cache: tensor<3x?x64x40xf32, #cache>, %layer: index, %batch: !batch) -> tensor<?x4x16xf32> {
  %uk = dsv2.weight "uk" slot 0 : tensor<4x16x32xf32>
  %uv = dsv2.weight "uv" slot 1 : tensor<4x16x32xf32>
  %ukt = dsv2.weight "ukt" slot 2 : tensor<4x32x16xf32>
  %o = func.call @layer(%q, %cache, %layer, %batch, %uk, %uv, %ukt)
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch, tensor<4x16x32xf32>, tensor<4x16x32xf32>, tensor<4x32x16xf32>) -> tensor<?x4x16xf32>
  return %o : tensor<?x4x16xf32>
}
func.func private @layer(%q: tensor<?x4x24xf32>, %cache: tensor<3x?x64x40xf32, #cache>, %layer: index, %batch: !batch,
                         %uk: tensor<4x16x32xf32>, %uv: tensor<4x16x32xf32>, %ukt: tensor<4x32x16xf32>) -> tensor<?x4x16xf32> {
  %n = dsv2.batch_count %batch["tokens"] : !batch
  %d = tensor.empty(%n) : tensor<?x4x16xf32>
  %e = dsv2.expanded_attention %q, %cache[%layer], %uk, %uv at %batch range = expanded scale = 0.25 outs(%d)
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  %a = dsv2.head_linear %q, %ukt at %batch range = absorbed through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  %l = dsv2.latent_attention %a, %cache[%layer] at %batch range = absorbed scale = 0.25
    : (tensor<?x4x40xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<?x4x32xf32>
  %o = dsv2.head_linear %l, %uv at %batch range = absorbed update outs(%e)
    : (tensor<?x4x32xf32>, tensor<4x16x32xf32>, !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  return %o : tensor<?x4x16xf32>
}

// -----

// CHECK-LABEL: func.func @step(
// CHECK-NOT:   func.func
// expected-remark @below {{no op is limited to a range: all steps are alike}}
func.func @step() {
  return
}

// -----

// expected-error @below {{has no function @step}}
module {}
