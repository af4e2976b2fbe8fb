// RUN: dsv2-opt %s --dsv2-fuse-argmax --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// The logits stay a result.
// CHECK-LABEL: func.func @head
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>
func.func @head(%x: tensor<?x64xbf16>, %n: tensor<64xbf16>, %w: tensor<256x64xbf16>)
    -> (tensor<?x256xf32>, tensor<?xi32>) {
  // CHECK: %[[R:.*]]:3 = dsv2.norm_linears %[[X]], %{{.*}} eps = {{[^ ,]+}}, (%{{.*}}) choose :
  // CHECK: return %[[R]]#1, %[[R]]#2
  %y:2 = dsv2.norm_linears %x, %n eps = 1.0e-6, (%w)
    : (tensor<?x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x256xf32>)
  // expected-remark @below {{each thread looks at the logits that it has made}}
  %c = dsv2.argmax %y#1 : (tensor<?x256xf32>) -> tensor<?xi32>
  return %y#1, %c : tensor<?x256xf32>, tensor<?xi32>
}

// With a sum; a second choice is the first.
// CHECK-LABEL: func.func @twice
func.func @twice(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %n: tensor<64xbf16>, %w: tensor<256x64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?xi32>, tensor<?xi32>) {
  // CHECK-NEXT: %[[R:.*]]:4 = dsv2.norm_linears %{{.*}} plus %{{.*}}, %{{.*}} eps = {{[^ ,]+}}, (%{{.*}}) choose :
  // CHECK-NEXT: return %[[R]]#0, %[[R]]#3, %[[R]]#3
  %y:3 = dsv2.norm_linears %x plus %d, %n eps = 1.0e-6, (%w)
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>, tensor<256x64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x256xf32>)
  // expected-remark @below {{each thread looks at}}
  %c = dsv2.argmax %y#2 : (tensor<?x256xf32>) -> tensor<?xi32>
  %e = dsv2.argmax %y#2 : (tensor<?x256xf32>) -> tensor<?xi32>
  return %y#0, %c, %e : tensor<?x64xbf16>, tensor<?xi32>, tensor<?xi32>
}

// CHECK-LABEL: func.func @siblings
// CHECK:         dsv2.norm_linears
// CHECK-NOT:     choose
// CHECK:         dsv2.argmax
func.func @siblings(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<256x64xf32>, %v: tensor<32x64xf32>)
    -> (tensor<?xi32>, tensor<?x32xf32>) {
  %y:3 = dsv2.norm_linears %x, %n eps = 1.0e-6, (%w, %v)
    : (tensor<?x64xf32>, tensor<64xf32>, tensor<256x64xf32>, tensor<32x64xf32>)
    -> (tensor<?x64xf32>, tensor<?x256xf32>, tensor<?x32xf32>)
  // expected-remark @below {{its logits are one of several products}}
  %c = dsv2.argmax %y#1 : (tensor<?x256xf32>) -> tensor<?xi32>
  return %c, %y#2 : tensor<?xi32>, tensor<?x32xf32>
}

// CHECK-LABEL: func.func @no_norm
// CHECK:         dsv2.linear
// CHECK:         dsv2.argmax
func.func @no_norm(%x: tensor<?x64xbf16>, %w: tensor<256x64xbf16>) -> tensor<?xi32> {
  %y = dsv2.linear %x, %w : (tensor<?x64xbf16>, tensor<256x64xbf16>) -> tensor<?x256xf32>
  // expected-remark @below {{its logits are no product that is fused with its norm}}
  %c = dsv2.argmax %y : (tensor<?x256xf32>) -> tensor<?xi32>
  return %c : tensor<?xi32>
}

// The normed rows are f32 too, and not what is multiplied into.
// CHECK-LABEL: func.func @of_the_norm
// CHECK:         dsv2.norm_linears
// CHECK-NOT:     choose
// CHECK:         dsv2.argmax
func.func @of_the_norm(%x: tensor<?x64xf32>, %n: tensor<64xf32>, %w: tensor<256x64xf32>)
    -> (tensor<?xi32>, tensor<?x256xf32>) {
  %y:2 = dsv2.norm_linears %x, %n eps = 1.0e-6, (%w)
    : (tensor<?x64xf32>, tensor<64xf32>, tensor<256x64xf32>) -> (tensor<?x64xf32>, tensor<?x256xf32>)
  // expected-remark @below {{its logits are no product that is fused with its norm}}
  %c = dsv2.argmax %y#0 : (tensor<?x64xf32>) -> tensor<?xi32>
  return %c, %y#1 : tensor<?xi32>, tensor<?x256xf32>
}
