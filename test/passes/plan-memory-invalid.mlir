// RUN: dsv2-opt %s --split-input-file --dsv2-plan-memory --verify-diagnostics

func.func @unbounded(%n: index) {
  // expected-error @below {{size has no constant maximum}}
  %a = memref.alloc(%n) : memref<?x16xf32>
  return
}

// -----

func.func @escapes() -> memref<16xf32> {
  %a = memref.alloc() : memref<16xf32>
  // expected-error @below {{returns a temporary}}
  return %a : memref<16xf32>
}
