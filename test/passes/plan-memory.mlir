// RUN: dsv2-opt %s --split-input-file --dsv2-plan-memory --verify-diagnostics \
// RUN:   --remarks-filter=dsv2-plan-memory --remark-format=emitRemark | FileCheck %s
// RUN: sed '/FOUR: /s/.*FOUR: //' %s | dsv2-opt --split-input-file --dsv2-plan-memory | FileCheck %s

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = memref<?x16xf32>

// The caller keeps two temporaries of 16 x 16 x 4 bytes across its calls; the
// callee's three lie above them, two at a time: the third takes the place of the
// first. The arena does not know how often the layer is called.
// CHECK:       module attributes {dsv2.arena_bytes = 4096 : i64}
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME:    %[[ARENA:[a-z0-9]+]]: memref<4096xi8> {dsv2.arena}, %{{.*}}: memref<?x16xf32>
// CHECK:         %[[LOW:.*]] = arith.constant 2048 : index
// CHECK:         %[[A:.*]] = memref.view %[[ARENA]][%[[LOW]]][%[[N:.*]]] : memref<4096xi8> to memref<?x16xf32>
// CHECK:         dsv2.add {{.*}} outs(%[[A]])
// CHECK:         %[[HIGH:.*]] = arith.constant 3072 : index
// CHECK:         %[[B:.*]] = memref.view %[[ARENA]][%[[HIGH]]][%[[N]]]
// CHECK:         dsv2.add %[[A]], %[[A]] outs(%[[B]])
// CHECK:         %[[AGAIN:.*]] = arith.constant 2048 : index
// CHECK:         %[[C:.*]] = memref.view %[[ARENA]][%[[AGAIN]]][%[[N]]]
// CHECK:         dsv2.add %[[B]], %[[B]] outs(%[[C]])
// CHECK-NOT:     memref.alloc
// expected-remark @below {{frame of 2048 bytes at 2048 for 3 temporaries; live peak 2048 bytes}}
func.func private @layer(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %a = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%a) : (!X, !X, !X) -> ()
  %c = memref.alloc(%n) : !X
  dsv2.add %a, %a outs(%c) : (!X, !X, !X) -> ()
  %d = memref.alloc(%n) : !X
  dsv2.add %c, %c outs(%d) : (!X, !X, !X) -> ()
  dsv2.add %d, %d outs(%out) : (!X, !X, !X) -> ()
  return
}

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[ARENA:[a-z0-9]+]]: memref<4096xi8> {dsv2.arena}
// CHECK-NOT:     memref.alloc
// CHECK:         %[[P:.*]] = memref.view %[[ARENA]]
// CHECK:         %[[Q:.*]] = memref.view %[[ARENA]]
// CHECK:         call @layer(%[[ARENA]], %[[P]], %{{.*}}, %[[Q]])
// CHECK:         call @layer(%[[ARENA]], %[[Q]], %{{.*}}, %[[P]])
// expected-remark @below {{frame of 2048 bytes at 0 for 2 temporaries; live peak 2048 bytes}}
// expected-remark @below {{arena of 4096 bytes; what is live at one time takes 4096, 100.0% of it}}
func.func @step(%x: !X, %b: !batch, %out: !X) {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %p = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%p) : (!X, !X, !X) -> ()
  %q = memref.alloc(%n) : !X
  call @layer(%p, %b, %q) : (!X, !batch, !X) -> ()
  call @layer(%q, %b, %p) : (!X, !batch, !X) -> ()
  // FOUR: call @layer(%p, %b, %q) : (!X, !batch, !X) -> ()
  // FOUR: call @layer(%q, %b, %p) : (!X, !batch, !X) -> ()
  dsv2.add %p, %x outs(%out) : (!X, !X, !X) -> ()
  return
}

// -----

!batch = !dsv2.batch<tokens = 16, sequences = 3, outputs = 2, span = 64>
!X = memref<?x16xf32>

// Sizes are the maxima of their counts, rounded to 64 bytes; a use through a
// view keeps the temporary; results of a public function that are its own
// arguments go.
// CHECK:       module attributes {dsv2.arena_bytes = 1216 : i64}
// CHECK-LABEL: func.func @views(
// CHECK-SAME:    ) {
// CHECK:         %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:         memref.view %{{.*}}[%[[ZERO]]][%{{.*}}] : memref<1216xi8> to memref<?x16xf32>
// CHECK:         %[[NEXT:.*]] = arith.constant 1024 : index
// CHECK:         memref.view %{{.*}}[%[[NEXT]]][%{{.*}}] : memref<1216xi8> to memref<?x16xf32>
// CHECK:         %[[LAST:.*]] = arith.constant 1152 : index
// CHECK:         memref.view %{{.*}}[%[[LAST]]][] : memref<1216xi8> to memref<9xi32>
// CHECK:         return{{$}}
// expected-remark @below {{frame of 1216 bytes at 0 for 3 temporaries}}
// expected-remark @below {{arena of 1216 bytes; what is live at one time takes 1216, 100.0% of it}}
func.func @views(%x: !X, %e: memref<?x2xi32>, %b: !batch, %out: memref<?x2x8xf32>, %o1: memref<?x2xi32>) -> memref<?x2x8xf32> {
  %n = dsv2.batch_count %b["tokens"] : !batch
  %m = dsv2.batch_count %b["outputs"] : !batch
  %a = memref.alloc(%n) : !X
  dsv2.add %x, %x outs(%a) : (!X, !X, !X) -> ()
  %v = memref.expand_shape %a [[0], [1, 2]] output_shape [%n, 2, 8] : !X into memref<?x2x8xf32>
  %s = memref.alloc(%m) : !X
  dsv2.select_outputs %x at %b outs(%s) : (!X, !batch, !X) -> ()
  %o = memref.alloc() : memref<9xi32>
  dsv2.dispatch %e outs(%o, %o1, %o1) : (memref<?x2xi32>, memref<9xi32>, memref<?x2xi32>, memref<?x2xi32>) -> ()
  dsv2.add %s, %s outs(%s) : (!X, !X, !X) -> ()
  dsv2.swiglu %v, %v outs(%out) : (memref<?x2x8xf32>, memref<?x2x8xf32>, memref<?x2x8xf32>) -> ()
  return %out : memref<?x2x8xf32>
}
