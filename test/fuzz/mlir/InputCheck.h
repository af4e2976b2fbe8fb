//===- InputCheck.h - One text through parser, printer, passes --*- C++ -*-===//
//
// What must hold for any text: the parser and the verifiers refuse it with a
// diagnostic or accept it; what they accept prints to a text, and writes to
// bytecode, that read back as the same; and a pass fails with a diagnostic or
// leaves IR that verifies.
//
//===----------------------------------------------------------------------===//

#ifndef TEST_FUZZ_MLIR_INPUTCHECK_H
#define TEST_FUZZ_MLIR_INPUTCHECK_H

#include "mlir/IR/MLIRContext.h"
#include <string>

namespace dsv2::test {

/// How far a text came.
enum class Reached { Refused, Parsed, PassFailed, Passed };

/// Checks `text`, then runs `pipeline` on it. A property that does not hold is
/// written into `problem`.
Reached checkInput(mlir::MLIRContext &context, const std::string &text,
                   const std::string &pipeline, std::string &problem);

} // namespace dsv2::test

#endif // TEST_FUZZ_MLIR_INPUTCHECK_H
