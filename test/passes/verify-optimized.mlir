// RUN: dsv2-opt %s --split-input-file --verify-optimized --verify-diagnostics

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = tensor<?x64xf32>
!W = tensor<1x64x64x1xf32>

func.func private @layer(%x: !X {dsv2.count = "tokens"}, %b: !batch, %w: !W) -> (!X {dsv2.count = "tokens"}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %d = tensor.empty(%n) : !X
  %y = dsv2.linear %x, %w outs(%d) : (!X, !W, !X) -> !X
  return %y : !X
}
func.func @step(%x: !X {dsv2.count = "tokens"}, %b: !batch) -> (!X {dsv2.count = "tokens"}) {
  %w = dsv2.weight "w" slot 1 : !W
  %n = dsv2.weight "n" slot 0 : tensor<64xf32>
  %h = dsv2.rms_norm %x, %n eps = 1.0e-6 : (!X, tensor<64xf32>) -> !X
  %y = call @layer(%h, %b, %w) : (!X, !batch, !W) -> !X
  return %y : !X
}
func.func private @weights() attributes {dsv2.weight_program} {
  %n = dsv2.checkpoint "n" : tensor<64xf32>
  dsv2.store_weight %n, "n" slot 0 : tensor<64xf32>
  %w = dsv2.checkpoint "w" : tensor<64x64xf32>
  %p = dsv2.pack %w : tensor<64x64xf32> -> !W
  dsv2.store_weight %p, "w" slot 1 : !W
  return
}

// -----

func.func @definition(%x: tensor<?x64xf32> {dsv2.count = "tokens"}, %w: tensor<8x64xf32>) {
  // expected-error @below {{optimized stage: op is a definition, its form is not chosen}}
  %v, %i = dsv2.route %x, %w groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @checkpoint() {
  // expected-error @below {{optimized stage: belongs into the weight program}}
  %w = dsv2.checkpoint "w" : tensor<64xf32>
  return
}

// -----

func.func @pack(%w: tensor<64x64xf32>) {
  // expected-error @below {{optimized stage: belongs into the weight program}}
  %p = dsv2.pack %w : tensor<64x64xf32> -> tensor<1x64x64x1xf32>
  return
}

// -----

func.func @reshape() {
  %w = dsv2.weight "w" slot 0 : tensor<64x64xf32>
  // expected-error @below {{optimized stage: belongs into the weight program}}
  %p = tensor.expand_shape %w [[0, 1], [2]] output_shape [4, 16, 64] : tensor<64x64xf32> into tensor<4x16x64xf32>
  return
}

// -----

func.func @constant() {
  // expected-error @below {{optimized stage: belongs into the weight program}}
  %w = arith.constant dense<1.0> : tensor<64xf32>
  return
}

// -----

func.func @unpacked(%x: tensor<?x64xf32> {dsv2.count = "tokens"}, %w: tensor<64x64xf32>) {
  // expected-error @below {{optimized stage: weight 'tensor<64x64xf32>' is not packed}}
  %y = dsv2.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @other_ops(%x: tensor<?x64xf32> {dsv2.count = "tokens"}) {
  // expected-error @below {{optimized stage: op is not allowed}}
  %s = tensor.cast %x : tensor<?x64xf32> to tensor<5x64xf32>
  return
}

// -----

func.func @count(%x: tensor<?x64xf32> {dsv2.count = "tokens"}, %n: index) {
  // expected-error @below {{makes a dynamic size of unknown origin}}
  %d = tensor.empty(%n) : tensor<?x64xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
func.func @destination(%x: tensor<?x64xf32> {dsv2.count = "tokens"}, %b: !batch) {
  %n = dsv2.batch_count %b["outputs"] : !batch
  %d = tensor.empty(%n) : tensor<?x64xf32>
  // expected-error @below {{operand #2 has a row for each of outputs, expected tokens}}
  %y = dsv2.add %x, %x outs(%d) : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @empty_slot() {
  // expected-error @below {{slot 3 is not filled by the weight program}}
  %w = dsv2.weight "w" slot 3 : tensor<64xf32>
  return
}
func.func private @weights() attributes {dsv2.weight_program} {
  return
}

// -----

func.func @other_slot() {
  // expected-error @below {{slot 0 holds "n" of 'tensor<64xf32>'}}
  %w = dsv2.weight "w" slot 0 : tensor<64xf32>
  return
}
func.func private @weights() attributes {dsv2.weight_program} {
  %n = dsv2.checkpoint "n" : tensor<64xf32>
  // expected-note @below {{filled here}}
  dsv2.store_weight %n, "n" slot 0 : tensor<64xf32>
  return
}

// -----

func.func private @weights() attributes {dsv2.weight_program} {
  %n = dsv2.checkpoint "n" : tensor<64xf32>
  // expected-note @below {{filled here}}
  dsv2.store_weight %n, "n" slot 0 : tensor<64xf32>
  // expected-error @below {{weight program: slot 0 is filled a second time}}
  dsv2.store_weight %n, "m" slot 0 : tensor<64xf32>
  return
}

// -----

func.func private @weights() attributes {dsv2.weight_program} {
  // expected-error @below {{weight program: op is not allowed}}
  %n = dsv2.weight "n" slot 0 : tensor<64xf32>
  return
}

// -----

// expected-error @below {{weight program: expected a body of one block}}
func.func private @weights() attributes {dsv2.weight_program}

// -----

// A number that hash maps reserve.
func.func private @weights() attributes {dsv2.weight_program} {
  %n = dsv2.checkpoint "n" : tensor<64xf32>
  // expected-note @below {{filled here}}
  dsv2.store_weight %n, "n" slot 9223372036854775807 : tensor<64xf32>
  // expected-error @below {{is filled a second time}}
  dsv2.store_weight %n, "m" slot 9223372036854775807 : tensor<64xf32>
  return
}
