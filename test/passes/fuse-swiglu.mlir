// RUN: dsv2-opt %s --dsv2-fuse-swiglu --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @dense
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %[[G:.*]]: tensor<96x64xbf16>, %[[U:.*]]: tensor<96x64xbf16>
func.func @dense(%x: tensor<?x64xbf16>, %g: tensor<96x64xbf16>, %u: tensor<96x64xbf16>) -> tensor<?x96xbf16> {
  // CHECK-NEXT: %[[A:.*]] = dsv2.gated_linear %[[X]], %[[G]], %[[U]] : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // CHECK-NEXT: return %[[A]]
  %a = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %b = dsv2.linear %x, %u : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{two products of 96 columns in one op, 768 bytes of activations less for each token}}
  %c = dsv2.swiglu %a, %b : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %c : tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @experts
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[O:.*]]: tensor<9xi32>, %[[R:.*]]: tensor<?x2xi32>, %[[G:.*]]: tensor<8x32x64xf32>, %[[U:.*]]: tensor<8x32x64xf32>
func.func @experts(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>,
                   %u: tensor<8x32x64xf32>) -> tensor<?x2x32xf32> {
  // CHECK-NEXT: %[[A:.*]] = dsv2.grouped_gated_linear %[[X]], %[[O]], %[[R]], %[[G]], %[[U]] :
  // CHECK-NEXT: return %[[A]]
  %a = dsv2.grouped_linear %x, %o, %r, %g
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  %b = dsv2.grouped_linear %x, %o, %r, %u
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  // expected-remark @below {{two products of 32 columns in one op, 512 bytes of activations less for each token and expert}}
  %c = dsv2.swiglu %a, %b : (tensor<?x2x32xf32>, tensor<?x2x32xf32>) -> tensor<?x2x32xf32>
  return %c : tensor<?x2x32xf32>
}

// Nothing that another op, or a person, looks at may go.
// CHECK-LABEL: func.func @other_use
// CHECK:         dsv2.swiglu
func.func @other_use(%x: tensor<?x64xbf16>, %g: tensor<96x64xbf16>) -> (tensor<?x96xbf16>, tensor<?x96xbf16>) {
  %a = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %b = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{a product has another use}}
  %c = dsv2.swiglu %a, %b : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %b, %c : tensor<?x96xbf16>, tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @one_product
// CHECK:         dsv2.swiglu
func.func @one_product(%x: tensor<?x64xbf16>, %g: tensor<96x64xbf16>) -> tensor<?x96xbf16> {
  %a = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{a product has another use}}
  %c = dsv2.swiglu %a, %a : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %c : tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @inputs
// CHECK:         dsv2.swiglu
func.func @inputs(%x: tensor<?x64xbf16>, %z: tensor<?x64xbf16>, %g: tensor<96x64xbf16>) -> tensor<?x96xbf16> {
  %a = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  %b = dsv2.linear %z, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{the products have different inputs}}
  %c = dsv2.swiglu %a, %b : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %c : tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @bias
// CHECK:         dsv2.swiglu
func.func @bias(%x: tensor<?x64xbf16>, %g: tensor<96x64xbf16>, %s: tensor<96xbf16>) -> tensor<?x96xbf16> {
  %a = dsv2.linear %x, %g bias %s : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  %b = dsv2.linear %x, %g bias %s : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  // expected-remark @below {{a bias is added}}
  %c = dsv2.swiglu %a, %b : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %c : tensor<?x96xbf16>
}

// CHECK-LABEL: func.func @sums_of_more_bits
// CHECK:         dsv2.swiglu
func.func @sums_of_more_bits(%x: tensor<?x64xbf16>, %g: tensor<96x64xbf16>) -> tensor<?x96xf32> {
  %a = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  %b = dsv2.linear %x, %g : (tensor<?x64xbf16>, tensor<96x64xbf16>) -> tensor<?x96xf32>
  // expected-remark @below {{another element type than the input}}
  %c = dsv2.swiglu %a, %b : (tensor<?x96xf32>, tensor<?x96xf32>) -> tensor<?x96xf32>
  return %c : tensor<?x96xf32>
}

// CHECK-LABEL: func.func @no_products
// CHECK:         dsv2.swiglu
func.func @no_products(%a: tensor<?x96xbf16>) -> tensor<?x96xbf16> {
  // expected-remark @below {{gate and up are no products of one kind}}
  %c = dsv2.swiglu %a, %a : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  return %c : tensor<?x96xbf16>
}
