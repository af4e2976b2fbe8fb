// RUN: dsv2-opt %s --verify-roundtrip | dsv2-opt | FileCheck %s
// RUN: dsv2-opt %s --mlir-print-op-generic | dsv2-opt | FileCheck %s

// Types print as aliases.
// CHECK-DAG: !batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
// CHECK-DAG: #cache = #dsv2.cache<latent = 32, rope = 8>
!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>

// CHECK-LABEL: func.func @batch
func.func @batch(%positions: tensor<5xi32>, %sequence: tensor<5xi32>, %starts: tensor<3xi32>,
                 %prefix: tensor<2xi32>, %pages: tensor<2x1xi32>, %rows: tensor<2xi32>) -> index {
  // CHECK: %[[B:.*]] = dsv2.make_batch %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} absorbed = 2 :
  %batch = dsv2.make_batch %positions, %sequence, %starts, %prefix, %pages, %rows absorbed = 2
    : (tensor<5xi32>, tensor<5xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>) -> !batch
  // CHECK: dsv2.make_batch {{[^=]*}} :
  %none = dsv2.make_batch %positions, %sequence, %starts, %prefix, %pages, %rows
    : (tensor<5xi32>, tensor<5xi32>, tensor<3xi32>, tensor<2xi32>, tensor<2x1xi32>, tensor<2xi32>) -> !batch
  // CHECK: dsv2.batch_count %[[B]]["tokens"]
  %n = dsv2.batch_count %batch["tokens"] : !batch
  // CHECK: dsv2.batch_count %[[B]]["pages"]
  %p = dsv2.batch_count %batch["pages"] : !batch
  return %n : index
}

// Lengths that are known at run time only.
// CHECK-LABEL: func.func @dynamic_batch
func.func @dynamic_batch(%tokens: tensor<?xi32>, %pages: tensor<?x?xi32>) -> !batch {
  // CHECK: dsv2.make_batch
  %batch = dsv2.make_batch %tokens, %tokens, %tokens, %tokens, %pages, %tokens
    : (tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>, tensor<?xi32>) -> !batch
  return %batch : !batch
}

