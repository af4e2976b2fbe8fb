// RUN: dsv2-opt %s --dsv2-fuse-sibling-linears --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// What stands between the two stays behind the first.
// CHECK-LABEL: func.func @projections
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %[[Q:.*]]: tensor<96x64xbf16>, %[[KV:.*]]: tensor<40x64xbf16>
func.func @projections(%x: tensor<?x64xbf16>, %wq: tensor<96x64xbf16>, %wkv: tensor<40x64xbf16>, %w: tensor<96xbf16>)
    -> (tensor<?x96xbf16>, tensor<?x40xbf16>) {
  // CHECK-NEXT: %[[R:.*]]:2 = dsv2.linears %[[X]], (%[[Q]], %[[KV]]) : {{.*}} -> (tensor<?x96xbf16>, tensor<?x40xbf16>)
  // CHECK-NEXT: %[[N:.*]] = dsv2.rms_norm %[[R]]#0
  // CHECK-NEXT: return %[[N]], %[[R]]#1
  // expected-remark @below {{2 products of one input share their 3 blocks (2 + 1) among the threads}}
  %q = dsv2.linear %x, %wq : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %n = dsv2.rms_norm %q, %w eps = 1.0e-6 : (tensor<?x96xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  %kv = dsv2.linear %x, %wkv : (tensor<?x64xbf16>, tensor<40x64xbf16>) -> tensor<?x40xbf16>
  return %n, %kv : tensor<?x96xbf16>, tensor<?x40xbf16>
}

// Results may have types of their own.
// CHECK-LABEL: func.func @router
// CHECK:         dsv2.linears {{.*}} -> (tensor<?x96xbf16>, tensor<?x16xf32>)
func.func @router(%x: tensor<?x64xbf16>, %w: tensor<96x64xbf16>, %r: tensor<16x64xbf16>)
    -> (tensor<?x96xbf16>, tensor<?x16xf32>) {
  // expected-remark @below {{2 products}}
  %y = dsv2.linear %x, %w : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %z = dsv2.linear %x, %r : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xf32>
  return %y, %z : tensor<?x96xbf16>, tensor<?x16xf32>
}

// CHECK-LABEL: func.func @apart
// CHECK-COUNT-3: dsv2.linear %
func.func @apart(%x: tensor<?x64xbf16>, %w: tensor<96x64xbf16>, %b: tensor<96xbf16>)
    -> (tensor<?x96xbf16>, tensor<?x96xbf16>, tensor<?x96xbf16>) {
  %y = dsv2.linear %x, %w : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{a product with a bias is computed by itself}}
  %z = dsv2.linear %x, %w bias %b : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  %v = dsv2.checkpoint "late.weight" : tensor<96x64xbf16>
  // expected-remark @below {{its weight is made after the first product of the same input}}
  %u = dsv2.linear %x, %v : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  return %y, %z, %u : tensor<?x96xbf16>, tensor<?x96xbf16>, tensor<?x96xbf16>
}
