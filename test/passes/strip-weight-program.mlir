// RUN: dsv2-opt %s --dsv2-strip-weight-program | FileCheck %s

// CHECK:     func.func @step
// CHECK:       dsv2.weight "w" slot 0
// CHECK-NOT: checkpoint
// CHECK-NOT: store_weight
// CHECK-NOT: @weights
// CHECK:     func.func private @absorbs
func.func @step(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = dsv2.weight "w" slot 0 : tensor<64xf32>
  %y = dsv2.rms_norm %x, %w eps = 1.0e-6 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
func.func private @weights() attributes {dsv2.weight_program} {
  %w = dsv2.checkpoint "w" : tensor<64xf32>
  dsv2.store_weight %w, "w" slot 0 : tensor<64xf32>
  return
}
func.func private @absorbs(%tokens: index, %prefix: index, %batch: index) -> i1 attributes {dsv2.classifier} {
  %true = arith.constant true
  return %true : i1
}
