// RUN: dsv2-opt %s --dsv2-fuse-norm-linear --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @head
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>
func.func @head(%x: tensor<?x64xbf16>) -> tensor<?x256xf32> {
  // CHECK: %[[N:.*]] = dsv2.checkpoint "norm.weight"
  // CHECK: %[[W:.*]] = dsv2.checkpoint "lm_head.weight"
  // CHECK: %[[R:.*]]:2 = dsv2.norm_linears %[[X]], %[[N]] eps = {{[^ ,]+}}, (%[[W]]) :
  // CHECK: return %[[R]]#1
  %n = dsv2.checkpoint "norm.weight" : tensor<64xbf16>
  %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  %w = dsv2.checkpoint "lm_head.weight" : tensor<256x64xbf16>
  // expected-remark @below {{no barrier between norm and products of few rows}}
  %y = dsv2.linear %h, %w : (tensor<?x64xbf16>, tensor<256x64xbf16>) -> tensor<?x256xf32>
  return %y : tensor<?x256xf32>
}

// With the sum, whose first reader comes before the products.
// CHECK-LABEL: func.func @residual
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %[[D:.*]]: tensor<?x64xbf16>, %[[N:.*]]: tensor<64xbf16>, %[[W:.*]]: tensor<96x64xbf16>, %[[V:.*]]: tensor<40x64xbf16>
func.func @residual(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %n: tensor<64xbf16>, %w: tensor<96x64xbf16>,
                    %v: tensor<40x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?x40xbf16>) {
  // CHECK-NEXT: %[[R:.*]]:4 = dsv2.norm_linears %[[X]] plus %[[D]], %[[N]] eps = {{[^ ,]+}}, (%[[W]], %[[V]]) :
  // CHECK-NEXT: %[[S:.*]] = dsv2.add %[[R]]#0, %[[D]]
  // CHECK-NEXT: return %[[S]], %[[R]]#2, %[[R]]#3
  %s, %h = dsv2.add_rms_norm %x, %d, %n eps = 1.0e-6
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>)
  %t = dsv2.add %s, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{no barrier}}
  %y:2 = dsv2.linears %h, (%w, %v)
    : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<40x64xbf16>) -> (tensor<?x96xbf16>, tensor<?x40xbf16>)
  return %t, %y#0, %y#1 : tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?x40xbf16>
}

// CHECK-LABEL: func.func @other_readers
// CHECK:         dsv2.rms_norm
// CHECK:         dsv2.linear %
func.func @other_readers(%x: tensor<?x64xbf16>, %n: tensor<64xbf16>, %w: tensor<96x64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x96xbf16>) {
  // expected-remark @below {{other readers of the normed rows wait for a barrier anyway}}
  %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  %y = dsv2.linear %h, %w : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  return %h, %y : tensor<?x64xbf16>, tensor<?x96xbf16>
}

// Neither place will do.
// CHECK-LABEL: func.func @late_weight
// CHECK:         dsv2.add_rms_norm
func.func @late_weight(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %n: tensor<64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x96xbf16>) {
  // expected-remark @below {{the sum is read before the product's weight is made}}
  %s, %h = dsv2.add_rms_norm %x, %d, %n eps = 1.0e-6
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>)
  %t = dsv2.add %s, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %w = dsv2.checkpoint "late.weight" : tensor<96x64xbf16>
  %y = dsv2.linear %h, %w : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  return %t, %y : tensor<?x64xbf16>, tensor<?x96xbf16>
}

// The second norm reads what the first fusion makes.
// CHECK-LABEL: func.func @chain
// CHECK:         %[[A:.*]]:3 = dsv2.norm_linears
// CHECK:         %[[B:.*]]:2 = dsv2.norm_linears %[[A]]#1,
// CHECK:         return %[[B]]#1, %[[A]]#2
func.func @chain(%x: tensor<?x64xbf16>, %n: tensor<64xbf16>, %w: tensor<96x64xbf16>, %v: tensor<40x64xbf16>,
                 %m: tensor<96xbf16>, %u: tensor<32x96xbf16>) -> (tensor<?x32xbf16>, tensor<?x40xbf16>) {
  %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{no barrier}}
  %y:2 = dsv2.linears %h, (%w, %v)
    : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<40x64xbf16>) -> (tensor<?x96xbf16>, tensor<?x40xbf16>)
  %g = dsv2.rms_norm %y#0, %m eps = 1.0e-6 : (tensor<?x96xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{no barrier}}
  %z = dsv2.linear %g, %u : (tensor<?x96xbf16>, tensor<32x96xbf16>) -> tensor<?x32xbf16>
  return %z, %y#1 : tensor<?x32xbf16>, tensor<?x40xbf16>
}
