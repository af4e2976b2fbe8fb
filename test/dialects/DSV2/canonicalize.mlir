// RUN: dsv2-opt %s --canonicalize --cse | FileCheck %s

// A conversion to the same type is none; equal weight ops are one.
// CHECK-LABEL: func.func @weights
// CHECK-SAME:    %[[W:.*]]: tensor<4x8xf32>
// CHECK-NEXT:    %[[P:.*]] = dsv2.pack %[[W]]
// CHECK-NEXT:    return %[[P]], %[[P]]
func.func @weights(%w: tensor<4x8xf32>) -> (tensor<1x8x64x1xf32>, tensor<1x8x64x1xf32>) {
  %c = dsv2.convert %w : tensor<4x8xf32> to tensor<4x8xf32>
  %p = dsv2.pack %w : tensor<4x8xf32> -> tensor<1x8x64x1xf32>
  %q = dsv2.pack %c : tensor<4x8xf32> -> tensor<1x8x64x1xf32>
  return %p, %q : tensor<1x8x64x1xf32>, tensor<1x8x64x1xf32>
}

// A conversion that changes the type stays.
// CHECK-LABEL: func.func @narrow
// CHECK:         dsv2.convert
func.func @narrow(%w: tensor<4x8xf32>) -> tensor<4x8xbf16> {
  %c = dsv2.convert %w : tensor<4x8xf32> to tensor<4x8xbf16>
  return %c : tensor<4x8xbf16>
}

// In value form nothing has effects: an unused op goes away.
// CHECK-LABEL: func.func @unused
// CHECK-NEXT:    return
func.func @unused(%x: tensor<?x64xf32>) {
  %y = dsv2.add %x, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// What a probe names stays, and so does each of two equal probes.
// CHECK-LABEL: func.func @probed
// CHECK-NEXT:    %[[Y:.*]] = dsv2.add
// CHECK-NEXT:    dsv2.probe %[[Y]] "sum" : tensor<?x64xf32>
// CHECK-NEXT:    dsv2.probe %[[Y]] "sum" : tensor<?x64xf32>
// CHECK-NEXT:    return
func.func @probed(%x: tensor<?x64xf32>) {
  %y = dsv2.add %x, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  dsv2.probe %y "sum" : tensor<?x64xf32>
  dsv2.probe %y "sum" : tensor<?x64xf32>
  return
}

// In buffer form it writes, and stays.
// CHECK-LABEL: func.func @writes
// CHECK:         dsv2.add
// CHECK:         dsv2.barrier
func.func @writes(%x: memref<?x64xf32>, %y: memref<?x64xf32>) {
  dsv2.add %x, %x outs(%y) : (memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) -> ()
  dsv2.barrier
  return
}
