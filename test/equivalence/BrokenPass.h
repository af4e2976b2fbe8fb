//===- BrokenPass.h - A pass that is wrong on purpose -----------*- C++ -*-===//
//
// What the checks of equivalence are tried on.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_EQUIVALENCE_BROKENPASS_H
#define TEST_EQUIVALENCE_BROKENPASS_H

namespace dsv2::test {

/// Registers `dsv2-test-break{kind=...}`, which miscompiles every function of a
/// module in the way that `kind` says:
/// - `scale`: attention takes a softmax scale that is off by a millionth;
/// - `experts`: two weights of a mixture of experts change places;
/// - `residual`: the last addition whose sum has several uses gives its first
///   operand;
/// - `cache`: attention reads layer 0 of the cache, whatever its layer;
/// - `overlap`: an op of a planned function writes where it reads;
/// - `probe`: the last probe goes away.
/// Fails when there is nothing to break.
void registerBrokenPass();

} // namespace dsv2::test

#endif // TEST_EQUIVALENCE_BROKENPASS_H
