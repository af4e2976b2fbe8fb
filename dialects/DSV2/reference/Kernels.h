//===- Kernels.h - Reference semantics of dsv2 ops --------------*- C++ -*-===//
//
// One function for each op: reads operands from the environment, writes the
// results into `outs`, whatever the form of the op (value, destination or
// buffer). Sums accumulate in f64. Elements that an op leaves undefined are
// not touched. Failures are diagnostics on the op.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_REFERENCE_KERNELS_H
#define DIALECTS_DSV2_REFERENCE_KERNELS_H

#include "dialects/DSV2/reference/Environment.h"
#include "dialects/DSV2/reference/Precision.h"

namespace mlir::dsv2::reference {

/// What every kernel is given besides its op.
struct KernelArguments {
  const Environment &env;
  MutableArrayRef<HostArray> outs;
  Precision precision;

  const HostArray &operator[](Value name) const { return env.array(name); }
};

LogicalResult evaluate(ZerosOp op, const KernelArguments &args);
LogicalResult evaluate(SelectOutputsOp op, const KernelArguments &args);
LogicalResult evaluate(EmbedOp op, const KernelArguments &args);
LogicalResult evaluate(AddOp op, const KernelArguments &args);
LogicalResult evaluate(RmsNormOp op, const KernelArguments &args);
LogicalResult evaluate(AddRmsNormOp op, const KernelArguments &args);
LogicalResult evaluate(LinearOp op, const KernelArguments &args);
LogicalResult evaluate(LinearsOp op, const KernelArguments &args);
LogicalResult evaluate(NormLinearsOp op, const KernelArguments &args);
LogicalResult evaluate(ArgmaxOp op, const KernelArguments &args);
LogicalResult evaluate(RopeTableOp op, const KernelArguments &args);
LogicalResult evaluate(RopeOp op, const KernelArguments &args);
LogicalResult evaluate(SwigluOp op, const KernelArguments &args);
LogicalResult evaluate(GatedLinearOp op, const KernelArguments &args);

LogicalResult evaluate(AppendLatentOp op, const KernelArguments &args);
LogicalResult evaluate(MlaAttentionOp op, const KernelArguments &args);
LogicalResult evaluate(HeadLinearOp op, const KernelArguments &args);
LogicalResult evaluate(LatentAttentionOp op, const KernelArguments &args);
LogicalResult evaluate(ExpandedAttentionOp op, const KernelArguments &args);

LogicalResult evaluate(RouteOp op, const KernelArguments &args);
LogicalResult evaluate(SelectExpertsOp op, const KernelArguments &args);
LogicalResult evaluate(ExpertMlpOp op, const KernelArguments &args);
LogicalResult evaluate(DispatchOp op, const KernelArguments &args);
LogicalResult evaluate(GroupedLinearOp op, const KernelArguments &args);
LogicalResult evaluate(CombineOp op, const KernelArguments &args);
LogicalResult evaluate(GroupedGatedLinearOp op, const KernelArguments &args);
LogicalResult evaluate(GroupedCombineOp op, const KernelArguments &args);

LogicalResult evaluate(ConvertOp op, const KernelArguments &args);
LogicalResult evaluate(TransposeOp op, const KernelArguments &args);
LogicalResult evaluate(MergeOp op, const KernelArguments &args);
LogicalResult evaluate(PackOp op, const KernelArguments &args);

/// silu(gate) * up with the rounding of `dsv2.swiglu`.
double swiglu(double gate, double up, Type type, Precision precision);

/// `dsv2.rms_norm` of one row, in place: of as many columns as `weight` has.
void normalize(std::vector<double> &row, const std::vector<double> &weight, double eps, Type type,
               Precision precision);

/// `dsv2.rope` of one row of token `t`, in place; `table` is [tokens, F, 2].
void rotate(std::vector<double> &row, const HostArray &table, int64_t t, Type type,
            Precision precision);

class DenseWeight;

/// Row of `dsv2.gated_linear` with matrix `m` of both weights: `to[i]` is the
/// `dsv2.swiglu` of their rounded products with `x`.
void evaluateGated(const DenseWeight &gate, const DenseWeight &up, int64_t m,
                   const std::vector<double> &x, const Row &to, Type type, Precision precision);

/// Matrices `[count, n, k]` in order and unpacked, from a weight that may be
/// packed; `leading` is one when the weight has a dimension for them.
class DenseWeight {
public:
  DenseWeight(const HostArray &weight, int64_t leading, int64_t n, int64_t k);

  /// sum_k row(i)[k] * x[k], of matrix `m`.
  double dot(int64_t m, int64_t i, const std::vector<double> &x) const {
    const double *w = values + (m * n + i) * k;
    double sum = 0;
    for (int64_t j = 0; j < k; ++j)
      sum += w[j] * x[j];
    return sum;
  }

private:
  int64_t n, k;
  std::vector<double> unpacked; // empty when `values` is the weight's own
  const double *values;
};

/// Elements of a row from `begin` on, contiguous.
inline std::vector<double> gather(const Row &row, int64_t begin, int64_t size) {
  std::vector<double> values(size);
  for (int64_t i = 0; i < size; ++i)
    values[i] = row[begin + i];
  return values;
}
inline std::vector<double> gather(const Row &row) { return gather(row, 0, row.size); }
/// All elements of a row.
inline void scatter(const std::vector<double> &values, const Row &row) {
  for (int64_t i = 0; i < row.size; ++i)
    row[i] = values[i];
}

} // namespace mlir::dsv2::reference

#endif // DIALECTS_DSV2_REFERENCE_KERNELS_H
