// RUN: dsv2-opt %s --dsv2-plan-memory --dsv2-insert-barriers --dsv2-verify-memory | FileCheck %s
// RUN: dsv2-opt %s --dsv2-plan-memory --remarks-filter=dsv2-plan-memory --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// Every rule of the planner decides something here: without any one of them,
// two temporaries that are in use at one time share bytes, and the verifier
// says so.

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = memref<?x16xf32>
!H = memref<?x2x8xf32>
!T = memref<1x16xf32>
!S = memref<2x16xf32>

// CHECK:       module attributes {dsv2.arena_bytes = [[BYTES:[0-9]+]]
// CHECK-NOT:   memref.alloc
// REMARK:      arena of {{[0-9]+}} bytes; what is live at one time takes {{[0-9]+}}, {{[0-9.]+}}% of it

// A frame that ends in a small temporary, and one that is called from two depths.
func.func private @inner(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  %q = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %p, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.add %p, %q outs(%out) : (!X, !X, !X) -> ()
  return
}

// Keeps a temporary across its call, so that the callee of the callee lies
// above three frames.
func.func private @outer(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  %q = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  call @inner(%p, %b, %q) : (!X, !batch, !X) -> ()
  dsv2.add %p, %q outs(%out) : (!X, !X, !X) -> ()
  return
}

func.func @step(%x: !X, %e: memref<?x2xi32>, %o1: memref<?x2xi32>, %o2: memref<?x2xi32>, %b: !batch, %out: !X, %two: !X, %rest: !H) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %m = dsv2.batch_count %b["outputs"] : !batch
  // Used through a view of a view, after temporaries of its size came and went.
  %kept = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%kept) : (!X, !X, !X) -> ()
  %v = memref.expand_shape %kept [[0], [1, 2]] output_shape [%n, 2, 8] : !X into !H
  %w = memref.collapse_shape %v [[0], [1, 2]] : !H into !X
  // The last use of %a is the first of %c, which may not take its place.
  %a = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%a) : (!X, !X, !X) -> ()
  %c = memref.alloc(%n) : !X
  dsv2.add %a, %a outs(%c) : (!X, !X, !X) -> ()
  // Odd sizes: 36 bytes, and 128 for two rows of outputs.
  %offsets = memref.alloc() : memref<9xi32>
  dsv2.dispatch %e outs(%offsets, %o1, %o2) : (memref<?x2xi32>, memref<9xi32>, memref<?x2xi32>, memref<?x2xi32>) -> ()
  %s = memref.alloc(%m) : !X
  dsv2.select_outputs %c at %b outs(%s) : (!X, !batch, !X) -> ()
  %t = memref.alloc(%m) : !X
  dsv2.add %s, %s outs(%t) : (!X, !X, !X) -> ()
  // Shallow: little is live besides.
  %d = memref.alloc(%n) : !X
  call @inner(%c, %b, %d) : (!X, !batch, !X) -> ()
  // Deep: all that is used below is live.
  %f = memref.alloc(%n) : !X
  %g = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%f) : (!X, !X, !X) -> ()
  dsv2.add %x, %x outs(%g) : (!X, !X, !X) -> ()
  call @outer(%d, %b, %c) : (!X, !batch, !X) -> ()
  %h = memref.alloc(%n) : !X
  dsv2.add %f, %g outs(%h) : (!X, !X, !X) -> ()
  // Shallow again: the last call does not say how deep a frame lies.
  call @inner(%h, %b, %f) : (!X, !batch, !X) -> ()
  dsv2.add %f, %c outs(%h) : (!X, !X, !X) -> ()
  dsv2.add %h, %w outs(%out) : (!X, !X, !X) -> ()
  dsv2.add %s, %t outs(%two) : (!X, !X, !X) -> ()
  dsv2.swiglu %v, %v outs(%rest) : (!H, !H, !H) -> ()
  return
}

// What is placed first may be used last, and small holes lie inside large ones.
func.func @placement(%x: !X, %y: !T, %b: !batch, %out: !X, %small: !T) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  // Placed before %a, whose last use is its first.
  %c = memref.alloc(%n) : !X
  %a = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%a) : (!X, !X, !X) -> ()
  // Kept beside one large temporary, then beside small ones in the large one's
  // place: what is free above a small one is not free.
  %kept = memref.alloc() : !T
  dsv2.add %y, %y outs(%kept) : (!T, !T, !T) -> ()
  dsv2.add %a, %a outs(%c) : (!X, !X, !X) -> ()
  dsv2.add %c, %c outs(%out) : (!X, !X, !X) -> ()
  %s = memref.alloc() : !S
  %t = memref.alloc() : !S
  %w = dsv2.weight "w" slot 0 : !S
  dsv2.add %w, %w outs(%s) : (!S, !S, !S) -> ()
  dsv2.add %s, %s outs(%t) : (!S, !S, !S) -> ()
  %u = memref.alloc() : !S
  dsv2.add %s, %t outs(%u) : (!S, !S, !S) -> ()
  dsv2.add %kept, %y outs(%small) : (!T, !T, !T) -> ()
  return
}

func.func private @leaf(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %p, %x outs(%out) : (!X, !X, !X) -> ()
  return
}

// The operand that is live to the call, and no further, lies highest; the
// second call, which is shallower, does not move the callee.
func.func @calls(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  %z = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%z) : (!X, !X, !X) -> ()
  call @leaf(%z, %b, %p) : (!X, !batch, !X) -> ()
  call @leaf(%p, %b, %out) : (!X, !batch, !X) -> ()
  return
}

// A function that keeps nothing of its own lies above its caller's all the same.
func.func private @below(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.add %p, %x outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func private @between(%x: !X, %b: !batch, %out: !X) {
  call @below(%x, %b, %out) : (!X, !batch, !X) -> ()
  return
}
func.func @depth(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %kept = memref.alloc(%n) : !X
  %q = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%kept) : (!X, !X, !X) -> ()
  call @between(%x, %b, %q) : (!X, !batch, !X) -> ()
  dsv2.add %kept, %q outs(%out) : (!X, !X, !X) -> ()
  return
}
