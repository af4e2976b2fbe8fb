// RUN: dsv2-opt %s --split-input-file --verify-imported --verify-diagnostics

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
!X = tensor<?x64xf32>

func.func private @layer(%x: !X {dsv2.count = "tokens"}, %b: !batch, %c: !C {dsv2.count = "pages"}, %layer: index,
                         %wq: tensor<96x64xf32>, %wkv: tensor<40x64xf32>, %kvb: tensor<128x32xf32>)
    -> (!X {dsv2.count = "tokens"}, !C {dsv2.count = "pages"}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %q = dsv2.linear %x, %wq : (!X, tensor<96x64xf32>) -> tensor<?x96xf32>
  %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%n, 4, 24] : tensor<?x96xf32> into tensor<?x4x24xf32>
  %kv = dsv2.linear %x, %wkv : (!X, tensor<40x64xf32>) -> tensor<?x40xf32>
  %c1 = dsv2.append_latent %kv into %c[%layer] at %b : (tensor<?x40xf32>, !C, index, !batch) -> !C
  %o = dsv2.mla_attention %qh, %c1[%layer], %kvb at %b scale = 1.0 : (tensor<?x4x24xf32>, !C, index, tensor<128x32xf32>, !batch) -> tensor<?x4x16xf32>
  %y = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x4x16xf32> into !X
  return %y, %c1 : !X, !C
}
func.func @step(%ids: tensor<?xi32> {dsv2.count = "tokens"}, %b: !batch, %c: !C {dsv2.count = "pages"})
    -> (!X {dsv2.count = "outputs"}, !C {dsv2.count = "pages"}) {
  %table = dsv2.checkpoint "embed" : tensor<100x64xf32>
  %wq = dsv2.checkpoint "q" : tensor<96x64xf32>
  %wkv = dsv2.checkpoint "kv" : tensor<40x64xf32>
  %kvb = dsv2.checkpoint "kv_b" : tensor<128x32xf32>
  %l = arith.constant 0 : index
  %x = dsv2.embed %ids, %table : (tensor<?xi32>, tensor<100x64xf32>) -> !X
  %y, %c1 = call @layer(%x, %b, %c, %l, %wq, %wkv, %kvb) : (!X, !batch, !C, index, tensor<96x64xf32>, tensor<40x64xf32>, tensor<128x32xf32>) -> (!X, !C)
  %o = dsv2.select_outputs %y at %b : (!X, !batch) -> !X
  return %o, %c1 : !X, !C
}

// -----

!X = tensor<?x64xf32>
// expected-error @below {{argument #0 has a dynamic size without dsv2.count}}
func.func @argument(%x: !X) {
  return
}

// -----

!X = tensor<?x64xf32>
// expected-error @below {{argument #0: expected dsv2.count of tokens, sequences, outputs or pages, got "rows"}}
func.func @name(%x: !X {dsv2.count = "rows"}) {
  return
}

// -----

!X = tensor<?x64xf32>
// expected-error @below {{result #0 has a dynamic size without dsv2.count}}
func.func @result(%x: !X {dsv2.count = "tokens"}) -> !X {
  return %x : !X
}

// -----

!X = tensor<?x64xf32>
func.func @return(%x: !X {dsv2.count = "tokens"}) -> (!X {dsv2.count = "outputs"}) {
  // expected-error @below {{result #0 counts tokens, its dsv2.count says outputs}}
  return %x : !X
}

// -----

// expected-error @below {{expected one dynamic size, got 'tensor<?x?xf32>'}}
func.func @two(%x: tensor<?x?xf32> {dsv2.count = "tokens"}) {
  return
}

// -----

!X = tensor<?x64xf32>
func.func @mixed(%x: !X {dsv2.count = "tokens"}, %o: !X {dsv2.count = "outputs"}) {
  // expected-error @below {{operand #1 has a row for each of outputs, expected tokens}}
  %y = dsv2.add %x, %o : (!X, !X) -> !X
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = tensor<?x64xf32>
func.func @selected_twice(%x: !X {dsv2.count = "tokens"}, %b: !batch) {
  %o = dsv2.select_outputs %x at %b : (!X, !batch) -> !X
  // expected-error @below {{operand #0 has a row for each of outputs, expected tokens}}
  %p = dsv2.select_outputs %o at %b : (!X, !batch) -> !X
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!C = tensor<2x?x64x40xf32, #dsv2.cache<latent = 32, rope = 8>>
func.func @cache(%q: tensor<?x4x40xf32> {dsv2.count = "tokens"}, %c: !C {dsv2.count = "tokens"}, %l: index, %kvb: tensor<160x32xf32>, %b: !batch) {
  // expected-error @below {{operand #1 has a row for each of tokens, expected pages}}
  %o = dsv2.mla_attention %q, %c[%l], %kvb at %b scale = 1.0 : (tensor<?x4x40xf32>, !C, index, tensor<160x32xf32>, !batch) -> tensor<?x4x8xf32>
  return
}

// -----

!X = tensor<?x64xf32>
func.func private @layer(%x: !X {dsv2.count = "tokens"}) {
  return
}
func.func @call(%x: !X {dsv2.count = "outputs"}) {
  // expected-error @below {{operand #0 counts outputs, @layer takes tokens}}
  call @layer(%x) : (!X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
func.func @reshape(%x: tensor<?x64xf32> {dsv2.count = "tokens"}, %b: !batch) {
  %n = dsv2.batch_count %b["outputs"] : !batch
  // expected-error @below {{expected the count of tokens as size}}
  %h = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 4, 16] : tensor<?x64xf32> into tensor<?x4x16xf32>
  return
}

// -----

!X = tensor<?x64xf32>
func.func @destination(%x: !X {dsv2.count = "tokens"}, %y: !X {dsv2.count = "tokens"}) {
  // expected-error @below {{imported stage: has a destination}}
  %s = dsv2.add %x, %x outs(%y) : (!X, !X, !X) -> !X
  return
}

// -----

!X = tensor<?x64xf32>
func.func @packed(%x: !X {dsv2.count = "tokens"}, %w: tensor<1x64x64x1xf32>) {
  // expected-error @below {{imported stage: weight is packed already}}
  %s = dsv2.linear %x, %w : (!X, tensor<1x64x64x1xf32>) -> !X
  return
}

// -----

func.func @decided(%e: tensor<?x2xi32> {dsv2.count = "tokens"}) {
  // expected-error @below {{imported stage: op is not allowed}}
  %a, %b, %c = dsv2.dispatch %e : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @buffer(%x: memref<?x64xf32>) {
  // expected-error @below {{imported stage: has a destination}}
  dsv2.add %x, %x outs(%x) : (memref<?x64xf32>, memref<?x64xf32>, memref<?x64xf32>) -> ()
  return
}

// -----

// expected-error @below {{imported stage: has branches}}
func.func @branches() {
  cf.br ^next
^next:
  return
}