// CHECK-LABEL: func.func @layer
func.func @layer(%ids: tensor<?xi32>, %table: tensor<256x64xbf16>, %batch: !batch, %norm: tensor<64xbf16>,
                 %w: tensor<96x64xbf16>, %p: tensor<2x32x64x2xbf16>, %bias: tensor<96xbf16>) -> tensor<?x64xbf16> {
  // CHECK: %[[X:.*]] = dsv2.embed %{{.*}}, %{{.*}} : (tensor<?xi32>, tensor<256x64xbf16>) -> tensor<?x64xbf16>
  %x = dsv2.embed %ids, %table : (tensor<?xi32>, tensor<256x64xbf16>) -> tensor<?x64xbf16>
  // CHECK: %[[Z:.*]] = dsv2.zeros at %{{.*}} : (!batch) -> tensor<?x64xbf16>
  %z = dsv2.zeros at %batch : (!batch) -> tensor<?x64xbf16>
  // CHECK: %[[R:.*]] = dsv2.add %[[X]], %[[Z]] :
  %r = dsv2.add %x, %z : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x64xbf16>
  // CHECK: %[[H:.*]] = dsv2.rms_norm %[[R]], %{{.*}} eps = {{.*}} :
  %h = dsv2.rms_norm %r, %norm eps = 1.0e-6 : (tensor<?x64xbf16>, tensor<64xbf16>) -> tensor<?x64xbf16>
  // CHECK: dsv2.linear %[[H]], %{{.*}} bias %{{.*}} : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  %a = dsv2.linear %h, %w bias %bias : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<96xbf16>) -> tensor<?x96xbf16>
  // CHECK: dsv2.linear %[[H]], %{{.*}} : (tensor<?x64xbf16>, tensor<2x32x64x2xbf16>) -> tensor<?x96xf32>
  %f = dsv2.linear %h, %p : (tensor<?x64xbf16>, tensor<2x32x64x2xbf16>) -> tensor<?x96xf32>
  // CHECK: dsv2.argmax %{{.*}} : (tensor<?x96xf32>) -> tensor<?xi32>
  %g = dsv2.argmax %f : (tensor<?x96xf32>) -> tensor<?xi32>
  // CHECK: dsv2.swiglu
  %s = dsv2.swiglu %a, %a : (tensor<?x96xbf16>, tensor<?x96xbf16>) -> tensor<?x96xbf16>
  // Every bit of a frequency is printed: six digits would move an angle.
  // CHECK: %[[CS:.*]] = dsv2.rope_table at %{{.*}} frequencies = [1.000000e+00, 0.0239147209] scale = 1.000000e+00 : (!batch) -> tensor<?x2x2xf32>
  %cs = dsv2.rope_table at %batch frequencies = [1.0, 0.0239147209] scale = 1.0 : (!batch) -> tensor<?x2x2xf32>
  // CHECK: dsv2.rope %{{.*}}, %[[CS]] : (tensor<?x96xbf16>, tensor<?x2x2xf32>) -> tensor<?x96xbf16>
  %o = dsv2.rope %s, %cs : (tensor<?x96xbf16>, tensor<?x2x2xf32>) -> tensor<?x96xbf16>
  // CHECK: dsv2.select_outputs %[[H]] at %{{.*}} :
  %y = dsv2.select_outputs %h at %batch : (tensor<?x64xbf16>, !batch) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x4x24xf32>, %rows: tensor<?x40xf32>, %c0: tensor<3x?x64x40xf32, #cache>,
                     %layer: index, %batch: !batch, %kvb: tensor<128x32xf32>, %ukt: tensor<4x32x16xf32>,
                     %uk: tensor<4x16x32xf32>, %uv: tensor<4x1x32x64x1xf32>) -> tensor<3x?x64x40xf32, #cache> {
  // CHECK: %[[C:.*]] = dsv2.append_latent %{{.*}} into %{{.*}}[%[[L:.*]]] at %[[B:.*]] :
  %c = dsv2.append_latent %rows into %c0[%layer] at %batch
    : (tensor<?x40xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<3x?x64x40xf32, #cache>
  // CHECK: %[[O:.*]] = dsv2.mla_attention %[[Q:.*]], %[[C]][%[[L]]], %{{.*}} at %[[B]] scale = 2.500000e-01 :
  %o = dsv2.mla_attention %q, %c[%layer], %kvb at %batch scale = 0.25
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<128x32xf32>, !batch) -> tensor<?x4x16xf32>
  // CHECK: %[[E:.*]] = dsv2.expanded_attention %[[Q]], %[[C]][%[[L]]], %{{.*}}, %{{.*}} at %[[B]] range = expanded scale = 2.500000e-01 outs(%[[O]]) :
  %e = dsv2.expanded_attention %q, %c[%layer], %uk, %uv at %batch range = expanded scale = 0.25 outs(%o)
    : (tensor<?x4x24xf32>, tensor<3x?x64x40xf32, #cache>, index, tensor<4x16x32xf32>, tensor<4x1x32x64x1xf32>,
       !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  // CHECK: %[[A:.*]] = dsv2.head_linear %[[Q]], %{{.*}} at %[[B]] range = absorbed through = 8 :
  %a = dsv2.head_linear %q, %ukt at %batch range = absorbed through = 8
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch) -> tensor<?x4x40xf32>
  // CHECK: %[[V:.*]] = dsv2.latent_attention %[[A]], %[[C]][%[[L]]] at %[[B]] range = all scale = 2.500000e-01 :
  %l = dsv2.latent_attention %a, %c[%layer] at %batch range = all scale = 0.25
    : (tensor<?x4x40xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch) -> tensor<?x4x32xf32>
  // CHECK: dsv2.head_linear %[[V]], %{{.*}} at %[[B]] range = absorbed update outs(%[[E]]) :
  %u = dsv2.head_linear %l, %uv at %batch range = absorbed update outs(%e)
    : (tensor<?x4x32xf32>, tensor<4x1x32x64x1xf32>, !batch, tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
  return %c : tensor<3x?x64x40xf32, #cache>
}

