// RUN: dsv2-opt %s --dsv2-pack-weights --verify-roundtrip | FileCheck %s
// RUN: dsv2-opt %s --dsv2-pack-weights --dsv2-pack-weights | FileCheck %s
// RUN: sed 's/bf16/f16/g' %s | not dsv2-opt --dsv2-pack-weights 2>&1 | FileCheck %s --check-prefix=F16

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>

// F16: error: 'dsv2.linear' op needs a weight of bf16 or f32, got 'tensor<65x63xf16>'

// Sizes that no multiple of 64 or 2 divides are rounded up. The bias stays.
// CHECK-LABEL: func.func @linear
// CHECK-SAME:    %[[X:.*]]: tensor<?x63xbf16>, %[[W:.*]]: tensor<65x63xbf16>, %[[B:.*]]: tensor<65xbf16>
// CHECK:         %[[P:.*]] = dsv2.pack %[[W]] : tensor<65x63xbf16> -> tensor<2x32x64x2xbf16>
// CHECK-NOT:     dsv2.pack
// CHECK:         dsv2.linear %[[X]], %[[P]] bias %[[B]]
func.func @linear(%x: tensor<?x63xbf16>, %w: tensor<65x63xbf16>, %b: tensor<65xbf16>) -> tensor<?x65xbf16> {
  %y = dsv2.linear %x, %w bias %b : (tensor<?x63xbf16>, tensor<65x63xbf16>, tensor<65xbf16>) -> tensor<?x65xbf16>
  return %y : tensor<?x65xbf16>
}

// CHECK-LABEL: func.func @stay
// CHECK-NOT:     dsv2.pack
// CHECK:         return
func.func @stay(%ids: tensor<?xi32>, %table: tensor<256x64xbf16>, %norm: tensor<64xbf16>) -> tensor<?x64xbf16> {
  %x = dsv2.embed %ids, %table : (tensor<?xi32>, tensor<256x64xbf16>) -> tensor<?x64xbf16>
  %y = dsv2.rms_norm %x, %norm eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// Heads and experts are packed each by itself.
// CHECK-LABEL: func.func @stacks
// CHECK:         dsv2.pack %{{.*}} : tensor<8x32x64xf32> -> tensor<8x1x64x64x1xf32>
// CHECK-NEXT:    dsv2.grouped_linear
// CHECK:         dsv2.pack %{{.*}} : tensor<4x32x16xf32> -> tensor<4x1x16x64x1xf32>
// CHECK-NEXT:    dsv2.head_linear
// CHECK:         dsv2.pack %{{.*}} : tensor<4x16x32xf32> -> tensor<4x1x32x64x1xf32>
// CHECK-NEXT:    dsv2.pack %{{.*}} : tensor<4x16x32xf32> -> tensor<4x1x32x64x1xf32>
// CHECK-NEXT:    dsv2.expanded_attention
func.func @stacks(%x: tensor<?x64xf32>, %offsets: tensor<9xi32>, %order: tensor<?x2xi32>,
                  %experts: tensor<8x32x64xf32>, %q: tensor<?x4x24xf32>, %heads: tensor<4x32x16xf32>,
                  %uk: tensor<4x16x32xf32>, %uv: tensor<4x16x32xf32>, %batch: !batch,
                  %cache: tensor<3x?x64x40xf32, #cache>, %layer: index)
    -> (tensor<?x2x32xf32>, tensor<?x4x40xf32>, tensor<?x4x16xf32>) {
  %a = dsv2.grouped_linear %x, %offsets, %order, %experts
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  %b = dsv2.head_linear %q, %heads at %batch range = all through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  %c = dsv2.expanded_attention %q, %cache[%layer], %uk, %uv at %batch range = all scale = 0.25
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch)
    -> tensor<?x4x16xf32>
  return %a, %b, %c : tensor<?x2x32xf32>, tensor<?x4x40xf32>, tensor<?x4x16xf32>
}

// Fused ops have several.
// CHECK-LABEL: func.func @fused_experts
// CHECK-COUNT-2: dsv2.pack %{{.*}} : tensor<96x64xbf16> -> tensor<2x32x64x2xbf16>
// CHECK-NEXT:    dsv2.gated_linear
// CHECK-COUNT-2: dsv2.pack %{{.*}} : tensor<8x32x64xbf16> -> tensor<8x1x32x64x2xbf16>
// CHECK-COUNT-2: dsv2.pack %{{.*}} : tensor<96x64xbf16> -> tensor<2x32x64x2xbf16>
// CHECK-NEXT:    dsv2.grouped_gated_linear
// CHECK:         dsv2.pack %{{.*}} : tensor<8x64x32xbf16> -> tensor<8x1x16x64x2xbf16>
// CHECK-NEXT:    dsv2.pack %{{.*}} : tensor<64x96xbf16> -> tensor<1x48x64x2xbf16>
// CHECK-NEXT:    dsv2.grouped_combine
func.func @fused_experts(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                         %g: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>, %sg: tensor<96x64xbf16>,
                         %sd: tensor<64x96xbf16>) -> (tensor<?x96xbf16>, tensor<?x64xbf16>) {
  %a = dsv2.gated_linear %x, %sg, %sg : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %h, %s = dsv2.grouped_gated_linear %x, %o, %r, %g, %g shared %sg, %sg
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>, tensor<8x32x64xbf16>,
       tensor<96x64xbf16>, tensor<96x64xbf16>) -> (tensor<?x2x32xbf16>, tensor<?x96xbf16>)
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d shared %s, %sd
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>,
       tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  return %a, %y : tensor<?x96xbf16>, tensor<?x64xbf16>
}
