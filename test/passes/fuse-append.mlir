// RUN: dsv2-opt %s --dsv2-fuse-append --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!cache = tensor<3x?x64x40xf32, #cache>

// CHECK-LABEL: func.func @row
// CHECK-SAME:    %[[R:.*]]: tensor<?x40xf32>, %[[W:.*]]: tensor<32xf32>, %[[CS:.*]]: tensor<?x4x2xf32>, %[[C:.*]]: tensor<3x?x64x40xf32, #cache>, %[[L:.*]]: index, %[[B:.*]]: !batch
func.func @row(%rows: tensor<?x40xf32>, %w: tensor<32xf32>, %cs: tensor<?x4x2xf32>, %c: !cache, %l: index,
               %batch: !batch) -> !cache {
  // CHECK-NEXT: %[[D:.*]] = dsv2.append_latent %[[R]] norm %[[W]] eps = {{[^ ,]+}} rope %[[CS]] into %[[C]][%[[L]]] at %[[B]] :
  // CHECK-NEXT: return %[[D]]
  %n = dsv2.rms_norm %rows, %w eps = 1.0e-6 : (tensor<?x40xf32>, tensor<32xf32>) -> tensor<?x40xf32>
  %r = dsv2.rope %n, %cs : (tensor<?x40xf32>, tensor<?x4x2xf32>) -> tensor<?x40xf32>
  // expected-remark @below {{one pass over each new row of the cache instead of 3}}
  %d = dsv2.append_latent %r into %c[%l] at %batch : (tensor<?x40xf32>, !cache, index, !batch) -> !cache
  return %d : !cache
}

// CHECK-LABEL: func.func @rope_alone
// CHECK-NEXT:    dsv2.append_latent %{{.*}} rope %{{.*}} into
func.func @rope_alone(%rows: tensor<?x40xf32>, %cs: tensor<?x4x2xf32>, %c: !cache, %l: index, %batch: !batch) -> !cache {
  %r = dsv2.rope %rows, %cs : (tensor<?x40xf32>, tensor<?x4x2xf32>) -> tensor<?x40xf32>
  // expected-remark @below {{instead of 2}}
  %d = dsv2.append_latent %r into %c[%l] at %batch : (tensor<?x40xf32>, !cache, index, !batch) -> !cache
  return %d : !cache
}

// CHECK-LABEL: func.func @norm_alone
// CHECK-NEXT:    dsv2.append_latent %{{.*}} norm %{{.*}} eps = {{[^ ,]+}} into
func.func @norm_alone(%rows: tensor<?x40xf32>, %w: tensor<40xf32>, %c: !cache, %l: index, %batch: !batch) -> !cache {
  %n = dsv2.rms_norm %rows, %w eps = 1.0e-6 : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  // expected-remark @below {{instead of 2}}
  %d = dsv2.append_latent %n into %c[%l] at %batch : (tensor<?x40xf32>, !cache, index, !batch) -> !cache
  return %d : !cache
}

// CHECK-LABEL: func.func @apart
func.func @apart(%rows: tensor<?x40xf32>, %w: tensor<40xf32>, %cs: tensor<?x4x2xf32>, %c: !cache, %l: index,
                 %batch: !batch) -> (!cache, tensor<?x40xf32>) {
  // A column cannot be both.
  // CHECK: dsv2.append_latent %{{[0-9]+}} into
  %n = dsv2.rms_norm %rows, %w eps = 1.0e-6 : (tensor<?x40xf32>, tensor<40xf32>) -> tensor<?x40xf32>
  %r = dsv2.rope %n, %cs : (tensor<?x40xf32>, tensor<?x4x2xf32>) -> tensor<?x40xf32>
  // expected-remark @below {{columns are normed and turned}}
  %d = dsv2.append_latent %r into %c[%l] at %batch : (tensor<?x40xf32>, !cache, index, !batch) -> !cache
  // CHECK: dsv2.append_latent %{{[0-9]+}} into
  %s = dsv2.rope %rows, %cs : (tensor<?x40xf32>, tensor<?x4x2xf32>) -> tensor<?x40xf32>
  // expected-remark @below {{the row has other readers before it is appended}}
  %e = dsv2.append_latent %s into %d[%l] at %batch : (tensor<?x40xf32>, !cache, index, !batch) -> !cache
  return %e, %s : !cache, tensor<?x40xf32>
}
