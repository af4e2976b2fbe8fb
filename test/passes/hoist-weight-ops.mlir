// RUN: dsv2-opt %s --split-input-file --dsv2-hoist-weight-ops --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

// Two layers share a function that calls another; the table is tied to the head.
// CHECK-LABEL: func.func @step
// CHECK-SAME:    %[[IDS:.*]]: tensor<?xi32>
// CHECK-NOT:     dsv2.checkpoint
// CHECK:         %[[T:.*]] = dsv2.weight "embed" slot 0 : tensor<64x64xf32>
// CHECK:         %[[X:.*]] = dsv2.embed %[[IDS]], %[[T]]
// CHECK-DAG:     %[[N0:.*]] = dsv2.weight "layers.0.norm" slot 1 : tensor<64xf32>
// CHECK-DAG:     %[[W0:.*]] = dsv2.weight "layers.0.proj" slot 2 : tensor<1x64x64x1xf32>
// CHECK:         %[[Y:.*]] = call @layer(%[[X]], %[[W0]], %[[N0]])
// CHECK-DAG:     %[[N1:.*]] = dsv2.weight "layers.1.norm" slot 3
// CHECK-DAG:     %[[W1:.*]] = dsv2.weight "layers.1.proj" slot 4
// CHECK:         %[[Z:.*]] = call @layer(%[[Y]], %[[W1]], %[[N1]])
// CHECK:         %[[H:.*]] = dsv2.weight "embed.packed" slot 5 : tensor<1x64x64x1xf32>
// CHECK:         dsv2.linear %[[Z]], %[[H]]
func.func @step(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  // expected-remark @below {{1 tensor stored in several layouts (embed, embed.packed): 16384 bytes more}}
  %table = dsv2.checkpoint "embed" : tensor<64x64xf32>
  %x = dsv2.embed %ids, %table : (tensor<?xi32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %w0 = dsv2.checkpoint "layers.0.proj" : tensor<64x64xf32>
  %n0 = dsv2.checkpoint "layers.0.norm" : tensor<64xf32>
  %y = func.call @layer(%x, %w0, %n0) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %w1 = dsv2.checkpoint "layers.1.proj" : tensor<64x64xf32>
  %n1 = dsv2.checkpoint "layers.1.norm" : tensor<64xf32>
  %z = func.call @layer(%y, %w1, %n1) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %head = dsv2.pack %table : tensor<64x64xf32> -> tensor<1x64x64x1xf32>
  %o = dsv2.linear %z, %head : (tensor<?x64xf32>, tensor<1x64x64x1xf32>) -> tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}

// The packed weight takes the place of the plain one; the norm is used first.
// CHECK-LABEL: func.func private @layer
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<1x64x64x1xf32>, %[[N:.*]]: tensor<64xf32>)
// CHECK:         dsv2.rms_norm %[[X]], %[[N]]
// CHECK:         call @project(%{{.*}}, %[[W]])
func.func private @layer(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %n: tensor<64xf32>) -> tensor<?x64xf32> {
  %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %y = func.call @project(%h, %w) : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Two equal packs are one argument.
// CHECK-LABEL: func.func private @project
// CHECK-SAME:    (%[[X:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<1x64x64x1xf32>)
// CHECK:         %[[A:.*]] = dsv2.linear %[[X]], %[[W]]
// CHECK:         dsv2.linear %[[A]], %[[W]]
func.func private @project(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %p = dsv2.pack %w : tensor<64x64xf32> -> tensor<1x64x64x1xf32>
  %y = dsv2.linear %x, %p : (tensor<?x64xf32>, tensor<1x64x64x1xf32>) -> tensor<?x64xf32>
  %q = dsv2.pack %w : tensor<64x64xf32> -> tensor<1x64x64x1xf32>
  %z = dsv2.linear %y, %q : (tensor<?x64xf32>, tensor<1x64x64x1xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @weights
// CHECK-SAME:    attributes {dsv2.weight_program}
// CHECK:         %[[E:.*]] = dsv2.checkpoint "embed"
// CHECK-NEXT:    dsv2.store_weight %[[E]], "embed" slot 0
// CHECK:         dsv2.store_weight %{{.*}}, "layers.0.norm" slot 1
// CHECK:         %[[C:.*]] = dsv2.checkpoint "layers.0.proj"
// CHECK-NEXT:    %[[P:.*]] = dsv2.pack %[[C]]
// CHECK-NEXT:    dsv2.store_weight %[[P]], "layers.0.proj" slot 2
// CHECK-NOT:     dsv2.checkpoint "embed"
// CHECK:         %[[PE:.*]] = dsv2.pack %[[E]]
// CHECK-NEXT:    dsv2.store_weight %[[PE]], "embed.packed" slot 5

// -----

// An argument that is not a weight at every call stays, and so does its pack.
// Reshapes, slices, concatenations, products and constants move with the rest.
// CHECK-LABEL: func.func @step
// CHECK:         call @mixed(%{{.*}}, %{{.*}}, %{{.*}})
// CHECK:         call @mixed
func.func @step(%x: tensor<?x64xf32>, %given: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %a = dsv2.checkpoint "a" : tensor<64x64xf32>
  %b = dsv2.checkpoint "b" : tensor<64x64xf32>
  %y = func.call @mixed(%x, %a, %b) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %z = func.call @mixed(%y, %given, %b) : (tensor<?x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @mixed
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[M:.*]]: tensor<64x64xf32>, %[[D:.*]]: tensor<64x64xf32>, %[[N:.*]]: tensor<64xf32>)
// CHECK-NEXT:    %[[P:.*]] = dsv2.pack %[[M]]
// CHECK-NEXT:    dsv2.linear %[[X]], %[[P]]
// CHECK-NEXT:    dsv2.linear %{{.*}}, %[[D]]
// CHECK-NEXT:    dsv2.rms_norm %{{.*}}, %[[N]]
// CHECK-NEXT:    return
func.func private @mixed(%x: tensor<?x64xf32>, %m: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> tensor<?x64xf32> {
  %p = dsv2.pack %m : tensor<64x64xf32> -> tensor<1x64x64x1xf32>
  %e = tensor.expand_shape %w [[0, 1], [2]] output_shape [4, 16, 64] : tensor<64x64xf32> into tensor<4x16x64xf32>
  %s = tensor.extract_slice %e[0, 0, 0] [4, 8, 64] [1, 1, 1] {dsv2.part = "half"} : tensor<4x16x64xf32> to tensor<4x8x64xf32>
  %t = dsv2.transpose %s : tensor<4x8x64xf32> -> tensor<4x64x8xf32>
  %g = dsv2.merge %t, %s : (tensor<4x64x8xf32>, tensor<4x8x64xf32>) -> tensor<4x64x64xf32>
  %h = tensor.extract_slice %g[0, 0, 0] [4, 8, 64] [1, 1, 1] : tensor<4x64x64xf32> to tensor<4x8x64xf32>
  %cat = tensor.concat dim(1) %h, %s : (tensor<4x8x64xf32>, tensor<4x8x64xf32>) -> tensor<4x16x64xf32>
  %d = tensor.collapse_shape %cat [[0, 1], [2]] : tensor<4x16x64xf32> into tensor<64x64xf32>
  %one = arith.constant dense<1.0> : tensor<64xf32>
  %u = dsv2.linear %x, %p : (tensor<?x64xf32>, tensor<1x64x64x1xf32>) -> tensor<?x64xf32>
  %v = dsv2.linear %u, %d : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %n = dsv2.rms_norm %v, %one eps = 1.0e-6 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %n : tensor<?x64xf32>
}
// CHECK-LABEL: func.func private @weights
// CHECK:         store_weight %{{.*}}, "a" slot 0
// CHECK:         store_weight %{{.*}}, "b.merged.slice" slot 1
// CHECK:         store_weight %{{.*}}, "constant" slot 2
// CHECK-NOT:     store_weight

// -----

// expected-error @below {{calls itself: weights cannot be hoisted}}
func.func private @loop(%w: tensor<64xf32>) {
  func.call @loop(%w) : (tensor<64xf32>) -> ()
  return
}

// -----

// expected-error @below {{takes the name of the weight program}}
func.func private @weights() {
  return
}
