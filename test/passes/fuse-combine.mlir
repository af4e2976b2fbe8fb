// RUN: dsv2-opt %s --dsv2-fuse-combine --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @experts
// CHECK-SAME:    %[[H:.*]]: tensor<?x2x32xbf16>, %[[E:.*]]: tensor<?x2xi32>, %[[W:.*]]: tensor<?x2xf32>, %[[D:.*]]: tensor<8x64x32xbf16>
func.func @experts(%h: tensor<?x2x32xbf16>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                   %d: tensor<8x64x32xbf16>) -> tensor<?x64xbf16> {
  // CHECK-NEXT: %[[S:.*]]:3 = dsv2.dispatch %[[E]]
  // CHECK-NEXT: %[[Y:.*]] = dsv2.grouped_combine %[[H]], %[[S]]#0, %[[S]]#1, %[[W]], %[[D]] : ({{.*}}) -> tensor<?x64xbf16>
  // CHECK-NEXT: return %[[Y]]
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  %y = dsv2.grouped_linear %h, %o, %r, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x64x32xbf16>) -> tensor<?x2x64xbf16>
  // expected-remark @below {{2 rows of 64 columns are summed while they are made, 512 bytes of activations less for each token}}
  %z = dsv2.combine %y, %p, %w : (tensor<?x2x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @other_use
// CHECK:         dsv2.combine
func.func @other_use(%h: tensor<?x2x32xbf16>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                     %d: tensor<8x64x32xbf16>) -> (tensor<?x64xbf16>, tensor<?x2x64xbf16>) {
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  %y = dsv2.grouped_linear %h, %o, %r, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x64x32xbf16>) -> tensor<?x2x64xbf16>
  // expected-remark @below {{the product has another use}}
  %z = dsv2.combine %y, %p, %w : (tensor<?x2x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xbf16>
  return %z, %y : tensor<?x64xbf16>, tensor<?x2x64xbf16>
}

// CHECK-LABEL: func.func @two_orders
// CHECK:         dsv2.combine
func.func @two_orders(%h: tensor<?x2x32xbf16>, %e: tensor<?x2xi32>, %p: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                      %d: tensor<8x64x32xbf16>) -> tensor<?x64xbf16> {
  %o, %r, %q = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  %y = dsv2.grouped_linear %h, %o, %r, %d
    : (tensor<?x2x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x64x32xbf16>) -> tensor<?x2x64xbf16>
  // expected-remark @below {{the rows are not in the order of one dispatch}}
  %z = dsv2.combine %y, %p, %w : (tensor<?x2x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @tokens
// CHECK:         dsv2.combine
func.func @tokens(%x: tensor<?x32xbf16>, %e: tensor<?x2xi32>, %w: tensor<?x2xf32>,
                  %d: tensor<8x64x32xbf16>) -> tensor<?x64xbf16> {
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  %y = dsv2.grouped_linear %x, %o, %r, %d
    : (tensor<?x32xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x64x32xbf16>) -> tensor<?x2x64xbf16>
  // expected-remark @below {{the product's input is not sorted}}
  %z = dsv2.combine %y, %p, %w : (tensor<?x2x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @no_product
// CHECK:         dsv2.combine
func.func @no_product(%y: tensor<?x2x64xbf16>, %p: tensor<?x2xi32>, %w: tensor<?x2xf32>) -> tensor<?x64xbf16> {
  // expected-remark @below {{its rows are not those of a grouped_linear}}
  %z = dsv2.combine %y, %p, %w : (tensor<?x2x64xbf16>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xbf16>
  return %z : tensor<?x64xbf16>
}
