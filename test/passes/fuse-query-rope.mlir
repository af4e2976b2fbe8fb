// RUN: dsv2-opt %s --dsv2-fuse-query-rope --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!cache = tensor<3x?x64x40xf32, #cache>

// Split by sequence: the rope is left to the expanded range, and the product
// moves in front of the attention, its weight with it.
// CHECK-LABEL: func.func @split
// CHECK-SAME:    %[[Q:.*]]: tensor<?x4x24xf32>, %[[CS:.*]]: tensor<?x4x2xf32>
func.func @split(%q: tensor<?x4x24xf32>, %cs: tensor<?x4x2xf32>, %c: !cache, %l: index, %batch: !batch,
                 %uk: tensor<4x16x32xf32>, %uv: tensor<4x16x32xf32>)
    -> (tensor<?x4x16xf32>, tensor<?x4x40xf32>) {
  // CHECK: %[[R:.*]] = dsv2.rope %[[Q]], %[[CS]] at %[[B:.*]] range = expanded :
  // CHECK: %[[T:.*]] = dsv2.transpose
  // CHECK: dsv2.head_linear %[[Q]], %[[T]] at %[[B]] range = absorbed through = 8 rope %[[CS]] :
  // CHECK: dsv2.expanded_attention %[[R]],
  // expected-remark @below {{absorbed queries are turned in the product; the rope is left to the expanded range}}
  %r = dsv2.rope %q, %cs : (tensor<?x4x24xf32>, tensor<?x4x2xf32>) -> tensor<?x4x24xf32>
  %e = dsv2.expanded_attention %r, %c[%l], %uk, %uv at %batch range = expanded scale = 0.25
    : (tensor<?x4x24xf32>, !cache, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch) -> tensor<?x4x16xf32>
  %ukt = dsv2.transpose %uk : tensor<4x16x32xf32> -> tensor<4x32x16xf32>
  %a = dsv2.head_linear %r, %ukt at %batch range = absorbed through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return %e, %a : tensor<?x4x16xf32>, tensor<?x4x40xf32>
}

// CHECK-LABEL: func.func @factored
// CHECK-NEXT:    dsv2.head_linear %{{.*}} range = all through = 8 rope %
func.func @factored(%q: tensor<?x4x24xf32>, %cs: tensor<?x4x2xf32>, %batch: !batch, %ukt: tensor<4x32x16xf32>)
    -> tensor<?x4x40xf32> {
  // expected-remark @below {{queries are turned in the product}}
  %r = dsv2.rope %q, %cs : (tensor<?x4x24xf32>, tensor<?x4x2xf32>) -> tensor<?x4x24xf32>
  %a = dsv2.head_linear %r, %ukt at %batch range = all through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return %a : tensor<?x4x40xf32>
}

// CHECK-LABEL: func.func @merged
// CHECK-NEXT:    dsv2.rope %{{.*}}, %{{.*}} : (
func.func @merged(%q: tensor<?x4x40xf32>, %cs: tensor<?x4x2xf32>, %c: !cache, %l: index, %batch: !batch)
    -> tensor<?x4x32xf32> {
  // expected-remark @below {{dsv2.latent_attention reads the turned query itself}}
  %r = dsv2.rope %q, %cs : (tensor<?x4x40xf32>, tensor<?x4x2xf32>) -> tensor<?x4x40xf32>
  %a = dsv2.latent_attention %r, %c[%l] at %batch range = all scale = 0.25
    : (tensor<?x4x40xf32>, !cache, index, !batch) -> tensor<?x4x32xf32>
  return %a : tensor<?x4x32xf32>
}

// CHECK-LABEL: func.func @all_tokens
// CHECK-NEXT:    dsv2.rope %{{.*}}, %{{.*}} : (
func.func @all_tokens(%q: tensor<?x4x24xf32>, %cs: tensor<?x4x2xf32>, %batch: !batch, %ukt: tensor<4x32x16xf32>)
    -> (tensor<?x4x24xf32>, tensor<?x4x40xf32>) {
  // expected-remark @below {{func.return reads the turned query of all tokens}}
  %r = dsv2.rope %q, %cs : (tensor<?x4x24xf32>, tensor<?x4x2xf32>) -> tensor<?x4x24xf32>
  %a = dsv2.head_linear %r, %ukt at %batch range = absorbed through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return %r, %a : tensor<?x4x24xf32>, tensor<?x4x40xf32>
}
