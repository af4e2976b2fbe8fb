// RUN: dsv2-opt %s --split-input-file --dsv2-insert-barriers --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// CHECK:       module attributes {dsv2.barriers = 3 : i64}
// CHECK-LABEL: func.func @step(
// CHECK-NOT:     barrier
// CHECK:         dsv2.add {{.*}} outs(%[[P:.*]]) :
// Another place, nothing in common but reads.
// CHECK-NOT:     barrier
// CHECK:         dsv2.add {{.*}} outs(%[[Q:.*]]) :
// A read of what was written.
// CHECK:         dsv2.barrier 1
// CHECK-NEXT:    dsv2.add %[[P]], %[[Q]] outs(%[[R:.*]]) :
// A write of what was read: another temporary in the same place.
// CHECK-NEXT:    dsv2.barrier 2
// CHECK-NEXT:    dsv2.add {{.*}} outs(%[[S:.*]]) :
// What was settled before needs none.
// CHECK-NEXT:    dsv2.add %[[R]], %[[R]] outs(%[[Q]]) :
// Through a view.
// CHECK:         dsv2.barrier
// CHECK-NEXT:    dsv2.swiglu
// CHECK-NEXT:    return
func.func @step(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: memref<?x2x8xf32>) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c1024][%n] : !A to !X
  %r = memref.view %arena[%c2048][%n] : !A to !X
  %s = memref.view %arena[%c512][] : !A to memref<4x16xf32>
  %w = dsv2.weight "w" slot 0 : memref<4x16xf32>
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.add %p, %q outs(%r) : (!X, !X, !X) -> ()
  dsv2.add %w, %w outs(%s) : (memref<4x16xf32>, memref<4x16xf32>, memref<4x16xf32>) -> ()
  dsv2.add %r, %r outs(%q) : (!X, !X, !X) -> ()
  %v = memref.expand_shape %q [[0], [1, 2]] output_shape [%n, 2, 8] : !X into memref<?x2x8xf32>
  dsv2.swiglu %v, %v outs(%out) : (memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// Calls count with what the callee touches before its first and after its last
// barrier, and with the barriers that they run: 3 + 3 inside, 2 here. Numbers
// go on across functions.
// CHECK:       module attributes {dsv2.barriers = 8 : i64}
// CHECK-LABEL: func.func private @layer(
// CHECK-NOT:     barrier
// CHECK:         dsv2.add
// CHECK:         dsv2.barrier
// CHECK:         dsv2.add
// CHECK:         dsv2.barrier
// CHECK:         dsv2.add
// CHECK:         dsv2.barrier
// CHECK:         dsv2.add
// CHECK-NOT:     barrier
// CHECK:         return
func.func private @layer(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 2048 : index
  %c1 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c1][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %p, %p outs(%q) : (!X, !X, !X) -> ()
  dsv2.add %q, %q outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// The first call reads nothing that is pending; the second reads what the first
// wrote last; the op after it reads what the second wrote.
// CHECK-LABEL: func.func @step(
// CHECK-NOT:     barrier
// CHECK:         call @layer
// CHECK-NEXT:    dsv2.barrier 4
// CHECK-NEXT:    call @layer
// CHECK-NEXT:    dsv2.barrier 5
// CHECK-NEXT:    dsv2.add
func.func @step(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1024 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c1][%n] : !A to !X
  call @layer(%arena, %x, %b, %p) : (!A, !X, !batch, !X) -> ()
  call @layer(%arena, %p, %b, %q) : (!A, !X, !batch, !X) -> ()
  dsv2.add %q, %q outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!C = memref<2x?x64x40xf32, #cache>
!R = memref<?x40xf32>

// Attention reads the appended cache; the next layer's append writes what was read.
// CHECK-LABEL: func.func @cache(
// CHECK:         dsv2.append_latent
// CHECK-NEXT:    dsv2.barrier
// CHECK-NEXT:    dsv2.latent_attention
// CHECK-NEXT:    dsv2.barrier
// CHECK-NEXT:    dsv2.append_latent
func.func @cache(%rows: !R, %q: memref<?x4x40xf32>, %c: !C, %b: !batch, %out: memref<?x4x32xf32>) {
  %l = arith.constant 0 : index
  dsv2.append_latent %rows into %c[%l] at %b : (!R, !C, index, !batch) -> ()
  dsv2.latent_attention %q, %c[%l] at %b range = all scale = 1.0 outs(%out) : (memref<?x4x40xf32>, !C, index, !batch, memref<?x4x32xf32>) -> ()
  dsv2.append_latent %rows into %c[%l] at %b : (!R, !C, index, !batch) -> ()
  return
}

// -----

!A = memref<4096xi8>
!X = memref<16x16xf32>

func.func private @layer(%arena: !A {dsv2.arena}, %x: !X, %out: !X) {
  dsv2.add %x, %x outs(%out) : (!X, !X, !X) -> ()
  return
}
// The callee was looked at as if its arguments were apart.
func.func @overlapping(%arena: !A {dsv2.arena}) {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %p = memref.view %arena[%c0][] : !A to !X
  %q = memref.view %arena[%c512][] : !A to !X
  // expected-error @below {{arguments overlap in the arena}}
  call @layer(%arena, %p, %q) : (!A, !X, !X) -> ()
  return
}
