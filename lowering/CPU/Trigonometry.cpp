//===- Trigonometry.cpp - Sine and cosine of f32 angles -------------------===//
//
// Reduction to [-pi/4, pi/4] and Taylor polynomials, all in f64.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/Trigonometry.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::dsv2;

static Value constant(KernelBuilder &k, Type type, double value) {
  return arith::ConstantOp::create(k.b,
                                   DenseElementsAttr::get(cast<ShapedType>(type), APFloat(value)));
}

static Value integerConstant(KernelBuilder &k, VectorType type, int32_t value) {
  return arith::ConstantOp::create(k.b, DenseElementsAttr::get(type, APInt(32, value)));
}

/// `sum_i (-1)^i s^i / (2 i + first)!` for i < terms, by Horner's rule.
static Value alternatingSeries(KernelBuilder &k, Value s, int64_t first, int64_t terms) {
  SmallVector<double> coefficients;
  double factorial = 1;
  for (int64_t i = 0, done = 1; i < terms; ++i) {
    for (; done <= 2 * i + first; ++done)
      factorial *= done;
    coefficients.push_back((i % 2 ? -1 : 1) / factorial);
  }
  Value sum = constant(k, s.getType(), coefficients.back());
  for (double coefficient : llvm::reverse(ArrayRef(coefficients).drop_back()))
    sum = k.fma(sum, s, constant(k, s.getType(), coefficient));
  return sum;
}

SinCos dsv2::emitSinCos(KernelBuilder &k, Value angle) {
  auto type = cast<VectorType>(angle.getType());
  auto i32 = VectorType::get(type.getShape(), k.b.getI32Type());
  // angle = n pi/2 + r. An f32 comes no closer to a multiple of pi/2 than 2^-40
  // of itself, so two f64 of pi/2 leave r with more bits than a result has.
  constexpr double high = 0x1.921fb54442d18p+0, low = 0x1.1a62633145c07p-54;
  Value n = math::RoundEvenOp::create(
      k.b, arith::MulFOp::create(k.b, angle, constant(k, type, 0x1.45f306dc9c883p-1)));
  Value r = k.fma(n, constant(k, type, -high), angle);
  r = k.fma(n, constant(k, type, -low), r);

  // The first terms left out, r^13/13! and r^14/14!, are below 2^-36.
  Value s = arith::MulFOp::create(k.b, r, r);
  Value sin = arith::MulFOp::create(k.b, r, alternatingSeries(k, s, 1, 6));
  Value cos = alternatingSeries(k, s, 0, 7);

  // Quadrant n mod 4: (sin, cos), (cos, -sin), (-sin, -cos), (-cos, sin).
  Value quadrant = arith::FPToSIOp::create(k.b, i32, n);
  auto bit = [&](Value value, int32_t mask) -> Value {
    return arith::CmpIOp::create(k.b, arith::CmpIPredicate::ne,
                                 arith::AndIOp::create(k.b, value, integerConstant(k, i32, mask)),
                                 integerConstant(k, i32, 0));
  };
  auto negateIf = [&](Value condition, Value value) -> Value {
    return arith::SelectOp::create(k.b, condition, arith::NegFOp::create(k.b, value), value);
  };
  Value odd = bit(quadrant, 1);
  Value next = arith::AddIOp::create(k.b, quadrant, integerConstant(k, i32, 1));
  return {negateIf(bit(quadrant, 2), arith::SelectOp::create(k.b, odd, cos, sin)),
          negateIf(bit(next, 2), arith::SelectOp::create(k.b, odd, sin, cos))};
}
