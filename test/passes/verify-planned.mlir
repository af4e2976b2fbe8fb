// RUN: dsv2-opt %s --split-input-file --verify-planned --verify-diagnostics

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!A = memref<4096xi8>
!X = memref<?x16xf32>

func.func private @layer(%arena: !A {dsv2.arena}, %x: !X, %out: !X) {
  dsv2.add %x, %x outs(%out) : (!X, !X, !X) -> ()
  return
}
func.func @planned(%arena: !A {dsv2.arena}, %x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %w = dsv2.weight "w" slot 0 : memref<16xf32>
  %p = memref.view %arena[%c0][%n] : !A to !X
  %v = memref.expand_shape %p [[0], [1, 2]] output_shape [%n, 2, 8] : !X into memref<?x2x8xf32>
  dsv2.rms_norm %x, %w eps = 1.0e-6 outs(%p) : (!X, memref<16xf32>, !X) -> ()
  dsv2.barrier 1
  dsv2.barrier
  dsv2.barrier
  call @layer(%arena, %p, %out) : (!A, !X, !X) -> ()
  return
}

// -----

func.func @copy(%a: memref<4xf32>, %b: memref<4xf32>) {
  // expected-error @below {{planned stage: bufferization inserted a copy}}
  memref.copy %a, %b : memref<4xf32> to memref<4xf32>
  return
}

// -----

func.func @allocation() {
  // expected-error @below {{planned stage: allocates beside the arena}}
  %a = memref.alloc() : memref<4xf32>
  return
}

// -----

func.func @layout(%a: memref<4x4xf32>) {
  // expected-error @below {{planned stage: layout is not the identity}}
  %s = memref.subview %a[0, 0] [4, 2] [1, 1] : memref<4x4xf32> to memref<4x2xf32, strided<[4, 1]>>
  return
}

// -----

func.func @value_form(%a: tensor<?x4xf32>) {
  // expected-error @below {{planned stage: makes a tensor}}
  %s = dsv2.add %a, %a : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @other_ops(%a: memref<4xf32>, %i: index) {
  // expected-error @below {{planned stage: op is not allowed}}
  %s = memref.load %a[%i] : memref<4xf32>
  return
}

// -----

// expected-error @below {{planned stage: returns values}}
func.func @results(%a: memref<4xf32>) -> memref<4xf32> {
  return %a : memref<4xf32>
}

// -----

func.func private @layer() {
  dsv2.barrier 3
  return
}
func.func @numbers() {
  call @layer() : () -> ()
  dsv2.barrier 4
  // A number that hash maps reserve.
  dsv2.barrier 9223372036854775807
  // expected-error @below {{planned stage: another barrier has number 3}}
  dsv2.barrier 3
  return
}

// -----

func.func @slots() {
  %w = dsv2.weight "w" slot 16777215 : memref<16xf32>
  // expected-error @below {{planned stage: expected a slot below 16777216, got 16777216}}
  %x = dsv2.weight "x" slot 16777216 : memref<16xf32>
  return
}

// -----

// expected-error @below {{planned stage: the weight program is still there}}
func.func private @weights() attributes {dsv2.weight_program} {
  return
}
