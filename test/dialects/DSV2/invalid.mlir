// RUN: dsv2-opt %s --split-input-file --verify-diagnostics

// One function for each numbered constraint of each op, named after it.

// expected-error @below {{maxima of a batch must be positive, got tokens = 0}}
func.func private @batch_type(!dsv2.batch<tokens = 0, sequences = 3, outputs = 3, span = 64>)

// -----

func.func @form_mixed(%a0: tensor<?x8xf32>, %a1: tensor<?x8xf32>, %a2: memref<?x8xf32>) {
  // expected-error @below {{mixes tensors and memrefs}}
  dsv2.add %a0, %a1 outs(%a2) : (tensor<?x8xf32>, tensor<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// -----

func.func @form_no_destination(%a0: memref<?x8xf32>, %a1: memref<?x8xf32>) {
  // expected-error @below {{on memrefs needs a destination}}
  dsv2.add %a0, %a1 : (memref<?x8xf32>, memref<?x8xf32>) -> ()
  return
}

// -----

func.func @form_no_results(%a0: tensor<?x8xf32>, %a1: tensor<?x8xf32>, %a2: tensor<?x8xf32>) {
  // expected-error @below {{on tensors has results}}
  dsv2.add %a0, %a1 outs(%a2) : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> ()
  return
}

// -----

func.func @form_destination_type(%a0: tensor<?x8xf32>, %a1: tensor<?x8xf32>, %a2: tensor<?x9xf32>) {
  // expected-error @below {{destination type 'tensor<?x9xf32>' differs from result type 'tensor<?x8xf32>'}}
  %r0 = dsv2.add %a0, %a1 outs(%a2) : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x9xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @form_one_destination(%a0: tensor<?x2xi32>, %a1: tensor<9xi32>) {
  // expected-error @below {{needs one destination for each result, or none}}
  %r0, %r1, %r2 = dsv2.dispatch %a0 outs(%a1) : (tensor<?x2xi32>, tensor<9xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @append_latent_c1(%a0: tensor<?x40xf32>, %a1: tensor<3x?x64x40xf32>, %a2: index, %a3: !batch) {
  // expected-error @below {{has no cache encoding}}
  %r0 = dsv2.append_latent %a0 into %a1[%a2] at %a3 : (tensor<?x40xf32>, tensor<3x?x64x40xf32>, index, !batch) -> tensor<3x?x64x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c1_columns(%a0: tensor<?x41xf32>, %a1: tensor<3x?x64x41xf32, #cache>, %a2: index, %a3: !batch) {
  // expected-error @below {{does not have rows of latent 32 and rope 8}}
  %r0 = dsv2.append_latent %a0 into %a1[%a2] at %a3 : (tensor<?x41xf32>, tensor<3x?x64x41xf32, #cache>, index, !batch) -> tensor<3x?x64x41xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c2(%a0: tensor<?x39xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch) {
  // expected-error @below {{does not take rows of}}
  %r0 = dsv2.append_latent %a0 into %a1[%a2] at %a3 : (tensor<?x39xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c2_type(%a0: tensor<?x40xbf16>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch) {
  // expected-error @below {{does not take rows of}}
  %r0 = dsv2.append_latent %a0 into %a1[%a2] at %a3 : (tensor<?x40xbf16>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @mla_attention_c1(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<128x32xf32>, %a4: !batch) {
  // expected-error @below {{does not fit result}}
  %r0 = dsv2.mla_attention %a0, %a1[%a2], %a3 at %a4 scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<128x32xf32>, !batch) -> tensor<?x5x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @mla_attention_c1_rope(%a0: tensor<?x4x8xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<64x32xf32>, %a4: !batch) {
  // expected-error @below {{does not fit result}}
  %r0 = dsv2.mla_attention %a0, %a1[%a2], %a3 at %a4 scale = 0.25 : (tensor<?x4x8xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<64x32xf32>, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @mla_attention_c2(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32>, %a2: index, %a3: tensor<128x32xf32>, %a4: !batch) {
  // expected-error @below {{has no cache encoding}}
  %r0 = dsv2.mla_attention %a0, %a1[%a2], %a3 at %a4 scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32>, index, tensor<128x32xf32>, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @mla_attention_c3(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<127x32xf32>, %a4: !batch) {
  // expected-error @below {{kv_b 'tensor<127x32xf32>' is not [128, 32]}}
  %r0 = dsv2.mla_attention %a0, %a1[%a2], %a3 at %a4 scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<127x32xf32>, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c1(%a0: tensor<?x4x24xf32>, %a1: tensor<4x33x16xf32>, %a2: !batch) {
  // expected-error @below {{does not take}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 8 : (tensor<?x4x24xf32>, tensor<4x33x16xf32>, !batch) -> tensor<?x4x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c1_heads(%a0: tensor<?x4x24xf32>, %a1: tensor<3x32x16xf32>, %a2: !batch) {
  // expected-error @below {{does not take}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 8 : (tensor<?x4x24xf32>, tensor<3x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c2(%a0: tensor<?x4x24xf32>, %a1: tensor<4x32x16xf32>, %a2: !batch) {
  // expected-error @below {{differ}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 8 : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x5x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c1_packed(%a0: tensor<?x4x20xbf16>, %a1: tensor<4x1x7x64x2xbf16>, %a2: !batch) {
  // Of 13 and 14 columns, which pack alike, the attribute says which.
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 7 : (tensor<?x4x20xbf16>, tensor<4x1x7x64x2xbf16>, !batch) -> tensor<?x4x39xbf16>
  %r1 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 6 : (tensor<?x4x20xbf16>, tensor<4x1x7x64x2xbf16>, !batch) -> tensor<?x4x38xbf16>
  // expected-error @below {{does not take 'tensor<?x4x20xbf16>' to 'tensor<?x4x37xbf16>' with 5 columns passed through}}
  %r2 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 5 : (tensor<?x4x20xbf16>, tensor<4x1x7x64x2xbf16>, !batch) -> tensor<?x4x37xbf16>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c2_negative(%a0: tensor<?x4x24xf32>, %a1: tensor<4x32x16xf32>, %a2: !batch) {
  // expected-error @below {{cannot pass -1 columns of 'tensor<?x4x24xf32>' through}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = -1 : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c2_all(%a0: tensor<?x4x24xf32>, %a1: tensor<4x32x16xf32>, %a2: !batch) {
  // expected-error @below {{cannot pass 24 columns of 'tensor<?x4x24xf32>' through}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all through = 24 : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c3(%a0: tensor<?x4x24xf32>, %a1: tensor<4x32x16xf32>, %a2: !batch) {
  // expected-error @below {{updates a destination and needs one}}
  %r0 = dsv2.head_linear %a0, %a1 at %a2 range = all update through = 8 : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @latent_attention_c1(%a0: tensor<?x4x40xf32>, %a1: tensor<3x?x64x40xf32>, %a2: index, %a3: !batch) {
  // expected-error @below {{has no cache encoding}}
  %r0 = dsv2.latent_attention %a0, %a1[%a2] at %a3 range = all scale = 0.25 : (tensor<?x4x40xf32>, tensor<3x?x64x40xf32>, index, !batch) -> tensor<?x4x32xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @latent_attention_c2(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch) {
  // expected-error @below {{do not fit cache}}
  %r0 = dsv2.latent_attention %a0, %a1[%a2] at %a3 range = all scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<?x4x32xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @latent_attention_c2_result(%a0: tensor<?x4x40xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch) {
  // expected-error @below {{do not fit cache}}
  %r0 = dsv2.latent_attention %a0, %a1[%a2] at %a3 range = all scale = 0.25 : (tensor<?x4x40xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @expanded_attention_c1(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32>, %a2: index, %a3: tensor<4x16x32xf32>, %a4: tensor<4x16x32xf32>, %a5: !batch) {
  // expected-error @below {{has no cache encoding}}
  %r0 = dsv2.expanded_attention %a0, %a1[%a2], %a3, %a4 at %a5 range = all scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32>, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @expanded_attention_c2(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<4x15x32xf32>, %a4: tensor<4x16x32xf32>, %a5: !batch) {
  // expected-error @below {{keys 'tensor<4x15x32xf32>' do not fit query}}
  %r0 = dsv2.expanded_attention %a0, %a1[%a2], %a3, %a4 at %a5 range = all scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x15x32xf32>, tensor<4x16x32xf32>, !batch) -> tensor<?x4x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @expanded_attention_c2_values(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<4x16x32xf32>, %a4: tensor<4x16x32xf32>, %a5: !batch) {
  // expected-error @below {{values 'tensor<4x16x32xf32>' do not fit result}}
  %r0 = dsv2.expanded_attention %a0, %a1[%a2], %a3, %a4 at %a5 range = all scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch) -> tensor<?x4x17xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @expanded_attention_c3(%a0: tensor<?x4x24xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: tensor<4x16x32xf32>, %a4: tensor<4x16x32xf32>, %a5: !batch) {
  // expected-error @below {{does not fit result}}
  %r0 = dsv2.expanded_attention %a0, %a1[%a2], %a3, %a4 at %a5 range = all scale = 0.25 : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x16x32xf32>, tensor<4x16x32xf32>, !batch) -> tensor<?x3x16xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c1_sequence(%a0: tensor<5xi32>, %a1: tensor<4xi32>, %a2: tensor<3xi32>, %a3: tensor<2xi32>, %a4: tensor<2x1xi32>, %a5: tensor<2xi32>) {
  // expected-error @below {{positions and sequence must have equal length}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<5xi32>, tensor<4xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c1_starts(%a0: tensor<5xi32>, %a1: tensor<5xi32>, %a2: tensor<4xi32>, %a3: tensor<2xi32>, %a4: tensor<2x1xi32>, %a5: tensor<2xi32>) {
  // expected-error @below {{starts must be one longer than prefix, got 4 and 2}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<5xi32>, tensor<5xi32>, tensor<4xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c1_pages(%a0: tensor<5xi32>, %a1: tensor<5xi32>, %a2: tensor<3xi32>, %a3: tensor<2xi32>, %a4: tensor<3x1xi32>, %a5: tensor<2xi32>) {
  // expected-error @below {{page table needs 2 rows}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<5xi32>, tensor<5xi32>, tensor<3xi32>, tensor<2xi32>, tensor<3x1xi32>, tensor<2xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c2(%a0: tensor<17xi32>, %a1: tensor<17xi32>, %a2: tensor<3xi32>, %a3: tensor<2xi32>, %a4: tensor<2x1xi32>, %a5: tensor<2xi32>) {
  // expected-error @below {{tokens may be at most 16, got 17}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<17xi32>, tensor<17xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c2_sequences(%a0: tensor<5xi32>, %a1: tensor<5xi32>, %a2: tensor<5xi32>, %a3: tensor<4xi32>, %a4: tensor<4x1xi32>, %a5: tensor<2xi32>) {
  // expected-error @below {{sequences may be at most 3, got 4}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<5xi32>, tensor<5xi32>, tensor<5xi32>, tensor<4xi32>, tensor<4x1xi32>, tensor<2xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @make_batch_c2_outputs(%a0: tensor<5xi32>, %a1: tensor<5xi32>, %a2: tensor<3xi32>, %a3: tensor<2xi32>, %a4: tensor<2x1xi32>, %a5: tensor<4xi32>) {
  // expected-error @below {{outputs may be at most 3, got 4}}
  %r0 = dsv2.make_batch %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<5xi32>, tensor<5xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<4xi32>) -> !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @batch_count_c1(%batch: !batch) {
  // expected-error @below {{expected tokens, sequences, outputs or pages, got "rows"}}
  %n = dsv2.batch_count %batch["rows"] : !batch
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @select_outputs_c1(%a0: tensor<?x64xf32>, %a1: !batch) {
  // expected-error @below {{does not hold rows of}}
  %r0 = dsv2.select_outputs %a0 at %a1 : (tensor<?x64xf32>, !batch) -> tensor<?x63xf32>
  return
}

// -----

func.func @route_c1(%a0: tensor<?x64xf32>, %a1: tensor<8x63xf32>) {
  // expected-error @below {{gate 'tensor<8x63xf32>' does not take rows of}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x63xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @route_c2(%a0: tensor<?x64xf32>, %a1: tensor<8x64xf32>) {
  // expected-error @below {{results must be f32 and i32 of one shape}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x3xi32>)
  return
}

// -----

func.func @route_c2_k(%a0: tensor<?x64xf32>, %a1: tensor<8x64xf32>) {
  // expected-error @below {{cannot choose 9 of 8 experts}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x9xf32>, tensor<?x9xi32>)
  return
}

// -----

func.func @route_c3_groups(%a0: tensor<?x64xf32>, %a1: tensor<8x64xf32>) {
  // expected-error @below {{groups = 3 does not divide 8 experts}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 3 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @route_c3_kept(%a0: tensor<?x64xf32>, %a1: tensor<8x64xf32>) {
  // expected-error @below {{kept_groups = 5 is not in 1..4}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 4 kept_groups = 5 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @route_c3_few(%a0: tensor<?x64xf32>, %a1: tensor<8x64xf32>) {
  // expected-error @below {{kept groups hold 2 experts, fewer than 3}}
  %r0, %r1 = dsv2.route %a0, %a1 groups = 4 kept_groups = 1 scale = 1.0 : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
  return
}

// -----

func.func @select_experts_c1(%a0: tensor<?x8x1xf32>) {
  // expected-error @below {{logits must be [tokens, experts]}}
  %r0, %r1 = dsv2.select_experts %a0 groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x8x1xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @select_experts_c2(%a0: tensor<?x8xf32>) {
  // expected-error @below {{results must be f32 and i32 of one shape}}
  %r0, %r1 = dsv2.select_experts %a0 groups = 1 kept_groups = 1 scale = 1.0 : (tensor<?x8xf32>) -> (tensor<?x2xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @select_experts_c3(%a0: tensor<?x8xf32>) {
  // expected-error @below {{groups = 3 does not divide 8 experts}}
  %r0, %r1 = dsv2.select_experts %a0 groups = 3 kept_groups = 1 scale = 1.0 : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return
}

// -----

func.func @expert_mlp_c1(%a0: tensor<?x64xf32>, %a1: tensor<?x2xf32>, %a2: tensor<?x2xi32>, %a3: tensor<8x32x64xf32>, %a4: tensor<8x32x64xf32>, %a5: tensor<8x64x32xf32>) {
  // expected-error @below {{does not have the shape of}}
  %r0 = dsv2.expert_mlp %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x32xf32>) -> tensor<?x63xf32>
  return
}

// -----

func.func @expert_mlp_c2(%a0: tensor<?x64xf32>, %a1: tensor<?x2xf32>, %a2: tensor<?x3xi32>, %a3: tensor<8x32x64xf32>, %a4: tensor<8x32x64xf32>, %a5: tensor<8x64x32xf32>) {
  // expected-error @below {{differ in shape}}
  %r0 = dsv2.expert_mlp %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x3xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @expert_mlp_c3(%a0: tensor<?x64xf32>, %a1: tensor<?x2xf32>, %a2: tensor<?x2xi32>, %a3: tensor<8x32x64xf32>, %a4: tensor<8x32x64xf32>, %a5: tensor<8x64x31xf32>) {
  // expected-error @below {{do not fit rows of}}
  %r0 = dsv2.expert_mlp %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x31xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @expert_mlp_c3_up(%a0: tensor<?x64xf32>, %a1: tensor<?x2xf32>, %a2: tensor<?x2xi32>, %a3: tensor<8x32x64xf32>, %a4: tensor<7x32x64xf32>, %a5: tensor<8x64x32xf32>) {
  // expected-error @below {{do not fit rows of}}
  %r0 = dsv2.expert_mlp %a0, %a1, %a2, %a3, %a4, %a5 : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<7x32x64xf32>, tensor<8x64x32xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @dispatch_c1(%a0: tensor<?x2xi32>) {
  // expected-error @below {{must have the shape of}}
  %r0, %r1, %r2 = dsv2.dispatch %a0 : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x3xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @dispatch_c2(%a0: tensor<?x2xi32>) {
  // expected-error @below {{offsets must be [experts + 1]}}
  %r0, %r1, %r2 = dsv2.dispatch %a0 : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @grouped_linear_c1(%a0: tensor<?x64xf32>, %a1: tensor<9xi32>, %a2: tensor<?x2xi32>, %a3: tensor<7x32x64xf32>) {
  // expected-error @below {{for 8 experts}}
  %r0 = dsv2.grouped_linear %a0, %a1, %a2, %a3 : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<7x32x64xf32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_linear_c2(%a0: tensor<?x64xf32>, %a1: tensor<9xi32>, %a2: tensor<?x2xi32>, %a3: tensor<8x32x64xf32>) {
  // expected-error @below {{in order}}
  %r0 = dsv2.grouped_linear %a0, %a1, %a2, %a3 : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x3x32xf32>
  return
}

// -----

func.func @grouped_linear_c2_rows(%a0: tensor<?x3x64xf32>, %a1: tensor<9xi32>, %a2: tensor<?x2xi32>, %a3: tensor<8x32x64xf32>) {
  // expected-error @below {{in order}}
  %r0 = dsv2.grouped_linear %a0, %a1, %a2, %a3 : (tensor<?x3x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @combine_c1(%a0: tensor<?x2x64xf32>, %a1: tensor<?x3xi32>, %a2: tensor<?x3xf32>) {
  // expected-error @below {{cannot combine}}
  %r0 = dsv2.combine %a0, %a1, %a2 : (tensor<?x2x64xf32>, tensor<?x3xi32>, tensor<?x3xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embed_c1(%a0: tensor<?xi32>, %a1: tensor<256x64xf32>) {
  // expected-error @below {{cannot look}}
  %r0 = dsv2.embed %a0, %a1 : (tensor<?xi32>, tensor<256x64xf32>) -> tensor<?x63xf32>
  return
}

// -----

func.func @add_c1(%a0: tensor<?x64xf32>, %a1: tensor<?x63xf32>) {
  // expected-error @below {{operands and result must have one type}}
  %r0 = dsv2.add %a0, %a1 : (tensor<?x64xf32>, tensor<?x63xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c1(%a0: tensor<?x64xf32>, %a1: tensor<65xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r0 = dsv2.rms_norm %a0, %a1 eps = 1.0e-6 : (tensor<?x64xf32>, tensor<65xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @rms_norm_c2(%a0: tensor<?x64xf32>, %a1: tensor<64xf32>) {
  // expected-error @below {{result must have the type of x}}
  %r0 = dsv2.rms_norm %a0, %a1 eps = 1.0e-6 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @rms_norm_c2_eps(%a0: tensor<?x64xf32>, %a1: tensor<64xf32>) {
  // expected-error @below {{eps must be positive}}
  %r0 = dsv2.rms_norm %a0, %a1 eps = 0.0 : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @linear_c1(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>) {
  // expected-error @below {{differ}}
  %r0 = dsv2.linear %a0, %a1 : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<4x96xf32>
  return
}

// -----

func.func @linear_c2(%a0: tensor<?x64xf32>, %a1: tensor<95x64xf32>) {
  // expected-error @below {{is neither [96, 64] nor packed from it}}
  %r0 = dsv2.linear %a0, %a1 : (tensor<?x64xf32>, tensor<95x64xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c2_packed(%a0: tensor<?x64xf32>, %a1: tensor<1x64x64x1xf32>) {
  // expected-error @below {{is neither [96, 64] nor packed from it}}
  %r0 = dsv2.linear %a0, %a1 : (tensor<?x64xf32>, tensor<1x64x64x1xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c3(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<95xf32>) {
  // expected-error @below {{does not have 96 elements}}
  %r0 = dsv2.linear %a0, %a1 bias %a2 : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<95xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @linear_c4(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>) {
  // expected-error @below {{result type must be that of x or f32}}
  %r0 = dsv2.linear %a0, %a1 : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xbf16>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @rope_table_c1(%a0: !batch) {
  // expected-error @below {{expected [tokens, 2, 2]}}
  %r0 = dsv2.rope_table at %a0 frequencies = [1.0, 0.1] scale = 1.0 : (!batch) -> tensor<?x3x2xf32>
  return
}

// -----

func.func @rope_c1(%a0: tensor<?x64xf32>, %a1: tensor<?x4x2xf32>) {
  // expected-error @below {{result must have the type of x}}
  %r0 = dsv2.rope %a0, %a1 : (tensor<?x64xf32>, tensor<?x4x2xf32>) -> tensor<?x63xf32>
  return
}

// -----

func.func @rope_c2(%a0: tensor<?x6xf32>, %a1: tensor<?x4x2xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r0 = dsv2.rope %a0, %a1 : (tensor<?x6xf32>, tensor<?x4x2xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @swiglu_c1(%a0: tensor<?x64xf32>, %a1: tensor<?x63xf32>) {
  // expected-error @below {{operands and result must have one type}}
  %r0 = dsv2.swiglu %a0, %a1 : (tensor<?x64xf32>, tensor<?x63xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @checkpoint_c1() {
  // expected-error @below {{shape must be static}}
  %w = dsv2.checkpoint "w" : tensor<?x4xf32>
  return
}

// -----

func.func @checkpoint_c2() {
  // expected-error @below {{name holds {} more than once}}
  %w = dsv2.checkpoint "{}.{}" : tensor<2x4xf32>
  return
}

// -----

func.func @checkpoint_c2_rank() {
  // expected-error @below {{a stack has rank two at least}}
  %w = dsv2.checkpoint "w.{}" : tensor<4xf32>
  return
}

// -----

func.func @convert_c1(%w: tensor<4x2xf32>) {
  // expected-error @below {{shapes differ}}
  %c = dsv2.convert %w : tensor<4x2xf32> to tensor<2x4xf32>
  return
}

// -----

func.func @transpose_c1(%w: tensor<4x2xf32>) {
  // expected-error @below {{expected result 'tensor<2x4xf32>', got 'tensor<4x2xf32>'}}
  %c = dsv2.transpose %w : tensor<4x2xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @merge_c1(%w: tensor<4x2x3xf32>) {
  // expected-error @below {{cannot merge}}
  %c = dsv2.merge %w, %w : (tensor<4x2x3xf32>, tensor<4x2x3xf32>) -> tensor<4x2x3xf32>
  return
}

// -----

func.func @pack_c1(%w: tensor<4x2xf32>) {
  // expected-error @below {{expected result 'tensor<1x2x64x1xf32>'}}
  %c = dsv2.pack %w : tensor<4x2xf32> -> tensor<1x1x64x2xf32>
  return
}

// -----

func.func @weight_c1() {
  // expected-error @below {{shape must be static}}
  %w = dsv2.weight "w" slot 0 : tensor<?xf32>
  return
}

// -----

func.func @barrier_c1() {
  // expected-error @below {{non-negative}}
  dsv2.barrier -1
  return
}

// -----

func.func @gated_linear_c1(%x: tensor<?x64xf32>, %g: tensor<96x64xf32>) {
  // expected-error @below {{do not give}}
  %0 = dsv2.gated_linear %x, %g, %g : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x96xbf16>
  return
}

// -----

func.func @gated_linear_c2(%x: tensor<?x64xf32>, %g: tensor<96x64xf32>, %u: tensor<95x64xf32>) {
  // expected-error @below {{do not take}}
  %0 = dsv2.gated_linear %x, %g, %u : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<95x64xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @dispatch_c3(%e: tensor<?x2xi32>) {
  // expected-error @below {{must be positive, got 0}}
  %0, %1, %2 = dsv2.dispatch %e unsorted up_to = 0 : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return
}

// -----

func.func @grouped_gated_linear_c1(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>) {
  // expected-error @below {{do not give}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>) -> tensor<?x3x32xf32>
  return
}

// -----

func.func @grouped_gated_linear_c2(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>) {
  // expected-error @below {{do not take}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>) -> tensor<?x2x31xf32>
  return
}

// -----

func.func @grouped_gated_linear_c2_experts(%x: tensor<?x64xf32>, %o: tensor<8xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>) {
  // expected-error @below {{do not take}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g : (tensor<?x64xf32>, tensor<8xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_gated_linear_c3(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>, %s: tensor<96x64xf32>) {
  // expected-error @below {{second result with both shared weights}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g shared %s, %s : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_gated_linear_c3_shape(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>, %s: tensor<96x64xf32>) {
  // expected-error @below {{shared gate}}
  %0, %1 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g shared %s, %s : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> (tensor<?x2x32xf32>, tensor<?x95xf32>)
  return
}

// -----

func.func @grouped_gated_linear_c4(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>, %e: tensor<?x3xi32>) {
  // expected-error @below {{must have the shape of}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g unsorted %e up_to = 1 : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<?x3xi32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_gated_linear_c4_positive(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>) {
  // expected-error @below {{must be positive, got -1}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g unsorted %r up_to = -1 : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<?x2xi32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_gated_linear_c4_together(%x: tensor<?x64xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %g: tensor<8x32x64xf32>) {
  // expected-error @below {{takes experts and unsorted_tokens together}}
  %0 = dsv2.grouped_gated_linear %x, %o, %r, %g, %g {unsorted_tokens = 1 : i64} : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  return
}

// -----

func.func @grouped_combine_c1(%x: tensor<?x2x32xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d: tensor<8x64x32xf32>) {
  // expected-error @below {{cannot combine}}
  %0 = dsv2.grouped_combine %x, %o, %r, %w, %d : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @grouped_combine_c2(%x: tensor<?x2x32xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d: tensor<8x64x32xf32>) {
  // expected-error @below {{does not take}}
  %0 = dsv2.grouped_combine %x, %o, %r, %w, %d : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>) -> tensor<?x63xf32>
  return
}

// -----

func.func @grouped_combine_c3(%x: tensor<?x2x32xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d: tensor<8x64x32xf32>, %s: tensor<?x96xf32>, %sd: tensor<64x95xf32>) {
  // expected-error @below {{shared down}}
  %0 = dsv2.grouped_combine %x, %o, %r, %w, %d shared %s, %sd : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>, tensor<?x96xf32>, tensor<64x95xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @grouped_combine_c4(%x: tensor<?x2x32xf32>, %o: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d: tensor<8x64x32xf32>, %e: tensor<?x1xi32>) {
  // expected-error @below {{must have the shape of}}
  %0 = dsv2.grouped_combine %x, %o, %r, %w, %d unsorted %e up_to = 1 : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>, tensor<?x1xi32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @probe_c1(%cache: tensor<1x?x64x12xf32, #dsv2.cache<latent = 8, rope = 4>>) {
  // expected-error @below {{expected a value that is no cache}}
  dsv2.probe %cache "cache" : tensor<1x?x64x12xf32, #dsv2.cache<latent = 8, rope = 4>>
  return
}

// -----

func.func @add_rms_norm_c1(%a0: tensor<?x64xf32>, %a1: tensor<?x63xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{must have one type}}
  %r:2 = dsv2.add_rms_norm %a0, %a1, %a2 eps = 1.0e-6 : (tensor<?x64xf32>, tensor<?x63xf32>, tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func @add_rms_norm_c1_results(%a0: tensor<?x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{has two results, got 1}}
  %r = dsv2.add_rms_norm %a0, %a0, %a2 eps = 1.0e-6 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @add_rms_norm_c2(%a0: tensor<?x64xf32>, %a2: tensor<63xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r:2 = dsv2.add_rms_norm %a0, %a0, %a2 eps = 1.0e-6 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<63xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func @add_rms_norm_c2_eps(%a0: tensor<?x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{eps must be positive}}
  %r:2 = dsv2.add_rms_norm %a0, %a0, %a2 eps = 0.0 : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>)
  return
}

// -----

func.func @linears_c1(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>) {
  // expected-error @below {{needs a result for each weight and 0 more, got 1 for 2}}
  %r = dsv2.linears %a0, (%a1, %a1) : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  return
}

// -----

func.func @linears_c1_rows(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>) {
  // expected-error @below {{differ}}
  %r = dsv2.linears %a0, (%a1) : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<4x96xf32>
  return
}

// -----

func.func @linears_c2(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<95x64xf32>) {
  // expected-error @below {{is neither [96, 64] nor packed from it}}
  %r:2 = dsv2.linears %a0, (%a1, %a2) : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<95x64xf32>) -> (tensor<?x96xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @linears_c3(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>) {
  // expected-error @below {{must be that of x or f32}}
  %r = dsv2.linears %a0, (%a1) : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xbf16>
  return
}

// -----

func.func @norm_linears_c1(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{x, delta, sum and normed must have one type}}
  %r:2 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1) : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xf32>) -> (tensor<?x63xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c1_delta(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<64xf32>, %a3: tensor<?x64xbf16>) {
  // expected-error @below {{x, delta, sum and normed must have one type}}
  %r:3 = dsv2.norm_linears %a0 plus %a3, %a2 eps = 1.0e-6, (%a1) : (tensor<?x64xf32>, tensor<?x64xbf16>, tensor<64xf32>, tensor<96x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c2(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<32xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r:2 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1) : (tensor<?x64xf32>, tensor<32xf32>, tensor<96x64xf32>) -> (tensor<?x64xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c3(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{needs a result for each weight and 2 more, got 2 for 1}}
  %r:2 = dsv2.norm_linears %a0 plus %a0, %a2 eps = 1.0e-6, (%a1) : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xf32>) -> (tensor<?x64xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c4(%a0: tensor<?x64xf32>, %a1: tensor<96x63xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{is neither [96, 64] nor packed from it}}
  %r:2 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1) : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x63xf32>) -> (tensor<?x64xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c3_choice(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{needs a result for each weight and 2 more, got 2 for 1}}
  %r:2 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1) choose : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xf32>) -> (tensor<?x64xf32>, tensor<?x96xf32>)
  return
}

// -----

func.func @norm_linears_c5(%a0: tensor<?x64xf32>, %a1: tensor<96x64xf32>, %a2: tensor<64xf32>) {
  // expected-error @below {{chooses from one product, got 2}}
  %r:4 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1, %a1) choose : (tensor<?x64xf32>, tensor<64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> (tensor<?x64xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?xi32>)
  return
}

// -----

func.func @norm_linears_c5_type(%a0: tensor<?x64xbf16>, %a1: tensor<96x64xbf16>, %a2: tensor<64xbf16>) {
  // expected-error @below {{cannot choose from}}
  %r:3 = dsv2.norm_linears %a0, %a2 eps = 1.0e-6, (%a1) choose : (tensor<?x64xbf16>, tensor<64xbf16>, tensor<96x64xbf16>) -> (tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?xi32>)
  return
}

// -----

func.func @argmax_c1(%a0: tensor<?x64xf32>) {
  // expected-error @below {{cannot choose from 'tensor<?x64xf32>' to get 'tensor<?x64xi32>'}}
  %r = dsv2.argmax %a0 : (tensor<?x64xf32>) -> tensor<?x64xi32>
  return
}

// -----

func.func @argmax_c1_columns(%a0: tensor<?x0xf32>) {
  // expected-error @below {{cannot choose from}}
  %r = dsv2.argmax %a0 : (tensor<?x0xf32>) -> tensor<?xi32>
  return
}

// -----

func.func @rope_c3(%a0: tensor<?x64xf32>, %a1: tensor<?x4x2xf32>) {
  // expected-error @below {{on a range of tokens needs the batch}}
  %r = "dsv2.rope"(%a0, %a1) <{range = #dsv2<range absorbed>, operandSegmentSizes = array<i32: 1, 1, 0, 0>}> : (tensor<?x64xf32>, tensor<?x4x2xf32>) -> tensor<?x64xf32>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c3(%a0: tensor<?x40xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch, %a4: tensor<34xf32>, %a5: tensor<?x4x2xf32>) {
  // expected-error @below {{cannot norm 34 and turn 8 columns of}}
  %r = dsv2.append_latent %a0 norm %a4 eps = 1.0e-6 rope %a5 into %a1[%a2] at %a3 : (tensor<?x40xf32>, tensor<34xf32>, tensor<?x4x2xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c3_norm(%a0: tensor<?x40xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch, %a4: tensor<4x8xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r = dsv2.append_latent %a0 norm %a4 eps = 1.0e-6 into %a1[%a2] at %a3 : (tensor<?x40xf32>, tensor<4x8xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c3_table(%a0: tensor<?x40xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch, %a4: tensor<?x8xf32>) {
  // expected-error @below {{does not fit rows of}}
  %r = dsv2.append_latent %a0 rope %a4 into %a1[%a2] at %a3 : (tensor<?x40xf32>, tensor<?x8xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
func.func @append_latent_c3_eps(%a0: tensor<?x40xf32>, %a1: tensor<3x?x64x40xf32, #cache>, %a2: index, %a3: !batch, %a4: tensor<32xf32>) {
  // expected-error @below {{eps must be positive}}
  %r = dsv2.append_latent %a0 norm %a4 eps = -1.0 into %a1[%a2] at %a3 : (tensor<?x40xf32>, tensor<32xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
func.func @head_linear_c4(%a0: tensor<?x4x24xf32>, %a1: tensor<4x32x16xf32>, %a2: !batch, %a3: tensor<?x5x2xf32>) {
  // expected-error @below {{does not fit 8 columns passed through}}
  %r = dsv2.head_linear %a0, %a1 at %a2 range = all through = 8 rope %a3 : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch, tensor<?x5x2xf32>) -> tensor<?x4x40xf32>
  return
}
