// RUN: dsv2-opt %s --dsv2-fuse-add-norm --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// The residual stream is read again after the norm.
// CHECK-LABEL: func.func @residual
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %[[D:.*]]: tensor<?x64xbf16>, %[[W:.*]]: tensor<64xbf16>
func.func @residual(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %w: tensor<64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  // CHECK-NEXT: %[[R:.*]]:2 = dsv2.add_rms_norm %[[X]], %[[D]], %[[W]] eps = {{[^ ,]+}} :
  // CHECK-NEXT: return %[[R]]#0, %[[R]]#1
  %s = dsv2.add %x, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{one pass over rows of 64 columns instead of two, a barrier less}}
  %n = dsv2.rms_norm %s, %w eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  return %s, %n : tensor<?x64xbf16>, tensor<?x64xbf16>
}

// The first norm takes the sum; the second reads what it left.
// CHECK-LABEL: func.func @two_norms
// CHECK-NEXT:    %[[R:.*]]:2 = dsv2.add_rms_norm
// CHECK-NEXT:    dsv2.rms_norm %[[R]]#0
func.func @two_norms(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %w: tensor<64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x64xbf16>) {
  %s = dsv2.add %x, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{one pass}}
  %n = dsv2.rms_norm %s, %w eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  %m = dsv2.rms_norm %s, %w eps = 1.0e-5 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  return %n, %m : tensor<?x64xbf16>, tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @leading_columns
// CHECK-NEXT:    dsv2.add
// CHECK-NEXT:    dsv2.rms_norm
func.func @leading_columns(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %w: tensor<48xbf16>) -> tensor<?x64xbf16> {
  %s = dsv2.add %x, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // expected-remark @below {{the norm is of leading columns only}}
  %n = dsv2.rms_norm %s, %w eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<48xbf16>) -> tensor<?x64xbf16>
  return %n : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @late_weight
// CHECK:         dsv2.rms_norm
func.func @late_weight(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>) -> tensor<?x64xbf16> {
  %s = dsv2.add %x, %d : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  %w = dsv2.checkpoint "norm.weight" : tensor<64xbf16>
  // expected-remark @below {{the norm's weight is made after the sum}}
  %n = dsv2.rms_norm %s, %w eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  return %n : tensor<?x64xbf16>
}
