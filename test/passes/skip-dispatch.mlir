// RUN: dsv2-opt %s --dsv2-skip-dispatch=target=avx512bf16 --verify-roundtrip --split-input-file \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s
// RUN: dsv2-opt %s --dsv2-skip-dispatch=tokens=9 --split-input-file | FileCheck %s --check-prefix=FORCED
// RUN: dsv2-opt %s --dsv2-skip-dispatch=tokens=0 --split-input-file | FileCheck %s --check-prefix=NEVER

// RUN: not dsv2-opt %s --dsv2-skip-dispatch=target=no-such --split-input-file 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: target: expected one of {{.*}}, got "no-such"

// V2-Lite: two tokens would read half an expert again, of 17 MB.
// CHECK-LABEL: func.func @lite
// CHECK-SAME:    %[[E:[a-z0-9]+]]: tensor<?x6xi32>
// CHECK:         dsv2.dispatch %[[E]] unsorted up_to = 1 :
// CHECK:         dsv2.grouped_gated_linear {{.*}} unsorted %[[E]] up_to = 1 :
// CHECK:         dsv2.grouped_combine {{.*}} unsorted %[[E]] up_to = 1 :
// FORCED-LABEL: func.func @lite
// FORCED-COUNT-3: unsorted {{.*}}up_to = 9
// NEVER-LABEL: func.func @lite
// NEVER-NOT:     unsorted
func.func @lite(%x: tensor<?x2048xbf16>, %e: tensor<?x6xi32>, %w: tensor<?x6xf32>, %g: tensor<64x1408x2048xbf16>,
                %d: tensor<64x2048x1408xbf16>) -> tensor<?x2048xbf16> {
  // expected-remark @below {{unsorted up to 1 token: experts read again are 0.0 KB for 1 token, 9732.1 KB for 2 tokens; a region less is worth 460.8 KB}}
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x6xi32>) -> (tensor<65xi32>, tensor<?x6xi32>, tensor<?x6xi32>)
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g
    : (tensor<?x2048xbf16>, tensor<65xi32>, tensor<?x6xi32>, tensor<64x1408x2048xbf16>, tensor<64x1408x2048xbf16>)
    -> tensor<?x6x1408xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x6x1408xbf16>, tensor<65xi32>, tensor<?x6xi32>, tensor<?x6xf32>, tensor<64x2048x1408xbf16>)
    -> tensor<?x2048xbf16>
  return %y : tensor<?x2048xbf16>
}

// -----

// Small experts: a few of them are soon read again.
// CHECK-LABEL: func.func @small
// CHECK:         dsv2.dispatch {{.*}} unsorted up_to = 5 :
func.func @small(%x: tensor<?x128xbf16>, %e: tensor<?x4xi32>, %w: tensor<?x4xf32>, %g: tensor<16x64x128xbf16>,
                 %d: tensor<16x128x64xbf16>) -> tensor<?x128xbf16> {
  // expected-remark @below {{unsorted up to 5 tokens: experts read again are 383.2 KB for 5 tokens, 533.2 KB for 6 tokens}}
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x4xi32>) -> (tensor<17xi32>, tensor<?x4xi32>, tensor<?x4xi32>)
  %h = dsv2.grouped_gated_linear %x, %o, %r, %g, %g
    : (tensor<?x128xbf16>, tensor<17xi32>, tensor<?x4xi32>, tensor<16x64x128xbf16>, tensor<16x64x128xbf16>)
    -> tensor<?x4x64xbf16>
  %y = dsv2.grouped_combine %h, %o, %r, %w, %d
    : (tensor<?x4x64xbf16>, tensor<17xi32>, tensor<?x4xi32>, tensor<?x4xf32>, tensor<16x128x64xbf16>)
    -> tensor<?x128xbf16>
  return %y : tensor<?x128xbf16>
}

// -----

// CHECK-LABEL: func.func @not_fused
// CHECK-NOT:     unsorted
func.func @not_fused(%x: tensor<?x64xbf16>, %e: tensor<?x2xi32>, %g: tensor<8x32x64xbf16>) -> tensor<?x2x32xbf16> {
  // expected-remark @below {{a reader has no unsorted form}}
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  %h = dsv2.grouped_linear %x, %o, %r, %g
    : (tensor<?x64xbf16>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xbf16>) -> tensor<?x2x32xbf16>
  return %h : tensor<?x2x32xbf16>
}
