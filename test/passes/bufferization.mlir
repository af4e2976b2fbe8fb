// RUN: dsv2-opt %s --split-input-file --verify-diagnostics --one-shot-bufferize="bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map use-encoding-for-memory-space" | FileCheck %s

// Every op in destination form becomes itself on buffers: the destinations that
// it has, no copy, no allocation.

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!C = tensor<2x?x64x40xf32, #cache>

// CHECK-LABEL: func.func @embed(
// CHECK-SAME:    %[[I:[a-z0-9]+]]: memref<?xi32>
// CHECK-SAME:    %[[T:[a-z0-9]+]]: memref<100x64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.embed %[[I]], %[[T]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @embed(%i: tensor<?xi32>, %t: tensor<100x64xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.embed %i, %t outs(%d0) : (tensor<?xi32>, tensor<100x64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @zeros(
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.zeros at %[[B]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @zeros(%b: !batch, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.zeros at %b outs(%d0) : (!batch, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @add(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.add %[[X]], %[[Y]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @add(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.add %x, %y outs(%d0) : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @rms_norm(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.rms_norm %[[X]], %[[W]] {{.*}}outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @rms_norm(%x: tensor<?x64xf32>, %w: tensor<64xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.rms_norm %x, %w eps = 1.0e-6 outs(%d0) : (tensor<?x64xf32>, tensor<64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @linear(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<1x64x64x1xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: memref<64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.linear %[[X]], %[[W]] bias %[[C]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<1x64x64x1xf32>, %c: tensor<64xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.linear %x, %w bias %c outs(%d0) : (tensor<?x64xf32>, tensor<1x64x64x1xf32>, tensor<64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @rope_table(
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x2x2xf32>
// CHECK-NEXT:    dsv2.rope_table at %[[B]] {{.*}}outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @rope_table(%b: !batch, %d0: tensor<?x2x2xf32>) -> (tensor<?x2x2xf32>) {
  %r0 = dsv2.rope_table at %b frequencies = [1.0, 0.5] scale = 1.0 outs(%d0) : (!batch, tensor<?x2x2xf32>) -> (tensor<?x2x2xf32>)
  return %r0 : tensor<?x2x2xf32>
}

// CHECK-LABEL: func.func @rope(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x4x24xf32>
// CHECK-SAME:    %[[T:[a-z0-9]+]]: memref<?x4x2xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x24xf32>
// CHECK-NEXT:    dsv2.rope %[[X]], %[[T]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @rope(%x: tensor<?x4x24xf32>, %t: tensor<?x4x2xf32>, %d0: tensor<?x4x24xf32>) -> (tensor<?x4x24xf32>) {
  %r0 = dsv2.rope %x, %t outs(%d0) : (tensor<?x4x24xf32>, tensor<?x4x2xf32>, tensor<?x4x24xf32>) -> (tensor<?x4x24xf32>)
  return %r0 : tensor<?x4x24xf32>
}

// CHECK-LABEL: func.func @swiglu(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.swiglu %[[X]], %[[Y]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @swiglu(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.swiglu %x, %y outs(%d0) : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @argmax(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?xi32>
// CHECK-NEXT:    dsv2.argmax %[[X]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @argmax(%x: tensor<?x64xf32>, %d0: tensor<?xi32>) -> (tensor<?xi32>) {
  %r0 = dsv2.argmax %x outs(%d0) : (tensor<?x64xf32>, tensor<?xi32>) -> (tensor<?xi32>)
  return %r0 : tensor<?xi32>
}

// CHECK-LABEL: func.func @select_outputs(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.select_outputs %[[X]] at %[[B]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @select_outputs(%x: tensor<?x64xf32>, %b: !batch, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.select_outputs %x at %b outs(%d0) : (tensor<?x64xf32>, !batch, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @mla_attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x4x24xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: memref<2x?x64x40xf32, #cache>
// CHECK-SAME:    %[[L:[a-z0-9]+]]: index
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<128x32xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x16xf32>
// CHECK-NEXT:    dsv2.mla_attention %[[Q]], %[[C]][%[[L]]], %[[W]] at %[[B]] {{.*}}outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @mla_attention(%q: tensor<?x4x24xf32>, %c: !C, %l: index, %w: tensor<128x32xf32>, %b: !batch, %d0: tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>) {
  %r0 = dsv2.mla_attention %q, %c[%l], %w at %b scale = 2.5e-01 outs(%d0) : (tensor<?x4x24xf32>, !C, index, tensor<128x32xf32>, !batch, tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>)
  return %r0 : tensor<?x4x16xf32>
}

// CHECK-LABEL: func.func @head_linear(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x4x24xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<4x1x16x64x1xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x40xf32>
// CHECK-NEXT:    dsv2.head_linear %[[Q]], %[[W]] at %[[B]] range = absorbed through = 8 outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @head_linear(%q: tensor<?x4x24xf32>, %w: tensor<4x1x16x64x1xf32>, %b: !batch, %d0: tensor<?x4x40xf32>) -> (tensor<?x4x40xf32>) {
  %r0 = dsv2.head_linear %q, %w at %b range = absorbed through = 8 outs(%d0) : (tensor<?x4x24xf32>, tensor<4x1x16x64x1xf32>, !batch, tensor<?x4x40xf32>) -> (tensor<?x4x40xf32>)
  return %r0 : tensor<?x4x40xf32>
}

// CHECK-LABEL: func.func @head_linear_update(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x4x32xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<4x1x32x64x1xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x16xf32>
// CHECK-NEXT:    dsv2.head_linear %[[Q]], %[[W]] at %[[B]] range = absorbed update outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @head_linear_update(%q: tensor<?x4x32xf32>, %w: tensor<4x1x32x64x1xf32>, %b: !batch, %d0: tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>) {
  %r0 = dsv2.head_linear %q, %w at %b range = absorbed update outs(%d0) : (tensor<?x4x32xf32>, tensor<4x1x32x64x1xf32>, !batch, tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>)
  return %r0 : tensor<?x4x16xf32>
}

// CHECK-LABEL: func.func @latent_attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x4x40xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: memref<2x?x64x40xf32, #cache>
// CHECK-SAME:    %[[L:[a-z0-9]+]]: index
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x32xf32>
// CHECK-NEXT:    dsv2.latent_attention %[[Q]], %[[C]][%[[L]]] at %[[B]] range = all {{.*}}outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @latent_attention(%q: tensor<?x4x40xf32>, %c: !C, %l: index, %b: !batch, %d0: tensor<?x4x32xf32>) -> (tensor<?x4x32xf32>) {
  %r0 = dsv2.latent_attention %q, %c[%l] at %b range = all scale = 2.5e-01 outs(%d0) : (tensor<?x4x40xf32>, !C, index, !batch, tensor<?x4x32xf32>) -> (tensor<?x4x32xf32>)
  return %r0 : tensor<?x4x32xf32>
}

// CHECK-LABEL: func.func @expanded_attention(
// CHECK-SAME:    %[[Q:[a-z0-9]+]]: memref<?x4x24xf32>
// CHECK-SAME:    %[[C:[a-z0-9]+]]: memref<2x?x64x40xf32, #cache>
// CHECK-SAME:    %[[L:[a-z0-9]+]]: index
// CHECK-SAME:    %[[K:[a-z0-9]+]]: memref<4x1x32x64x1xf32>
// CHECK-SAME:    %[[V:[a-z0-9]+]]: memref<4x1x32x64x1xf32>
// CHECK-SAME:    %[[B:[a-z0-9]+]]: !batch
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x4x16xf32>
// CHECK-NEXT:    dsv2.expanded_attention %[[Q]], %[[C]][%[[L]]], %[[K]], %[[V]] at %[[B]] range = expanded {{.*}}outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @expanded_attention(%q: tensor<?x4x24xf32>, %c: !C, %l: index, %k: tensor<4x1x32x64x1xf32>, %v: tensor<4x1x32x64x1xf32>, %b: !batch, %d0: tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>) {
  %r0 = dsv2.expanded_attention %q, %c[%l], %k, %v at %b range = expanded scale = 2.5e-01 outs(%d0) : (tensor<?x4x24xf32>, !C, index, tensor<4x1x32x64x1xf32>, tensor<4x1x32x64x1xf32>, !batch, tensor<?x4x16xf32>) -> (tensor<?x4x16xf32>)
  return %r0 : tensor<?x4x16xf32>
}

// CHECK-LABEL: func.func @route(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<8x64xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x2xf32>
// CHECK-SAME:    %[[D1:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-NEXT:    dsv2.route %[[X]], %[[W]] groups = 1 kept_groups = 1 {{.*}}outs(%[[D0]], %[[D1]]) : (
// CHECK-NEXT:    return %[[D0]], %[[D1]]
func.func @route(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %d0: tensor<?x2xf32>, %d1: tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %r0, %r1 = dsv2.route %x, %w groups = 1 kept_groups = 1 scale = 1.0 outs(%d0, %d1) : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return %r0, %r1 : tensor<?x2xf32>, tensor<?x2xi32>
}

// CHECK-LABEL: func.func @select_experts(
// CHECK-SAME:    %[[G:[a-z0-9]+]]: memref<?x8xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x2xf32>
// CHECK-SAME:    %[[D1:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-NEXT:    dsv2.select_experts %[[G]] groups = 1 kept_groups = 1 {{.*}}outs(%[[D0]], %[[D1]]) : (
// CHECK-NEXT:    return %[[D0]], %[[D1]]
func.func @select_experts(%g: tensor<?x8xf32>, %d0: tensor<?x2xf32>, %d1: tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  %r0, %r1 = dsv2.select_experts %g groups = 1 kept_groups = 1 scale = 1.0 outs(%d0, %d1) : (tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  return %r0, %r1 : tensor<?x2xf32>, tensor<?x2xi32>
}

// CHECK-LABEL: func.func @expert_mlp(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<?x2xf32>
// CHECK-SAME:    %[[E:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-SAME:    %[[G:[a-z0-9]+]]: memref<8x32x64xf32>
// CHECK-SAME:    %[[U:[a-z0-9]+]]: memref<8x32x64xf32>
// CHECK-SAME:    %[[D:[a-z0-9]+]]: memref<8x64x32xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.expert_mlp %[[X]], %[[W]], %[[E]], %[[G]], %[[U]], %[[D]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @expert_mlp(%x: tensor<?x64xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %g: tensor<8x32x64xf32>, %u: tensor<8x32x64xf32>, %d: tensor<8x64x32xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.expert_mlp %x, %w, %e, %g, %u, %d outs(%d0) : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<8x32x64xf32>, tensor<8x32x64xf32>, tensor<8x64x32xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @dispatch(
// CHECK-SAME:    %[[E:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<9xi32>
// CHECK-SAME:    %[[D1:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-SAME:    %[[D2:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-NEXT:    dsv2.dispatch %[[E]] outs(%[[D0]], %[[D1]], %[[D2]]) : (
// CHECK-NEXT:    return %[[D0]], %[[D1]], %[[D2]]
func.func @dispatch(%e: tensor<?x2xi32>, %d0: tensor<9xi32>, %d1: tensor<?x2xi32>, %d2: tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>) {
  %r0, %r1, %r2 = dsv2.dispatch %e outs(%d0, %d1, %d2) : (tensor<?x2xi32>, tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>) -> (tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>)
  return %r0, %r1, %r2 : tensor<9xi32>, tensor<?x2xi32>, tensor<?x2xi32>
}

// CHECK-LABEL: func.func @grouped_linear(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-SAME:    %[[F:[a-z0-9]+]]: memref<9xi32>
// CHECK-SAME:    %[[R:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<8x1x64x64x1xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x2x32xf32>
// CHECK-NEXT:    dsv2.grouped_linear %[[X]], %[[F]], %[[R]], %[[W]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @grouped_linear(%x: tensor<?x64xf32>, %f: tensor<9xi32>, %r: tensor<?x2xi32>, %w: tensor<8x1x64x64x1xf32>, %d0: tensor<?x2x32xf32>) -> (tensor<?x2x32xf32>) {
  %r0 = dsv2.grouped_linear %x, %f, %r, %w outs(%d0) : (tensor<?x64xf32>, tensor<9xi32>, tensor<?x2xi32>, tensor<8x1x64x64x1xf32>, tensor<?x2x32xf32>) -> (tensor<?x2x32xf32>)
  return %r0 : tensor<?x2x32xf32>
}

// CHECK-LABEL: func.func @combine(
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<?x2x64xf32>
// CHECK-SAME:    %[[P:[a-z0-9]+]]: memref<?x2xi32>
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<?x2xf32>
// CHECK-SAME:    %[[D0:[a-z0-9]+]]: memref<?x64xf32>
// CHECK-NEXT:    dsv2.combine %[[Y]], %[[P]], %[[W]] outs(%[[D0]]) : (
// CHECK-NEXT:    return %[[D0]]
func.func @combine(%y: tensor<?x2x64xf32>, %p: tensor<?x2xi32>, %w: tensor<?x2xf32>, %d0: tensor<?x64xf32>) -> (tensor<?x64xf32>) {
  %r0 = dsv2.combine %y, %p, %w outs(%d0) : (tensor<?x2x64xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %r0 : tensor<?x64xf32>
}

// The cache is updated in place, read after, across a call.
// CHECK-LABEL: func.func private @append_latent(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x40xf32>, %[[C:[a-z0-9]+]]: memref<2x?x64x40xf32, #cache>, %[[L:[a-z0-9]+]]: index, %[[B:[a-z0-9]+]]: !batch)
// CHECK-NEXT:    dsv2.append_latent %[[X]] into %[[C]][%[[L]]] at %[[B]] : (memref<?x40xf32>, memref<2x?x64x40xf32, #cache>, index, !batch) -> ()
// CHECK-NEXT:    return
func.func private @append_latent(%x: tensor<?x40xf32>, %c: !C, %l: index, %b: !batch) -> !C {
  %r = dsv2.append_latent %x into %c[%l] at %b : (tensor<?x40xf32>, !C, index, !batch) -> !C
  return %r : !C
}
// CHECK-LABEL: func.func @across_calls(
// CHECK-NOT:     memref.copy
// CHECK-NOT:     memref.alloc
// CHECK:         return
func.func @across_calls(%x: tensor<?x40xf32>, %c: !C, %l: index, %b: !batch) -> !C {
  %c1 = call @append_latent(%x, %c, %l, %b) : (tensor<?x40xf32>, !C, index, !batch) -> !C
  %c2 = call @append_latent(%x, %c1, %l, %b) : (tensor<?x40xf32>, !C, index, !batch) -> !C
  return %c2 : !C
}

// A weight is a buffer that is only read: what is written instead is a copy.
// CHECK-LABEL: func.func @weight(
// CHECK:         %[[W:.*]] = dsv2.weight "w" slot 3 : memref<4x16xf32>
// CHECK:         %[[D:.*]] = memref.alloc
// CHECK:         dsv2.add %[[W]], %[[W]] outs(%[[D]])
func.func @weight() -> tensor<4x16xf32> {
  %w = dsv2.weight "w" slot 3 : tensor<4x16xf32>
  %r = dsv2.add %w, %w outs(%w) : (tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
  return %r : tensor<4x16xf32>
}

// -----

func.func @value_form(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // expected-error @below {{has no destination: run dsv2-to-destination-passing before bufferization}}
  // expected-error @below {{failed to bufferize op}}
  %r = dsv2.add %x, %x : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %r : tensor<?x64xf32>
}
