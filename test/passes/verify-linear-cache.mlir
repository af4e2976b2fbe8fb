// RUN: dsv2-opt %s --split-input-file --dsv2-verify-linear-cache --verify-diagnostics

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!R = tensor<?x40xf32>
!Q = tensor<?x4x40xf32>

func.func private @layer(%rows: !R, %q: !Q, %c: !C, %layer: index, %b: !batch) -> (tensor<?x4x32xf32>, !C) {
  %c1 = dsv2.append_latent %rows into %c[%layer] at %b : (!R, !C, index, !batch) -> !C
  %o = dsv2.latent_attention %q, %c1[%layer] at %b range = all scale = 1.0 : (!Q, !C, index, !batch) -> tensor<?x4x32xf32>
  return %o, %c1 : tensor<?x4x32xf32>, !C
}

// A chain of calls, a reader before the consumer.
func.func @linear(%rows: !R, %q: !Q, %c: !C, %layer: index, %b: !batch) -> !C {
  %a, %c1 = call @layer(%rows, %q, %c, %layer, %b) : (!R, !Q, !C, index, !batch) -> (tensor<?x4x32xf32>, !C)
  %o = dsv2.latent_attention %q, %c1[%layer] at %b range = all scale = 1.0 : (!Q, !C, index, !batch) -> tensor<?x4x32xf32>
  %d, %c2 = call @layer(%rows, %q, %c1, %layer, %b) : (!R, !Q, !C, index, !batch) -> (tensor<?x4x32xf32>, !C)
  return %c2 : !C
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!R = tensor<?x40xf32>

func.func @consumed_twice(%rows: !R, %c: !C, %layer: index, %b: !batch) -> !C {
  // expected-note @below {{consumed here}}
  // expected-error @below {{an updated cache is dropped}}
  %c1 = dsv2.append_latent %rows into %c[%layer] at %b : (!R, !C, index, !batch) -> !C
  // expected-error @below {{consumes a cache a second time}}
  return %c : !C
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!R = tensor<?x40xf32>
!Q = tensor<?x4x40xf32>

func.func @read_late(%rows: !R, %q: !Q, %c: !C, %layer: index, %b: !batch) -> !C {
  // expected-note @below {{consumed here}}
  %c1 = dsv2.append_latent %rows into %c[%layer] at %b : (!R, !C, index, !batch) -> !C
  // expected-error @below {{reads a cache after it was consumed}}
  %o = dsv2.latent_attention %q, %c[%layer] at %b range = all scale = 1.0 : (!Q, !C, index, !batch) -> tensor<?x4x32xf32>
  return %c1 : !C
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!R = tensor<?x40xf32>

func.func @dropped(%rows: !R, %c: !C, %layer: index, %b: !batch) {
  // expected-error @below {{an updated cache is dropped}}
  %c1 = dsv2.append_latent %rows into %c[%layer] at %b : (!R, !C, index, !batch) -> !C
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>

// expected-error @below {{an updated cache is dropped}}
func.func @argument_dropped(%c: !C) {
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!R = tensor<?x40xf32>

func.func @in_a_region(%rows: !R, %c: !C, %n: index, %b: !batch) -> !C {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    // expected-error @below {{uses a cache inside of a region}}
    // expected-error @below {{an updated cache is dropped}}
    %d = dsv2.append_latent %rows into %c[%i] at %b : (!R, !C, index, !batch) -> !C
  }
  return %c : !C
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>

func.func @of_its_own(%n: index) -> !C {
  // expected-error @below {{makes a cache of its own}}
  %c = tensor.empty(%n) : !C
  return %c : !C
}