// What fusion makes of a layer's ops.
// CHECK-LABEL: func.func @fused
func.func @fused(%x: tensor<?x64xbf16>, %d: tensor<?x64xbf16>, %norm: tensor<64xbf16>, %w: tensor<96x64xbf16>,
                 %p: tensor<2x32x64x2xbf16>, %cs: tensor<?x4x2xf32>, %q: tensor<?x4x24xf32>, %rows: tensor<?x40xf32>,
                 %latent: tensor<32xf32>, %c0: tensor<3x?x64x40xf32, #cache>, %layer: index, %batch: !batch,
                 %ukt: tensor<4x32x16xf32>) -> tensor<3x?x64x40xf32, #cache> {
  // CHECK: %[[R:.*]]:2 = dsv2.add_rms_norm %[[X:.*]], %[[D:.*]], %[[N:.*]] eps = {{.*}} : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>)
  %sum, %h = dsv2.add_rms_norm %x, %d, %norm eps = 1.0e-6
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>) -> (tensor<?x64xbf16>, tensor<?x64xbf16>)
  // CHECK: dsv2.linears %[[R]]#1, (%[[W:.*]], %[[P:.*]]) : {{.*}} -> (tensor<?x96xbf16>, tensor<?x96xf32>)
  %y:2 = dsv2.linears %h, (%w, %p)
    : (tensor<?x64xbf16>, tensor<96x64xbf16>, tensor<2x32x64x2xbf16>) -> (tensor<?x96xbf16>, tensor<?x96xf32>)
  // CHECK: dsv2.norm_linears %[[X]], %[[N]] eps = {{.*}}, (%[[W]], %[[P]]) : {{.*}} -> (tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?x96xf32>)
  %n:3 = dsv2.norm_linears %x, %norm eps = 1.0e-6, (%w, %p)
    : (tensor<?x64xbf16>, tensor<64xbf16>, tensor<96x64xbf16>, tensor<2x32x64x2xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x96xbf16>, tensor<?x96xf32>)
  // CHECK: dsv2.norm_linears %[[X]] plus %[[D]], %[[N]] eps = {{.*}}, (%[[W]]) : {{.*}} -> (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x96xbf16>)
  %a:3 = dsv2.norm_linears %x plus %d, %norm eps = 1.0e-6, (%w)
    : (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<64xbf16>, tensor<96x64xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x64xbf16>, tensor<?x96xbf16>)
  // CHECK: dsv2.norm_linears %[[X]], %[[N]] eps = {{.*}}, (%[[P]]) choose : {{.*}} -> (tensor<?x64xbf16>, tensor<?x96xf32>, tensor<?xi32>)
  %g:3 = dsv2.norm_linears %x, %norm eps = 1.0e-6, (%p) choose
    : (tensor<?x64xbf16>, tensor<64xbf16>, tensor<2x32x64x2xbf16>)
    -> (tensor<?x64xbf16>, tensor<?x96xf32>, tensor<?xi32>)
  // CHECK: dsv2.rope %[[Q:.*]], %[[CS:.*]] at %[[B:.*]] range = expanded : (tensor<?x4x24xf32>, tensor<?x4x2xf32>, !batch) -> tensor<?x4x24xf32>
  %r = dsv2.rope %q, %cs at %batch range = expanded
    : (tensor<?x4x24xf32>, tensor<?x4x2xf32>, !batch) -> tensor<?x4x24xf32>
  // CHECK: dsv2.head_linear %[[Q]], %{{.*}} at %[[B]] range = absorbed through = 8 rope %[[CS]] :
  %t = dsv2.head_linear %q, %ukt at %batch range = absorbed through = 8 rope %cs
    : (tensor<?x4x24xf32>, tensor<4x32x16xf32>, !batch, tensor<?x4x2xf32>) -> tensor<?x4x40xf32>
  // CHECK: %[[C1:.*]] = dsv2.append_latent %[[ROWS:.*]] norm %[[L:.*]] eps = {{.*}} rope %[[CS]] into %{{.*}}[%{{.*}}] at %[[B]] :
  %c1 = dsv2.append_latent %rows norm %latent eps = 1.0e-6 rope %cs into %c0[%layer] at %batch
    : (tensor<?x40xf32>, tensor<32xf32>, tensor<?x4x2xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch)
    -> tensor<3x?x64x40xf32, #cache>
  // CHECK: %[[C2:.*]] = dsv2.append_latent %[[ROWS]] norm %[[L]] eps = {{.*}} into %[[C1]][
  %c2 = dsv2.append_latent %rows norm %latent eps = 1.0e-6 into %c1[%layer] at %batch
    : (tensor<?x40xf32>, tensor<32xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch)
    -> tensor<3x?x64x40xf32, #cache>
  // CHECK: dsv2.append_latent %[[ROWS]] rope %[[CS]] into %[[C2]][
  %c3 = dsv2.append_latent %rows rope %cs into %c2[%layer] at %batch
    : (tensor<?x40xf32>, tensor<?x4x2xf32>, tensor<3x?x64x40xf32, #cache>, index, !batch)
    -> tensor<3x?x64x40xf32, #cache>
  return %c3 : tensor<3x?x64x40xf32, #cache>
}

