// RUN: dsv2-opt %s --dsv2-fuse-shared-experts --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @experts
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x64xbf16>, %[[O:.*]]: tensor<9xi32>, %[[R:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<?x2xf32>, %[[G:.*]]: tensor<8x32x64xbf16>, %[[D:.*]]: tensor<8x64x32xbf16>, %[[SG:[a-z0-9]+]]: tensor<96x64xbf16>, %[[SU:[a-z0-9]+]]: tensor<96x64xbf16>, %[[SD:[a-z0-9]+]]: tensor<64x96xbf16>
func.func @experts(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                   %g: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>, %sg: tensor<96x64xbf16>,
                   %su: tensor<96x64xbf16>, %sd: tensor<64x96xbf16>) -> tensor<?x64xbf16> {
  // CHECK-NEXT: %[[H:.*]]:2 = dsv2.grouped_gated_linear %[[X]], %[[O]], %[[R]], %[[G]], %[[G]] shared %[[SG]], %[[SU]] : {{.*}} -> (tensor<?x2x32xbf16>, tensor<?x96xbf16>)
  // CHECK-NEXT: %[[Y:.*]] = dsv2.grouped_combine %[[H]]#0, %[[O]], %[[R]], %[[W]], %[[D]] shared %[[H]]#1, %[[SD]] :
  // CHECK-NEXT: return %[[Y]]
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>, tensor<8x32x64xbf16>)
    -> tensor<?x2x32xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>) -> tensor<?x64xbf16>
  %s = dsv2.gated_linear %x, %sg, %su : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %t = dsv2.linear %s, %sd : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{shared experts of 96 columns join the routed ones, 512 bytes of activations less for each token}}
  %z = dsv2.add %t, %y : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// What dsv2-skip-dispatch decided stays.
// CHECK-LABEL: func.func @unsorted
// CHECK:         dsv2.grouped_gated_linear {{.*}} shared {{.*}} unsorted {{.*}} up_to = 3
// CHECK:         dsv2.grouped_combine {{.*}} shared {{.*}} unsorted {{.*}} up_to = 3
func.func @unsorted(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                    %g: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>, %sg: tensor<96x64xbf16>,
                    %sd: tensor<64x96xbf16>, %e: tensor<?x2xi32>) -> tensor<?x64xbf16> {
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g unsorted %e up_to = 3
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>, tensor<8x32x64xbf16>, tensor<?x2xi32>)
    -> tensor<?x2x32xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d unsorted %e up_to = 3
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>, tensor<?x2xi32>)
    -> tensor<?x64xbf16>
  %s = dsv2.gated_linear %x, %sg, %sg : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %t = dsv2.linear %s, %sd : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{join the routed ones}}
  %z = dsv2.add %y, %t : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @inputs
// CHECK:         dsv2.add
func.func @inputs(%x: tensor<?x64xbf16>, %v: tensor<?x64xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>,
                  %w: tensor<?x2xf32>, %g: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>, %sg: tensor<96x64xbf16>,
                  %sd: tensor<64x96xbf16>) -> tensor<?x64xbf16> {
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>, tensor<8x32x64xbf16>)
    -> tensor<?x2x32xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>) -> tensor<?x64xbf16>
  %s = dsv2.gated_linear %v, %sg, %sg : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %t = dsv2.linear %s, %sd : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{routed and shared experts have different inputs}}
  %z = dsv2.add %y, %t : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @other_use
// CHECK:         dsv2.add
func.func @other_use(%x: tensor<?x64xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                     %g: tensor<8x32x64xbf16>, %d: tensor<8x64x32xbf16>, %sg: tensor<96x64xbf16>,
                     %sd: tensor<64x96xbf16>) -> (tensor<?x64xbf16>, tensor<?x96xbf16>) {
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>, tensor<8x32x64xbf16>)
    -> tensor<?x2x32xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>) -> tensor<?x64xbf16>
  %s = dsv2.gated_linear %x, %sg, %sg : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %t = dsv2.linear %s, %sd : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{a part has another use}}
  %z = dsv2.add %y, %t : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z, %s : tensor<?x64xbf16>, tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @not_fused
// CHECK:         dsv2.add
func.func @not_fused(%h: tensor<?x2x32xbf16>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                     %d: tensor<8x64x32xbf16>, %s: tensor<?x96xbf16>, %sd: tensor<64x96xbf16>) -> tensor<?x64xbf16> {
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xbf16>) -> tensor<?x64xbf16>
  %t = dsv2.linear %s, %sd : (tensor<?x96xbf16>, tensor<64x96xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{gate, up and SwiGLU are not fused}}
  %z = dsv2.add %y, %t : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// A sum that has nothing to do with experts is passed over in silence.
// CHECK-LABEL: func.func @residual
// CHECK:         dsv2.add
func.func @residual(%x: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %z = dsv2.add %x, %x : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}
