// RUN: dsv2-opt %s --split-input-file --dsv2-outline-kernels --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// Equal ops of all functions are one kernel, whatever buffers they work on; a
// different attribute, type or count makes another.
// CHECK:         func.func private @[[ADD:add[_0-9]*]](%[[A:.*]]: memref<?x16xf32> {dsv2.count = "tokens"}, %[[B:.*]]: memref<?x16xf32> {dsv2.count = "tokens"}, %[[O:.*]]: memref<?x16xf32> {dsv2.count = "tokens"}) attributes {no_inline}
// CHECK-NEXT:      dsv2.add %[[A]], %[[B]] outs(%[[O]])
// CHECK-NEXT:      return
// CHECK:         func.func private @[[NORM:rms_norm[_0-9]*]](
// CHECK-NEXT:      dsv2.rms_norm {{.*}} eps = 1.000000e+00
// CHECK:         func.func private @layer(
// CHECK-NOT:       dsv2.add
// CHECK:           %[[P:.*]] = memref.view
// CHECK-NEXT:      call @[[ADD]](%{{.*}}, %{{.*}}, %[[P]])
// CHECK-NEXT:      dsv2.barrier
// CHECK-NEXT:      call @[[NORM]](%[[P]],
// CHECK-NEXT:      return
func.func private @layer(%arena: !A {dsv2.arena}, %x: !X {dsv2.count = "tokens"}, %w: memref<16xf32>, %b: !batch, %out: !X {dsv2.count = "tokens"}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 2048 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.rms_norm %p, %w eps = 1.0 outs(%out) : (!X, memref<16xf32>, !X) -> ()
  return
}

// CHECK:         func.func private @[[HALF:rms_norm[_0-9]*]](
// CHECK-NEXT:      dsv2.rms_norm {{.*}} eps = 5.000000e-01
// CHECK:         func.func private @[[OUTPUTS:add[_0-9]*]](%{{.*}}: memref<?x16xf32> {dsv2.count = "outputs"},
// CHECK:         func.func @step(
// CHECK:           call @layer(
// CHECK:           call @[[ADD]](
// CHECK:           call @[[HALF]](
// CHECK:           call @[[OUTPUTS]](
func.func @step(%arena: !A {dsv2.arena}, %x: !X {dsv2.count = "tokens"}, %y: !X {dsv2.count = "outputs"}, %b: !batch) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1024 : index
  %w = dsv2.weight "w" slot 0 : memref<16xf32>
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c1][%n] : !A to !X
  call @layer(%arena, %x, %w, %b, %p) : (!A, !X, memref<16xf32>, !batch, !X) -> ()
  dsv2.barrier
  dsv2.add %p, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.rms_norm %q, %w eps = 0.5 outs(%p) : (!X, memref<16xf32>, !X) -> ()
  dsv2.add %y, %y outs(%y) : (!X, !X, !X) -> ()
  return
}

// -----

!X = memref<?x16xf32>
// expected-error @below {{argument #0 has a dynamic size without dsv2.count}}
func.func @no_count(%x: !X) {
  dsv2.add %x, %x outs(%x) : (!X, !X, !X) -> ()
  return
}

// -----

!X = memref<?x16xf32>
func.func @no_batch_size(%arena: memref<4096xi8>, %n: index) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{has a size that is no count of the batch}}
  %p = memref.view %arena[%c0][%n] : memref<4096xi8> to !X
  dsv2.add %p, %p outs(%p) : (!X, !X, !X) -> ()
  return
}

// -----

!X = memref<?x16xf32>
func.func @origin(%n: index) {
  // expected-error @below {{has a size of unknown origin}}
  %p = memref.alloc(%n) : !X
  dsv2.add %p, %p outs(%p) : (!X, !X, !X) -> ()
  return
}
