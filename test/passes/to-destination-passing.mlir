// RUN: dsv2-opt %s --split-input-file --dsv2-to-destination-passing --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!C = tensor<2x?x64x40xf32, #cache>
!X = tensor<?x40xf32>

// What is returned is written into arguments; the cache stays its own destination.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x40xf32> {dsv2.count = "tokens"},
// CHECK-SAME:    %[[C:[a-z0-9]+]]: tensor<2x?x64x40xf32, #cache> {dsv2.count = "pages"},
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: tensor<?x40xf32> {dsv2.count = "tokens", dsv2.destination})
// CHECK:         %[[N:.*]] = dsv2.batch_count %{{.*}}["tokens"]
// CHECK:         %[[TMP:.*]] = tensor.empty(%[[N]]) : tensor<?x40xf32>
// CHECK:         %[[A:.*]] = dsv2.add %[[X]], %[[X]] outs(%[[TMP]])
// CHECK:         %[[C1:.*]] = dsv2.append_latent %[[A]] into %[[C]]
// CHECK:         %[[R:.*]] = dsv2.add %[[A]], %[[X]] outs(%[[OUT]])
// CHECK:         return %[[R]], %[[C1]]
func.func private @layer(%x: !X {dsv2.count = "tokens"}, %c: !C {dsv2.count = "pages"}, %layer: index, %b: !batch)
    -> (!X {dsv2.count = "tokens"}, !C {dsv2.count = "pages"}) {
  %a = dsv2.add %x, %x : (!X, !X) -> !X
  %c1 = dsv2.append_latent %a into %c[%layer] at %b : (!X, !C, index, !batch) -> !C
  %r = dsv2.add %a, %x : (!X, !X) -> !X
  return %r, %c1 : !X, !C
}

// Of two calls the first writes a temporary, the second the caller's own destination.
// Sizes come from the batch, each read once.
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x40xf32>
// CHECK-SAME:    %[[OUT:[a-z0-9]+]]: tensor<?x40xf32> {dsv2.count = "tokens", dsv2.destination},
// CHECK-SAME:    %[[SEL:[a-z0-9]+]]: tensor<?x40xf32> {dsv2.count = "outputs", dsv2.destination})
// CHECK-COUNT-1: batch_count %{{.*}}["tokens"]
// CHECK-NOT:     batch_count %{{.*}}["tokens"]
// CHECK:         %[[TMP:.*]] = tensor.empty(
// CHECK:         %[[R0:.*]]:2 = call @layer(%[[X]], {{.*}}, %[[TMP]])
// CHECK:         %[[R1:.*]]:2 = call @layer(%[[R0]]#0, %[[R0]]#1, {{.*}}, %[[OUT]])
// CHECK:         %[[S:.*]] = dsv2.select_outputs %[[R1]]#0 {{.*}} outs(%[[SEL]])
// CHECK:         return %[[R1]]#0, %[[R1]]#1, %[[S]]
func.func @step(%x: !X {dsv2.count = "tokens"}, %c: !C {dsv2.count = "pages"}, %b: !batch) -> (!X, !C, !X) {
  %l0 = arith.constant 0 : index
  %r0, %c0 = call @layer(%x, %c, %l0, %b) : (!X, !C, index, !batch) -> (!X, !C)
  %r1, %c1 = call @layer(%r0, %c0, %l0, %b) : (!X, !C, index, !batch) -> (!X, !C)
  %s = dsv2.select_outputs %r1 at %b : (!X, !batch) -> !X
  return %r1, %c1, %s : !X, !C, !X
}

// Several results, of static and dynamic shape.
// CHECK-LABEL: func.func @several(
// CHECK:         %[[A:.*]] = tensor.empty() : tensor<9xi32>
// CHECK:         %[[B:.*]] = tensor.empty(%{{.*}}) : tensor<?x2xi32>
// CHECK:         dsv2.dispatch %{{.*}} outs(%[[A]], %[[B]], %{{.*}} :
func.func @several(%e: tensor<?x2xi32> {dsv2.count = "tokens"}, %b: !batch) -> tensor<?x2xi32> {
  %o, %r, %p = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return %p : tensor<?x2xi32>
}

// Destinations that are there stay.
// CHECK-LABEL: func.func @given(
// CHECK-COUNT-1: tensor.empty
// CHECK-NOT:     tensor.empty
func.func @given(%x: !X {dsv2.count = "tokens"}, %b: !batch) -> !X {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %d = tensor.empty(%n) : !X
  %a = dsv2.add %x, %x outs(%d) : (!X, !X, !X) -> !X
  %r = dsv2.add %a, %x : (!X, !X) -> !X
  return %r : !X
}

// -----

!X = tensor<?x40xf32>
!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
// expected-error @below {{argument #0 has a dynamic size without dsv2.count}}
func.func @no_count(%x: !X, %b: !batch) -> !X {
  %a = dsv2.add %x, %x : (!X, !X) -> !X
  return %a : !X
}

// -----

!X = tensor<?x40xf32>
// expected-error @below {{has no batch to size 'tensor<?x40xf32>'}}
func.func @no_batch(%x: !X {dsv2.count = "tokens"}) -> !X {
  %a = dsv2.add %x, %x : (!X, !X) -> !X
  %r = dsv2.add %a, %x : (!X, !X) -> !X
  return %r : !X
}

// -----

!X = tensor<?x40xf32>
!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @returned_twice(%x: !X {dsv2.count = "tokens"}, %b: !batch) -> (!X, !X) {
  %a = dsv2.add %x, %x : (!X, !X) -> !X
  // expected-error @below {{result #1 cannot be written into a destination}}
  return %a, %a : !X, !X
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @returned_view(%x: tensor<?x4x10xf32> {dsv2.count = "tokens"}, %b: !batch) -> tensor<?x40xf32> {
  %a = dsv2.swiglu %x, %x : (tensor<?x4x10xf32>, tensor<?x4x10xf32>) -> tensor<?x4x10xf32>
  %v = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x4x10xf32> into tensor<?x40xf32>
  // expected-error @below {{result #0 cannot be written into a destination}}
  return %v : tensor<?x40xf32>
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @two_sizes(%x: tensor<?x?xf32> {dsv2.count = "tokens"}, %b: !batch) -> tensor<?x?xf32> {
  // expected-error @below {{has more than one dynamic size in 'tensor<?x?xf32>'}}
  %a = dsv2.add %x, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %r = dsv2.add %a, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
}

// -----

!X = tensor<?x40xf32>
!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @unknown_origin(%n: index, %b: !batch) -> !X {
  // expected-error @below {{makes a dynamic size of unknown origin}}
  %e = tensor.empty(%n) : !X
  %r = dsv2.add %e, %e : (!X, !X) -> !X
  return %r : !X
}
