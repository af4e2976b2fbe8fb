// RUN: dsv2-opt %s --split-input-file --convert-dsv2-to-cpu --verify-diagnostics
// RUN: echo 'module {}' | not dsv2-opt --convert-dsv2-to-cpu=variant=sparc 2>&1 | FileCheck %s --check-prefix=VARIANT

// VARIANT: error: unknown CPU variant "sparc"

!X = memref<?x16xf32>
// expected-error @below {{argument #0 has a dynamic size without dsv2.count}}
func.func @no_count(%x: !X) {
  dsv2.add %x, %x outs(%x) : (!X, !X, !X) -> ()
  return
}

// -----

// expected-error @below {{argument #0 has type 'f32', which the ABI does not know}}
func.func @type(%x: f32) {
  return
}

// -----

// expected-error @below {{argument #0 of @step has no place in the context}}
func.func @step(%x: memref<4xf32>) {
  return
}

// -----

!X = memref<?x16xf32>
func.func @definition(%x: !X {dsv2.count = "tokens"}, %w: memref<8x16xf32>, %v: memref<?x2xf32> {dsv2.count = "tokens"}, %i: memref<?x2xi32> {dsv2.count = "tokens"}) {
  // expected-error @below {{has no lowering to the CPU; run the passes of the optimized stage first}}
  dsv2.route %x, %w groups = 1 kept_groups = 1 scale = 1.0 outs(%v, %i) : (!X, memref<8x16xf32>, memref<?x2xf32>, memref<?x2xi32>) -> ()
  return
}

// -----

!X = memref<?x16xf32>
func.func @linear(%x: !X {dsv2.count = "tokens"}, %w: memref<16x16xf32>, %y: !X {dsv2.count = "tokens"}) {
  // expected-error @below {{needs a packed weight}}
  dsv2.linear %x, %w outs(%y) : (!X, memref<16x16xf32>, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = memref<?x2x16xf32>
func.func @head_linear(%x: !X {dsv2.count = "tokens"}, %w: memref<2x16x16xf32>, %b: !batch, %y: !X {dsv2.count = "tokens"}) {
  // expected-error @below {{needs a packed weight}}
  dsv2.head_linear %x, %w at %b range = all outs(%y) : (!X, memref<2x16x16xf32>, !batch, !X) -> ()
  return
}

// -----

!X = memref<?x16xf32>
func.func @grouped_linear(%x: !X {dsv2.count = "tokens"}, %o: memref<9xi32>, %r: memref<?x2xi32> {dsv2.count = "tokens"}, %w: memref<8x16x16xf32>, %y: memref<?x2x16xf32> {dsv2.count = "tokens"}) {
  // expected-error @below {{needs a packed weight}}
  dsv2.grouped_linear %x, %o, %r, %w outs(%y) : (!X, memref<9xi32>, memref<?x2xi32>, memref<8x16x16xf32>, memref<?x2x16xf32>) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!C = memref<2x?x64x40xf32, #cache>
func.func @expanded_attention(%q: memref<?x4x24xf32> {dsv2.count = "tokens"}, %c: !C {dsv2.count = "pages"}, %l: index, %k: memref<4x16x32xf32>, %v: memref<4x1x32x64x1xf32>, %b: !batch, %o: memref<?x4x16xf32> {dsv2.count = "tokens"}) {
  // expected-error @below {{needs packed keys and values}}
  dsv2.expanded_attention %q, %c[%l], %k, %v at %b range = all scale = 1.0 outs(%o) : (memref<?x4x24xf32>, !C, index, memref<4x16x32xf32>, memref<4x1x32x64x1xf32>, !batch, memref<?x4x16xf32>) -> ()
  return
}

// -----

!X = memref<?x16xf16>
func.func @half(%x: !X {dsv2.count = "tokens"}, %y: !X {dsv2.count = "tokens"}) {
  // expected-error @below {{is lowered for bf16 and f32, got 'memref<?x16xf16>'}}
  dsv2.add %x, %x outs(%y) : (!X, !X, !X) -> ()
  return
}

// -----

!X = memref<?xf32>
func.func @rank(%x: !X {dsv2.count = "tokens"}, %y: !X {dsv2.count = "tokens"}) {
  // expected-error @below {{is lowered for rows of tokens or of their heads, got 'memref<?xf32>'}}
  dsv2.add %x, %x outs(%y) : (!X, !X, !X) -> ()
  return
}

// -----

// expected-error @below {{argument #0 has more than one dynamic size: 'memref<?x?xf32>'}}
func.func @two_sizes(%x: memref<?x?xf32> {dsv2.count = "tokens"}) {
  dsv2.add %x, %x outs(%x) : (memref<?x?xf32>, memref<?x?xf32>, memref<?x?xf32>) -> ()
  return
}