// CHECK-LABEL: func.func @experts
func.func @experts(%x: tensor<?x64xf32>, %gate: tensor<8x64xf32>, %logits: tensor<?x8xf32>,
                   %g: tensor<8x32x64xf32>, %d: tensor<8x64x32xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[R:.*]]:2 = dsv2.route %{{.*}}, %{{.*}} groups = 4 kept_groups = 2 scale = 1.600000e+01 normalize :
  %w, %e = dsv2.route %x, %gate groups = 4 kept_groups = 2 scale = 16.0 normalize
    : (tensor<?x64xf32>, tensor<8x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: dsv2.select_experts %{{.*}} groups = 1 kept_groups = 1 scale = 1.000000e+00 :
  %w2, %e2 = dsv2.select_experts %logits groups = 1 kept_groups = 1 scale = 1.0
    : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // CHECK: dsv2.expert_mlp %{{.*}}, %[[R]]#0, %[[R]]#1, %{{.*}}, %{{.*}}, %{{.*}} :
  %y = dsv2.expert_mlp %x, %w, %e, %g, %g, %d
    : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>,
       tensor<8x64x32xf32>) -> tensor<?x64xf32>
  // CHECK: %[[D:.*]]:3 = dsv2.dispatch %[[R]]#1 :
  %offsets, %order, %places = dsv2.dispatch %e
    : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  // CHECK: %[[H:.*]] = dsv2.grouped_linear %{{.*}}, %[[D]]#0, %[[D]]#1, %{{.*}} : (tensor<?x64xf32>,
  %h = dsv2.grouped_linear %x, %offsets, %order, %g
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>) -> tensor<?x2x32xf32>
  // CHECK: %[[S:.*]] = dsv2.grouped_linear %[[H]], %[[D]]#0, %[[D]]#1, %{{.*}} : (tensor<?x2x32xf32>,
  %s = dsv2.grouped_linear %h, %offsets, %order, %d
    : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x64x32xf32>) -> tensor<?x2x64xf32>
  // CHECK: dsv2.combine %[[S]], %[[D]]#2, %[[R]]#0 :
  %o = dsv2.combine %s, %places, %w : (tensor<?x2x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @fused_experts
func.func @fused_experts(%x: tensor<?x64xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>,
                         %g: tensor<8x32x64xf32>, %d: tensor<8x64x32xf32>, %sg: tensor<96x64xf32>,
                         %sd: tensor<64x96xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: dsv2.gated_linear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  %a = dsv2.gated_linear %x, %sg, %sg
    : (tensor<?x64xf32>, tensor<96x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32>
  // CHECK: %[[D:.*]]:3 = dsv2.dispatch %{{.*}} unsorted up_to = 2 :
  %offsets, %order, %places = dsv2.dispatch %e unsorted up_to = 2
    : (tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  // CHECK: %[[H:.*]] = dsv2.grouped_gated_linear %{{.*}}, %[[D]]#0, %[[D]]#1, %{{.*}}, %{{.*}} : (
  %h = dsv2.grouped_gated_linear %x, %offsets, %order, %g, %g
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>)
    -> tensor<?x2x32xf32>
  // CHECK: dsv2.grouped_combine %[[H]], %[[D]]#0, %[[D]]#1, %{{.*}}, %{{.*}} : (
  %y = dsv2.grouped_combine %h, %offsets, %order, %w, %d
    : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>)
    -> tensor<?x64xf32>
  // CHECK: %[[F:.*]]:2 = dsv2.grouped_gated_linear %{{.*}}, %[[D]]#0, %[[D]]#1, %{{.*}}, %{{.*}} shared %{{.*}}, %{{.*}} unsorted %{{.*}} up_to = 2 : (
  %f, %s = dsv2.grouped_gated_linear %x, %offsets, %order, %g, %g shared %sg, %sg unsorted %e up_to = 2
    : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>,
       tensor<96x64xf32>, tensor<96x64xf32>, tensor<?x2xi32>) -> (tensor<?x2x32xf32>, tensor<?x96xf32>)
  // CHECK: dsv2.grouped_combine %[[F]]#0, %[[D]]#0, %[[D]]#1, %{{.*}}, %{{.*}} shared %[[F]]#1, %{{.*}} unsorted %{{.*}} up_to = 2 : (
  %z = dsv2.grouped_combine %f, %offsets, %order, %w, %d shared %s, %sd unsorted %e up_to = 2
    : (tensor<?x2x32xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<8x64x32xf32>,
       tensor<?x96xf32>, tensor<64x96xf32>, tensor<?x2xi32>) -> tensor<?x64xf32>
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @weights
func.func @weights() attributes {dsv2.weight_program} {
  // CHECK: %[[S:.*]] = dsv2.checkpoint "experts.{}.up" : tensor<4x8x16xf16>
  %s = dsv2.checkpoint "experts.{}.up" : tensor<4x8x16xf16>
  // CHECK: %[[C:.*]] = dsv2.convert %[[S]] : tensor<4x8x16xf16> to tensor<4x8x16xbf16>
  %c = dsv2.convert %s : tensor<4x8x16xf16> to tensor<4x8x16xbf16>
  // CHECK: %[[T:.*]] = dsv2.transpose %[[C]] : tensor<4x8x16xbf16> -> tensor<4x16x8xbf16>
  %t = dsv2.transpose %c : tensor<4x8x16xbf16> -> tensor<4x16x8xbf16>
  // CHECK: %[[M:.*]] = dsv2.merge %[[C]], %[[T]] : (tensor<4x8x16xbf16>, tensor<4x16x8xbf16>) -> tensor<4x8x8xbf16>
  %m = dsv2.merge %c, %t : (tensor<4x8x16xbf16>, tensor<4x16x8xbf16>) -> tensor<4x8x8xbf16>
  // CHECK: %[[P:.*]] = dsv2.pack %[[M]] : tensor<4x8x8xbf16> -> tensor<4x1x4x64x2xbf16>
  %p = dsv2.pack %m : tensor<4x8x8xbf16> -> tensor<4x1x4x64x2xbf16>
  // CHECK: dsv2.store_weight %[[P]], "merged" slot 0 : tensor<4x1x4x64x2xbf16>
  dsv2.store_weight %p, "merged" slot 0 : tensor<4x1x4x64x2xbf16>
  // CHECK: dsv2.weight "merged" slot 0 : tensor<4x1x4x64x2xbf16>
  %w = dsv2.weight "merged" slot 0 : tensor<4x1x4x64x2xbf16>
  return
}

// The buffer form: no results, destinations in their place.
// CHECK-LABEL: func.func @buffers
func.func @buffers(%x: memref<?x64xf32>, %n: memref<64xf32>, %y: memref<?x64xf32>, %batch: !batch,
                   %rows: memref<?x40xf32>, %cache: memref<3x?x64x40xf32, #cache>, %layer: index) {
  // CHECK: dsv2.rms_norm %{{.*}}, %{{.*}} eps = {{.*}} outs(%{{.*}}) : (memref<?x64xf32>, memref<64xf32>, memref<?x64xf32>) -> ()
  dsv2.rms_norm %x, %n eps = 1.0e-6 outs(%y) : (memref<?x64xf32>, memref<64xf32>, memref<?x64xf32>) -> ()
  // CHECK: dsv2.barrier{{$}}
  dsv2.barrier
  // CHECK: dsv2.barrier 7
  dsv2.barrier 7
  // CHECK: dsv2.append_latent %{{.*}} into %{{.*}}[%{{.*}}] at %{{.*}} : (memref<?x40xf32>, memref<3x?x64x40xf32, #cache>, index, !batch) -> ()
  dsv2.append_latent %rows into %cache[%layer] at %batch
    : (memref<?x40xf32>, memref<3x?x64x40xf32, #cache>, index, !batch) -> ()
  // CHECK: dsv2.probe %{{.*}} "norm" layer %{{.*}} : memref<?x64xf32>
  dsv2.probe %y "norm" layer %layer : memref<?x64xf32>
  // CHECK: dsv2.weight "norm" slot 1 : memref<64xf32>
  %w = dsv2.weight "norm" slot 1 : memref<64xf32>
  return
}
