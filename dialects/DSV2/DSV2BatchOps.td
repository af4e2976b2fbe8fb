//===- DSV2BatchOps.td - The batch of a step ----------------*- tablegen -*-===//
//
// Ops that make or question a batch, and the barrier of the planned stage.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2BATCHOPS_TD
#define DIALECTS_DSV2_DSV2BATCHOPS_TD

include "dialects/DSV2/DSV2Interfaces.td"
include "mlir/Interfaces/ValueBoundsOpInterface.td"

def DSV2_MakeBatchOp : DSV2_Op<"make_batch", [Pure]> {
  let summary = "builds a batch from its arrays";
  let description = [{
    For tests and the interpreter: a step needs no runtime. `positions` and
    `sequence` are by token; `starts` has the first token of each sequence and
    the number of tokens at its end; `prefix` the tokens already cached;
    `page_table` the cache pages of each sequence; `output_rows` the tokens
    whose logits are wanted. The first `absorbed` sequences attend in the
    absorbed form wherever ranges are split.

    Constraints:
    - (C1) `positions` and `sequence` have equal length; `starts` is one longer
      than `prefix`; `page_table` has a row for each sequence.
    - (C2) no static length exceeds the batch's maxima.

    Lifespan: written by hand; never in a compiled module.

    Example:
    ```mlir
    %batch = dsv2.make_batch %positions, %sequence, %starts, %prefix, %pages, %rows
        absorbed = 2
      : (tensor<5xi32>, tensor<5xi32>, tensor<3xi32>, tensor<2xi32>,
         tensor<2x1xi32>, tensor<2xi32>)
      -> !dsv2.batch<tokens = 16, sequences = 2, outputs = 2, span = 64>
    ```
  }];
  let arguments = (ins 1DTensorOf<[I32]>:$positions, 1DTensorOf<[I32]>:$sequence,
                       1DTensorOf<[I32]>:$starts, 1DTensorOf<[I32]>:$prefix,
                       2DTensorOf<[I32]>:$page_table, 1DTensorOf<[I32]>:$output_rows,
                       DefaultValuedAttr<I64Attr, "0">:$absorbed);
  let results = (outs DSV2_Batch:$batch);
  let assemblyFormat = [{
    $positions `,` $sequence `,` $starts `,` $prefix `,` $page_table `,` $output_rows
    (`absorbed` `=` $absorbed^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DSV2_BatchCountOp : DSV2_Op<"batch_count", [Pure,
    DeclareOpInterfaceMethods<ValueBoundsOpInterface, ["populateBoundsForIndexValue"]>]> {
  let summary = "a count of the batch";
  let description = [{
    `tokens`, `sequences`, `outputs` or `pages`. Bounded by the batch's type.

    Constraints:
    - (C1) the name is that of a count.

    Example:
    ```mlir
    %n = dsv2.batch_count %batch["tokens"]
      : !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>
    ```
  }];
  let arguments = (ins DSV2_Batch:$batch, StrAttr:$count);
  let results = (outs Index:$result);
  let assemblyFormat = "$batch `[` $count `]` attr-dict `:` type($batch)";
  let hasVerifier = 1;
}

def DSV2_ZerosOp : DSV2_PlannedOp<"zeros"> {
  let summary = "zeros, one row for each new token";
  let description = [{
    The delta that enters the first layer.

    Example:
    ```mlir
    %delta = dsv2.zeros at %batch
      : (!dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins DSV2_Batch:$batch, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    `at` $batch (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::llvm::StringRef getResultCount() { return "tokens"; }
  }];
}

def DSV2_SelectOutputsOp : DSV2_PlannedOp<"select_outputs"> {
  let summary = "gathers the rows whose logits are wanted";
  let description = [{
    `result[r] = x[output_rows[r]]`.

    Constraints:
    - (C1) `x` and the result have equal row shapes and element types.

    Lifespan: from the frontend to the lowering, before the final norm.

    Example:
    ```mlir
    %y = dsv2.select_outputs %x at %batch
      : (tensor<?x64xbf16>, !dsv2.batch<tokens = 16, sequences = 3, outputs = 3, span = 64>)
      -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins DSV2_Float:$x, DSV2_Batch:$batch, Variadic<DSV2_Float>:$inits);
  let assemblyFormat = [{
    $x `at` $batch (`outs` `(` $inits^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::llvm::StringRef getResultCount() { return "outputs"; }
  }];
  let hasVerifier = 1;
}

def DSV2_BarrierOp : DSV2_Op<"barrier"> {
  let summary = "waits until every thread of the step has arrived";
  let description = [{
    `number` names the barrier in its module, so that the runtime can time what
    lies between two of them. It means nothing to the step.

    Constraints:
    - (C1) `number` is not negative; 0, the default, stands for no name.

    Lifespan: inserted and numbered by `dsv2-insert-barriers`; lowered by
    `convert-dsv2-to-cpu`.

    Example:
    ```mlir
    dsv2.barrier 7
    ```
  }];
  let arguments = (ins DefaultValuedAttr<ConfinedAttr<I64Attr, [IntNonNegative]>, "0">:$number);
  let assemblyFormat = "($number^)? attr-dict";
}

#endif // DIALECTS_DSV2_DSV2BATCHOPS_TD
