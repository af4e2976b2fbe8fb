// RUN: dsv2-opt %s --split-input-file --dsv2-verify-memory --verify-diagnostics

// A plan and its barriers, then one defect each.

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// Both temporaries of a layer lie above what its caller keeps.
func.func private @layer(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c2048][%n] : !A to !X
  %q = memref.view %arena[%c3072][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.add %p, %p outs(%q) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.add %q, %q outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func @planned(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c1024][%n] : !A to !X
  %r = memref.view %arena[%c0][%n] : !A to !X
  call @layer(%arena, %x, %b, %p) : (!A, !X, !batch, !X) -> ()
  dsv2.barrier
  call @layer(%arena, %p, %b, %q) : (!A, !X, !batch, !X) -> ()
  dsv2.barrier
  // Reuse of the place of %p, which has no reader any more.
  dsv2.add %q, %q outs(%r) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.add %r, %q outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @overlap(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c512][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-note @below {{overwritten here}}
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-error @below {{reads a temporary that another one has overwritten}}
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @same_place(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c0][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-note @below {{overwritten here}}
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-error @below {{reads a temporary that another one has overwritten}}
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @through_a_view(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: memref<?x2x8xf32>) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c512][%n] : !A to !X
  %v = memref.expand_shape %p [[0], [1, 2]] output_shape [%n, 2, 8] : !X into memref<?x2x8xf32>
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-note @below {{overwritten here}}
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-error @below {{reads a temporary that another one has overwritten}}
  dsv2.swiglu %v, %v outs(%out) : (memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// A callee whose frame lies where its caller's does.
func.func private @layer(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 512 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  // expected-note @below {{overwritten here}}
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func @across_a_call(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c2048][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  call @layer(%arena, %x, %b, %q) : (!A, !X, !batch, !X) -> ()
  dsv2.barrier
  // expected-error @below {{reads a temporary that another one has overwritten}}
  dsv2.add %p, %q outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @unwritten(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  // expected-error @below {{reads a temporary that nothing wrote}}
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<8192xi8>
!X = memref<?x16xf32>
func.func @kept_rows_unwritten(%arena: !A {dsv2.arena}, %q: memref<?x4x8xf32>, %w: memref<4x1x8x64x1xf32>, %b: !batch) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to memref<?x4x16xf32>
  // expected-error @below {{reads a temporary that nothing wrote}}
  dsv2.head_linear %q, %w at %b range = absorbed update outs(%p) : (memref<?x4x8xf32>, memref<4x1x8x64x1xf32>, !batch, memref<?x4x16xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @read_after_write(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  // expected-note @below {{written here}}
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  // expected-error @below {{reads what another op wrote, with no barrier between}}
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @write_after_read(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c512][%n] : !A to !X
  %r = memref.view %arena[%c2048][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-note @below {{read here}}
  dsv2.add %p, %p outs(%r) : (!X, !X, !X) -> ()
  // Reuse of bytes needs a barrier after their last use.
  // expected-error @below {{overwrites what another op reads, with no barrier between}}
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @write_after_write(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c0][%n] : !A to !X
  // expected-note @below {{written here}}
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  // expected-error @below {{overwrites what another op wrote, with no barrier between}}
  dsv2.add %x, %x outs(%q) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// The callee's first op reads what the caller wrote last.
func.func private @layer(%x: !X, %out: !X) {
  // expected-error @below {{reads what another op wrote, with no barrier between}}
  dsv2.add %x, %x outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func @into_a_call(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  // expected-note @below {{written here}}
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  call @layer(%p, %out) : (!X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

// Its last op writes what the caller reads next.
func.func private @layer(%x: !X, %out: !X) {
  // expected-note @below {{written here}}
  dsv2.add %x, %x outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func @out_of_a_call(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  call @layer(%x, %p) : (!X, !X) -> ()
  // expected-error @below {{reads what another op wrote, with no barrier between}}
  dsv2.add %p, %p outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!C = memref<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
func.func @cache(%rows: memref<?x40xf32>, %q: memref<?x4x40xf32>, %c: !C, %b: !batch, %out: memref<?x4x32xf32>) {
  %l = arith.constant 0 : index
  // expected-note @below {{written here}}
  dsv2.append_latent %rows into %c[%l] at %b : (memref<?x40xf32>, !C, index, !batch) -> ()
  // expected-error @below {{reads what another op wrote, with no barrier between}}
  dsv2.latent_attention %q, %c[%l] at %b range = all scale = 1.0 outs(%out) : (memref<?x4x40xf32>, !C, index, !batch, memref<?x4x32xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @within_an_op(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  %q = memref.view %arena[%c512][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  dsv2.barrier
  // expected-error @below {{writes bytes of another of its operands}}
  dsv2.add %p, %p outs(%q) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @weight(%arena: !A {dsv2.arena}, %x: memref<16x16xf32>, %b: !batch) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %w = dsv2.weight "w" slot 0 : memref<16x16xf32>
  // expected-error @below {{writes a weight}}
  dsv2.add %x, %x outs(%w) : (memref<16x16xf32>, memref<16x16xf32>, memref<16x16xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @beyond(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  %c = arith.constant 3136 : index
  // expected-error @below {{covers bytes 3136 to 4160 of an arena of 4096}}
  %p = memref.view %arena[%c][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @offset(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  // expected-error @below {{lies at no constant offset}}
  %p = memref.view %arena[%n][%n] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @size(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  // expected-error @below {{has a size that no count of the batch bounds}}
  %p = memref.view %arena[%c0][%c512] : !A to !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>
func.func @allocation(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c1024 = arith.constant 1024 : index
  %c2048 = arith.constant 2048 : index
  %c3072 = arith.constant 3072 : index
  // expected-error @below {{buffer of unknown origin}}
  %p = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  return
}

// -----

// expected-error @below {{calls itself}}
func.func @recursion() {
  call @recursion() : () -> ()
  return
}

// -----

func.func private @elsewhere()
func.func @external() {
  // expected-error @below {{calls what cannot be checked}}
  call @elsewhere() : () -> ()
  return
}
