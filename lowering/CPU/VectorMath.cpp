//===- VectorMath.cpp - Elementary functions on f32 vectors ---------------===//
//
// `exp(x) = 2^n exp(r)` with `n` the integer nearest to `x / ln 2`: Cody and
// Waite's reduction, the polynomial of Cephes.
//
//===----------------------------------------------------------------------===//

#include "lowering/CPU/VectorMath.h"

using namespace mlir;
using namespace mlir::dsv2;

namespace {

/// Constants and operators of one type, f32 or a vector of it.
struct Lanes {
  KernelBuilder &k;
  Type type;

  Type integers() const {
    Type i32 = k.b.getI32Type();
    auto vector = dyn_cast<VectorType>(type);
    return vector ? VectorType::get(vector.getShape(), i32) : i32;
  }
  Value constant(float value) const {
    auto vector = dyn_cast<VectorType>(type);
    return vector ? k.splat(value, vector.getDimSize(0)) : k.f32(value);
  }
  Value integer(int32_t value) const {
    auto vector = dyn_cast<VectorType>(integers());
    if (!vector)
      return arith::ConstantOp::create(k.b, k.b.getI32IntegerAttr(value));
    return arith::ConstantOp::create(k.b, DenseElementsAttr::get(vector, value));
  }
  Value less(Value lhs, Value rhs) const {
    return arith::CmpFOp::create(k.b, arith::CmpFPredicate::OLT, lhs, rhs);
  }
  Value select(Value condition, Value yes, Value no) const {
    return arith::SelectOp::create(k.b, condition, yes, no);
  }
  /// `2^n` of integers within the exponents of normal numbers.
  Value powerOfTwo(Value n) const {
    Value biased = arith::AddIOp::create(k.b, n, integer(127));
    return arith::BitcastOp::create(k.b, type, arith::ShLIOp::create(k.b, biased, integer(23)));
  }
};

struct Reduced {
  Value mantissa; // exp(r), in [0.7, 1.42]
  Value exponent; // n, as integers
};

} // namespace

static Reduced reduce(const Lanes &lanes, Value x) {
  KernelBuilder &k = lanes.k;
  auto mul = [&](Value a, Value b) -> Value { return arith::MulFOp::create(k.b, a, b); };
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
  Value magic = lanes.constant(0x1.8p23f);
  Value shifted = k.fma(x, lanes.constant(1.44269504f), magic);
  Value n = arith::SubFOp::create(k.b, shifted, magic);
  Value r = k.fma(n, lanes.constant(-0.693359375f), x);
  r = k.fma(n, lanes.constant(2.12194440e-4f), r);
  Value p = lanes.constant(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                  5.0000001201e-1f})
    p = k.fma(p, r, lanes.constant(c));
  p = k.fma(p, mul(r, r), r);
  Value mantissa = arith::AddFOp::create(k.b, p, lanes.constant(1));
  Value bits = arith::BitcastOp::create(k.b, lanes.integers(), shifted);
  return {mantissa, arith::SubIOp::create(k.b, bits, lanes.integer(0x4b400000))};
}

Value dsv2::emitExp(KernelBuilder &k, Value x) {
  Lanes lanes{k, x.getType()};
  // Comparisons this way round keep NaN.
  Value low = lanes.constant(-104), high = lanes.constant(89);
  x = lanes.select(lanes.less(x, low), low, x);
  x = lanes.select(lanes.less(high, x), high, x);
  Reduced e = reduce(lanes, x);
  // 2^n may be no normal number, and the result still be one: two factors.
  Value half = arith::ShRSIOp::create(k.b, e.exponent, lanes.integer(1));
  Value rest = arith::SubIOp::create(k.b, e.exponent, half);
  Value y = arith::MulFOp::create(k.b, e.mantissa, lanes.powerOfTwo(half));
  return arith::MulFOp::create(k.b, y, lanes.powerOfTwo(rest));
}

Value dsv2::emitExpNonPositive(KernelBuilder &k, Value x) {
  Lanes lanes{k, x.getType()};
  Reduced e = reduce(lanes, x);
  Value y = arith::MulFOp::create(k.b, e.mantissa, lanes.powerOfTwo(e.exponent));
  // Below ln(2^-126) the factor is meaningless.
  Value tiny = lanes.less(x, lanes.constant(-87.33654f));
  return lanes.select(tiny, lanes.constant(0), y);
}

Value dsv2::emitSwiglu(KernelBuilder &k, Value gate, Value up) {
  int64_t lanes = cast<VectorType>(gate.getType()).getDimSize(0);
  // silu(g) = g / (1 + exp(-g)); an infinite exp makes it zero, as it should be.
  Value decay = emitExp(k, arith::NegFOp::create(k.b, gate));
  Value silu = arith::DivFOp::create(k.b, gate,
                                     arith::AddFOp::create(k.b, decay, k.splat(1, lanes)));
  return arith::MulFOp::create(k.b, silu, up);
}
