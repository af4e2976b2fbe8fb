// RUN: dsv2-opt %s --convert-dsv2-to-cpu=variant=x86-64-v3 | FileCheck %s
// RUN: dsv2-opt %s --convert-dsv2-to-cpu=variant=x86-64-v4 | FileCheck %s
// RUN: dsv2-opt %s --convert-dsv2-to-cpu=variant=avx512bf16 | FileCheck %s
// RUN: dsv2-opt %s --dsv2-outline-kernels --convert-dsv2-to-cpu | FileCheck %s --check-prefix=OUTLINED
// RUN: dsv2-opt %s --convert-dsv2-to-cpu | FileCheck %s --check-prefix=NONE

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
#cache = #dsv2.cache<latent = 32, rope = 8>
!A = memref<16384xi8>
!C = memref<2x?x64x40xf32, #cache>
!X = memref<?x40xf32>
!Q = memref<?x4x40xf32>
!L = memref<?x4x32xf32>

// Nothing of the dialect is left but the names of attributes: no op, no type,
// no memory space.
// NONE-NOT: {{^ *(%.* = )?dsv2\.}}
// NONE-NOT: #cache
// NONE-NOT: !batch

// The module says how much scratch a thread needs.
// CHECK:       module attributes {dsv2.scratch_bytes = [[SCRATCH:[1-9][0-9]*]] : i64}
// CHECK:         llvm.mlir.global internal constant @dsv2_scratch_bytes([[SCRATCH]] : i64)

// A private function takes the context, the thread, the number of threads, then
// its buffers as bare pointers and its indices; the batch comes with the context.
// LLVM neither exports nor inlines it.
// CHECK-LABEL:   func.func private @layer(
// CHECK-SAME:      %{{.*}}: !llvm.ptr, %{{.*}}: index, %{{.*}}: index, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: index, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK-SAME:      attributes {llvm.linkage = #llvm.linkage<internal>, passthrough = ["noinline"]}
func.func private @layer(%arena: !A {dsv2.arena}, %c: !C {dsv2.count = "pages"}, %l: index, %b: !batch, %x: !X {dsv2.count = "tokens"}, %w: memref<1x40x64x1xf32>, %out: !L {dsv2.count = "tokens"}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 4096 : index
  %p = memref.view %arena[%c0][%n] : !A to !X
  dsv2.linear %x, %w outs(%p) : (!X, memref<1x40x64x1xf32>, !X) -> ()
  dsv2.barrier
  dsv2.append_latent %p into %c[%l] at %b : (!X, !C, index, !batch) -> ()
  %q = memref.view %arena[%c1][%n] : !A to !Q
  dsv2.zeros at %b outs(%q) : (!batch, !Q) -> ()
  dsv2.barrier
  dsv2.latent_attention %q, %c[%l] at %b range = all scale = 1.0 outs(%out) : (!Q, !C, index, !batch, !L) -> ()
  return
}

// The step takes the first three alone and finds the rest in the context. What
// only calls hands pointers on: no memref at all.
// CHECK-LABEL:   func.func @dsv2_step(
// CHECK-SAME:      %[[CTX:.*]]: !llvm.ptr, %[[THREAD:.*]]: index, %[[THREADS:.*]]: index) {
// CHECK-NOT:       memref
// CHECK:           call @layer(%[[CTX]], %[[THREAD]], %[[THREADS]],
// CHECK:           %[[NUMBER:.*]] = llvm.mlir.constant(9 : i64) : i64
// CHECK:           llvm.call %{{.*}}(%[[CTX]], %[[NUMBER]]) : !llvm.ptr, (!llvm.ptr, i64) -> ()
// CHECK:           call @layer(%[[CTX]], %[[THREAD]], %[[THREADS]],
// CHECK:           return
// OUTLINED-LABEL:  func.func private @layer(
// OUTLINED-NOT:      memref
// OUTLINED:          call @linear(
// OUTLINED:          call @append_latent(
// OUTLINED:          call @latent_attention(
// OUTLINED:          return
func.func @step(%arena: !A {dsv2.arena}, %b: !batch, %c: !C {dsv2.count = "pages"}, %out: !L {dsv2.count = "tokens", dsv2.destination}) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %w = dsv2.weight "w" slot 5 : memref<1x40x64x1xf32>
  %x = memref.view %arena[%c0][%n] : !A to !X
  call @layer(%arena, %c, %c0, %b, %x, %w, %out) : (!A, !C, index, !batch, !X, memref<1x40x64x1xf32>, !L) -> ()
  dsv2.barrier 9
  call @layer(%arena, %c, %c1, %b, %x, %w, %out) : (!A, !C, index, !batch, !X, memref<1x40x64x1xf32>, !L) -> ()
  return
}

// The classifier is arithmetic already: it only gets its name.
// CHECK-LABEL:   func.func @dsv2_absorbs(%{{.*}}: index, %{{.*}}: index, %{{.*}}: index) -> i64
// CHECK:         %[[ANSWER:.*]] = arith.extui %{{.*}} : i1 to i64
// CHECK:         return %[[ANSWER]] : i64
func.func @absorbs(%tokens: index, %prefix: index, %batch: index) -> i1 attributes {dsv2.classifier} {
  %true = arith.constant true
  return %true : i1
}

// A kernel as dsv2-outline-kernels leaves it: every n-th row is this thread's.
// CHECK-LABEL:   func.func private @kernel(
// CHECK-SAME:      %{{[^:]*}}: !llvm.ptr, %[[THREAD:.*]]: index, %[[THREADS:.*]]: index,
// CHECK:           scf.for %{{.*}} = %[[THREAD]] to %{{.*}} step %[[THREADS]]
// DOC
func.func private @kernel(%x: memref<64x16xf32>, %y: memref<64x16xf32>, %out: memref<64x16xf32>) {
  dsv2.add %x, %y outs(%out) : (memref<64x16xf32>, memref<64x16xf32>, memref<64x16xf32>) -> ()
  return
}
