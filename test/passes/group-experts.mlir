// RUN: dsv2-opt %s --dsv2-group-experts --verify-roundtrip \
// RUN:   --remarks-filter=dsv2-.* --remark-format=emitRemark --verify-diagnostics | FileCheck %s

!batch = !dsv2.batch<tokens = 128, sequences = 3, outputs = 3, span = 64>

// CHECK-LABEL: func.func @experts
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xbf16>, %{{.*}}: !batch, %[[GATE:.*]]: tensor<160x64xbf16>, %[[G:[a-z0-9]+]]: tensor<160x32x64xbf16>, %[[U:[a-z0-9]+]]: tensor<160x32x64xbf16>, %[[D:[a-z0-9]+]]: tensor<160x64x32xbf16>
func.func @experts(%x: tensor<?x64xbf16>, %batch: !batch, %router: tensor<160x64xbf16>,
                   %gate: tensor<160x32x64xbf16>, %up: tensor<160x32x64xbf16>,
                   %down: tensor<160x64x32xbf16>) -> tensor<?x64xbf16> {
  // Logits keep f32 whatever the model's type.
  // CHECK: %[[L:.*]] = dsv2.linear %[[X]], %[[GATE]] : (tensor<?x64xbf16>, tensor<160x64xbf16>) -> tensor<?x160xf32>
  // CHECK: %[[W:.*]]:2 = dsv2.select_experts %[[L]] groups = 8 kept_groups = 3 scale = 1.600000e+01 :
  %w, %e = dsv2.route %x, %router groups = 8 kept_groups = 3 scale = 16.0
    : (tensor<?x64xbf16>, tensor<160x64xbf16>) -> (tensor<?x6xf32>, tensor<?x6xi32>)
  // CHECK: %[[S:.*]]:3 = dsv2.dispatch %[[W]]#1 : (tensor<?x6xi32>) -> (tensor<161xi32>, tensor<?x6xi32>, tensor<?x6xi32>)
  // CHECK: %[[GR:.*]] = dsv2.grouped_linear %[[X]], %[[S]]#0, %[[S]]#1, %[[G]] : {{.*}} -> tensor<?x6x32xbf16>
  // CHECK: %[[UR:.*]] = dsv2.grouped_linear %[[X]], %[[S]]#0, %[[S]]#1, %[[U]] : {{.*}} -> tensor<?x6x32xbf16>
  // CHECK: %[[H:.*]] = dsv2.swiglu %[[GR]], %[[UR]]
  // CHECK: %[[DR:.*]] = dsv2.grouped_linear %[[H]], %[[S]]#0, %[[S]]#1, %[[D]] : {{.*}} -> tensor<?x6x64xbf16>
  // CHECK: dsv2.combine %[[DR]], %[[S]]#2, %[[W]]#0 : {{.*}} -> tensor<?x64xbf16>
  // CHECK-NOT: dsv2.expert_mlp
  // Specification, section 4: 6, 112.9 and 158.8.
  // expected-remark @below {{expected distinct experts of 160: 6.0 for 1 token, 112.9 for 32 tokens, 158.8 for 128 tokens}}
  %y = dsv2.expert_mlp %x, %w, %e, %gate, %up, %down
    : (tensor<?x64xbf16>, tensor<?x6xf32>, tensor<?x6xi32>, tensor<160x32x64xbf16>,
       tensor<160x32x64xbf16>, tensor<160x64x32xbf16>) -> tensor<?x64xbf16>
  return %y : tensor<?x64xbf16>
}

// Every expert for every token; no batch at hand; normalized weights.
// CHECK-LABEL: func.func @all_experts
// CHECK:         dsv2.select_experts {{.*}} normalize :
func.func @all_experts(%x: tensor<?x64xf32>, %router: tensor<2x64xf32>, %gate: tensor<2x32x64xf32>,
                       %up: tensor<2x32x64xf32>, %down: tensor<2x64x32xf32>) -> tensor<?x64xf32> {
  %w, %e = dsv2.route %x, %router groups = 1 kept_groups = 1 scale = 1.0 normalize
    : (tensor<?x64xf32>, tensor<2x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
  // expected-remark @below {{expected distinct experts of 2: 2.0 for 1 token, 2.0 for 32 tokens}}
  %y = dsv2.expert_mlp %x, %w, %e, %gate, %up, %down
    : (tensor<?x64xf32>, tensor<?x2xf32>, tensor<?x2xi32>, tensor<2x32x64xf32>,
       tensor<2x32x64xf32>, tensor<2x64x32xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
