//===- Passes.td - Passes from dsv2 to dsv2 -----------------*- tablegen -*-===//
//
// Declarations, in the order in which the pipelines run them.
//
//===----------------------------------------------------------------------===//

#ifndef PASSES_PASSES_TD
#define PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyLinearCachePass : Pass<"dsv2-verify-linear-cache", "::mlir::func::FuncOp"> {
  let summary = "checks that the cache is threaded linearly";
  let description = [{
    A cache value has exactly one consuming use (an append, a call or the
    return), every reader stands before it, and none is inside a region. So
    bufferization updates the cache in place, across calls.

    Changes nothing.
  }];
}

def VerifyImportedPass : Pass<"verify-imported", "::mlir::ModuleOp"> {
  let summary = "checks the contract of the imported stage";
  let description = [{
    - Ops are those of the paper, with checkpoint tensors, calls and reshapes,
      in value form (`append_latent` apart) and on unpacked weights.
    - Every `?` of a tensor type is a count of the batch: named by `dsv2.count`
      on arguments and results of functions, derived from the operands
      elsewhere; what meets in an op, a call or a return has the same count.
    - Functions are straight lines.

    The cache is looked at by `dsv2-verify-linear-cache`. Changes nothing.
  }];
}

// Imported -> optimized.

def GroupExpertsPass : Pass<"dsv2-group-experts", "::mlir::func::FuncOp"> {
  let summary = "computes each expert's tokens together";
  let description = [{
    ```
    dsv2.route      -> dsv2.linear (f32 logits), dsv2.select_experts
    dsv2.expert_mlp -> dsv2.dispatch, dsv2.grouped_linear (gate, up), dsv2.swiglu,
                       dsv2.grouped_linear (down), dsv2.combine
    ```

    An expert's weights are then read once a step however many tokens chose it.
    A remark tells the expected number of distinct experts (specification §4)
    for 1 token, 32 and the most of a step.

    Requires: value form. Ensures: no `dsv2.route` or `dsv2.expert_mlp` is left.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseSwigluPass : Pass<"dsv2-fuse-swiglu", "::mlir::func::FuncOp"> {
  let summary = "makes one op of an MLP's gate, up and SwiGLU";
  let description = [{
    ```
    swiglu(linear(x, gate), linear(x, up))                 -> gated_linear(x, gate, up)
    swiglu(grouped_linear(x, o, r, gate),
           grouped_linear(x, o, r, up))                    -> grouped_gated_linear(x, o, r, gate, up)
    ```

    A piece of the fused op makes both products of its 64 columns, so that gate
    and up are never written: of the three ops' activations only the input and
    the result are left, and of three regions one. Both results also keep f32
    until the SwiGLU (in the reference's rounding they do not).

    Requires: value form. Leaves a pair alone, with a remark, where an input
    differs, a bias is added, or a product has another use.
    Ensures: nothing else. A pass of its own, because each later fusion of
    experts needs it, and none of those needs the others.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseCombinePass : Pass<"dsv2-fuse-combine", "::mlir::func::FuncOp"> {
  let summary = "sums experts' outputs while they are made";
  let description = [{
    ```
    combine(grouped_linear(h, offsets, order, down), places, weights)
      -> grouped_combine(h, offsets, order, weights, down)
    ```

    `k` rows a token are then neither written nor read again, in one region
    instead of two. A piece of the fused op owns 64 columns of some tokens and
    visits all experts, so that a sum has one owner, and one order.

    Requires: value form; offsets, order and places of one `dsv2.dispatch`.
    Leaves a pair alone, with a remark, where the product has another use or
    rows in another order. Ensures: nothing else.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseSharedExpertsPass : Pass<"dsv2-fuse-shared-experts", "::mlir::func::FuncOp"> {
  let summary = "computes the shared experts beside the routed ones";
  let description = [{
    ```
    h = grouped_gated_linear(x, o, r, gate, up)    -> h, s = grouped_gated_linear(x, o, r, gate, up,
    s = gated_linear(x, sgate, sup)                                               shared sgate, sup)
    y = grouped_combine(h, o, r, w, down)             y = grouped_combine(h, o, r, w, down,
    add(y, linear(s, sdown))                                              shared s, sdown)
    ```

    Two regions instead of five: the shared experts' pieces fill up what the
    routed ones leave of the threads' time, and the sum is rounded once instead
    of three times (in the reference's rounding it is not).

    Requires: value form, `dsv2-fuse-swiglu` and `dsv2-fuse-combine`. Leaves
    an add alone, with a remark, where routed and shared experts have another
    input or another use. Ensures: nothing else.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def SkipDispatchPass : Pass<"dsv2-skip-dispatch", "::mlir::func::FuncOp"> {
  let summary = "gives steps of few tokens experts without a sort";
  let description = [{
    Gives `dsv2.dispatch` and its readers a second form for steps of at most so
    many tokens, `unsorted up_to = n`: nothing is sorted, and the work is the
    pairs of a token and one of its experts as `dsv2.select_experts` left them.
    The kernels choose at run time, by the tokens of the step.

    An expert that two tokens chose is then read twice. With the expected
    number of distinct experts (specification §4), `n` is the most tokens for
    which that takes less time than the region that it saves; one token at least.

    Requires: value form. Leaves a dispatch alone, with a remark, where a reader
    has no unsorted form: a `grouped_linear` or `combine` that was not fused.
    Ensures: nothing else.
  }];
  let options = [
    Option<"tokens", "tokens", "int64_t", /*default=*/"-1",
           "Most tokens of an unsorted step; 0: none; -1: by cost.">,
    Option<"target", "target", "std::string", /*default=*/"",
           "Built-in machine to predict times for; empty: the module's.">];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def AbsorbMLAProjectionsPass : Pass<"dsv2-absorb-mla-projections", "::mlir::ModuleOp"> {
  let summary = "chooses how attention applies the key and value projections";
  let description = [{
    Replaces `dsv2.mla_attention`, which is a definition, by one of

    - *factored*: W_UK is applied to the query and W_UV to the result
      (`dsv2.head_linear`), attention is over the cached latents themselves
      (`dsv2.latent_attention`);
    - *merged*: as factored, with W_UK multiplied into the query's projection
      or W_UV into the output's, ahead of time (`dsv2.merge`);
    - *expanded*: keys and values are rebuilt tile by tile
      (`dsv2.expanded_attention`);
    - *split*: expanded and factored, each for the sequences for which it takes
      less time; both write one result.

    Adds `@absorbs(tokens, prefix, batch) -> i1`, marked `dsv2.classifier`:
    whether a sequence with so many new tokens after so many cached ones belongs
    to the absorbed range, beside `batch` sequences of the step that do anyway.
    Time is predicted for the target (`dsv2.target` of the module, or the
    option); the formula is that of `AbsorptionRule`
    (`passes/cost/AttentionForms.h`). Forced forms make it constant.

    A merged projection needs its linear next to the attention, with nothing
    but reshapes and the rotary embedding between, and no other use; otherwise
    it stays factored, with a remark.

    Requires: value form; all `dsv2.mla_attention` of one shape.
    Ensures: no `dsv2.mla_attention` is left.
  }];
  let options = [
    Option<"form", "form", "::mlir::dsv2::AttentionForm",
           /*default=*/"::mlir::dsv2::AttentionForm::Auto",
           "Form of all attention ops.", [{::llvm::cl::values(
             clEnumValN(::mlir::dsv2::AttentionForm::Auto, "auto",
                        "split, or absorbed where that is never dearer"),
             clEnumValN(::mlir::dsv2::AttentionForm::Split, "split", "both, by sequence"),
             clEnumValN(::mlir::dsv2::AttentionForm::Factored, "factored", "absorbed"),
             clEnumValN(::mlir::dsv2::AttentionForm::Merged, "merged",
                        "absorbed, both projections merged"),
             clEnumValN(::mlir::dsv2::AttentionForm::Expanded, "expanded",
                        "keys and values rebuilt"))}]>,
    Option<"query", "query", "::mlir::dsv2::ProjectionForm",
           /*default=*/"::mlir::dsv2::ProjectionForm::Auto",
           "How an absorbed form that is alone applies W_UK.", [{::llvm::cl::values(
             clEnumValN(::mlir::dsv2::ProjectionForm::Auto, "auto", "the cheaper"),
             clEnumValN(::mlir::dsv2::ProjectionForm::Factored, "factored", "by itself"),
             clEnumValN(::mlir::dsv2::ProjectionForm::Merged, "merged",
                        "within the query's projection"))}]>,
    Option<"output", "output", "::mlir::dsv2::ProjectionForm",
           /*default=*/"::mlir::dsv2::ProjectionForm::Auto",
           "How an absorbed form that is alone applies W_UV.", [{::llvm::cl::values(
             clEnumValN(::mlir::dsv2::ProjectionForm::Auto, "auto", "the cheaper"),
             clEnumValN(::mlir::dsv2::ProjectionForm::Factored, "factored", "by itself"),
             clEnumValN(::mlir::dsv2::ProjectionForm::Merged, "merged",
                        "within the output's projection"))}]>,
    Option<"threshold", "threshold", "int64_t", /*default=*/"-1",
           "New tokens up to which a sequence is absorbed (the split form), "
           "whatever its prefix; -1: by predicted time.">,
    Option<"target", "target", "std::string", /*default=*/"",
           "Built-in machine to predict times for; empty: the module's.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::dsv2::DSV2Dialect",
                           "::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect"];
}

def FuseAddNormPass : Pass<"dsv2-fuse-add-norm", "::mlir::func::FuncOp"> {
  let summary = "normalizes a sum while it is computed";
  let description = [{
    ```
    %s = dsv2.add %x, %d; %n = dsv2.rms_norm %s, %w
      -> %s, %n = dsv2.add_rms_norm %x, %d, %w
    ```

    The residual stream meets a norm twice a layer. Fused, a row is read from
    the cache of one core instead of being exchanged between two regions, which
    a barrier separates. The sum keeps its other readers.

    Requires: value form. Ensures: no whole-row norm reads an add whose place
    the norm's weight reaches. Changes no bit.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseSiblingLinearsPass : Pass<"dsv2-fuse-sibling-linears", "::mlir::func::FuncOp"> {
  let summary = "computes products of one input in one region";
  let description = [{
    ```
    %q = dsv2.linear %x, %w0; %kv = dsv2.linear %x, %w1
      -> %q, %kv = dsv2.linears %x, (%w0, %w1)
    ```

    For q_a (or q) and kv_a, and whatever else shares an input. The blocks of
    all weights are one set of work, so that the last round of a small product
    does not leave threads idle. The weights stay apart: no copy, and packing and
    hoisting see them one by one. After the passes that fuse linears into more
    than a product (an MLP's gate and up), which look for `dsv2.linear`.

    Requires: value form. A linear with a bias stays. Changes no bit.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseNormLinearPass : Pass<"dsv2-fuse-norm-linear", "::mlir::func::FuncOp"> {
  let summary = "normalizes rows in the region of the products that read them";
  let description = [{
    ```
    %n = dsv2.rms_norm %x, %w; %y = dsv2.linear %n, %w0
      -> %n, %y = dsv2.norm_linears %x, %w, (%w0)
    ```

    and likewise for `dsv2.add_rms_norm` and `dsv2.linears`. Few rows (a decode
    step) are normalized by every thread for itself, without a barrier; many as
    before, by one thread each, with a barrier inside the op.

    Only where the products are the only readers of the normed rows: others
    need the barrier in any case, and would wait for the products too.

    Requires: value form, `dsv2-fuse-add-norm` and `dsv2-fuse-sibling-linears`
    before it for their forms to be found. Changes no bit.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseArgmaxPass : Pass<"dsv2-fuse-argmax", "::mlir::func::FuncOp"> {
  let summary = "takes the greedy choice while the logits are made";
  let description = [{
    ```
    %n, %y = dsv2.norm_linears %x, %w, (%head); %c = dsv2.argmax %y
      -> %n, %y, %c = dsv2.norm_linears %x, %w, (%head) choose
    ```

    A thread looks at the logits that it has made while they are in its cache,
    and keeps the largest of each row; behind the products a row is merged over
    the threads. All of them then take part in the scan of a single row. The
    logits stay a result: sampling with a temperature reads them.

    Only of a product that has a norm and no sibling, which is what a head is.

    Requires: value form, `dsv2-fuse-norm-linear` before it for its form to be
    found. Changes no choice.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseAppendPass : Pass<"dsv2-fuse-append", "::mlir::func::FuncOp"> {
  let summary = "normalizes and turns a row on its way into the cache";
  let description = [{
    ```
    %n = dsv2.rms_norm %rows, %w; %r = dsv2.rope %n, %cs; dsv2.append_latent %r into %c
      -> dsv2.append_latent %rows norm %w rope %cs into %c
    ```

    One pass over each new row, from the projection's result to its slot, and
    two barriers less. Either part alone is fused as well.

    Requires: value form; no other reader between. Changes no bit.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def FuseQueryRopePass : Pass<"dsv2-fuse-query-rope", "::mlir::func::FuncOp"> {
  let summary = "turns absorbed queries where W_UK is applied to them";
  let description = [{
    ```
    %r = dsv2.rope %q, %cs; dsv2.head_linear %r, %w_uk range = absorbed through = 64
      -> dsv2.head_linear %q, %w_uk range = absorbed through = 64 rope %cs
    ```

    `head_linear` passes the rotary columns through: it turns them instead of
    copying them. Where expanded attention reads the query too, the rope stays,
    limited to the expanded range, and the product moves in front of that
    attention: beside the rope, with no barrier between.

    Where nothing passes the columns through (expanded form, or W_UK merged into
    the query's projection) the rope stays as it is: it shares an interval
    between barriers with the append.

    Requires: value form, `dsv2-absorb-mla-projections`. Changes no bit.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def PackWeightsPass : Pass<"dsv2-pack-weights", "::mlir::func::FuncOp"> {
  let summary = "lays weights out for the ops that stream them";
  let description = [{
    The weights of all products (`linear`, `head_linear`, `grouped_linear`, the
    ops fused from them, `expanded_attention`) go through `dsv2.pack`. The
    embedding table, norms and biases stay as they are.

    Requires: bf16 or f32 weights. Ensures: those ops read packed weights only.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def HoistWeightOpsPass : Pass<"dsv2-hoist-weight-ops", "::mlir::ModuleOp"> {
  let summary = "moves everything that depends on the checkpoint alone into the weight program";
  let description = [{
    A weight is a checkpoint tensor, a constant, or made from weights by
    `dsv2.convert`, `transpose`, `pack`, `merge` or static reshapes, slices and
    concatenations. Inside private functions an argument that is a weight at
    every call counts as one; what is made from such arguments moves to the
    callers, callees first, so that a function shared by all layers receives
    its weights ready for use. What then stands in public functions moves, each
    value once, to

    ```
    func.func private @weights() attributes {dsv2.weight_program}
    ```

    ending in `dsv2.store_weight %v, "name" slot n`, and `dsv2.weight "name"
    slot n` takes its place. Slots are numbered in the order of use in the step.
    A tensor that is stored in several layouts gets a remark with its bytes.

    Requires: no recursion. Ensures: outside of the weight program no op reads
    the checkpoint. (The weight program is private and not called: no
    symbol-dce afterwards.)
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect", "::mlir::func::FuncDialect"];
}

def SpecializeStepsPass : Pass<"dsv2-specialize-steps", "::mlir::ModuleOp"> {
  let summary = "adds steps in which one range of tokens is empty";
  let description = [{
    `@step` serves any mixture. Where attention is split by sequence, clones it
    and its layers to

    - `@decode`, for steps whose sequences are all absorbed: ops on the expanded
      range are gone, those on the absorbed range compute all tokens;
    - `@prefill`, for steps that absorb none.

    Both save the other form's ops with their barriers, and private functions
    lose the weights that they no longer use. Worth its code size where steps
    are short; `@step` stays for the rest.

    In no pipeline: the runtime runs `@step` alone, whose empty range costs a
    few comparisons an op, and a step of each kind would triple the code. For
    experiments with `dsv2-opt`, and for targets whose launches cost more.

    Requires: value form, hoisted weights (so that all steps share one table).
    Ensures: in `@decode` and `@prefill` every op's range is `all`.
  }];
  let dependentDialects = ["::mlir::dsv2::DSV2Dialect"];
}

def VerifyOptimizedPass : Pass<"verify-optimized", "::mlir::ModuleOp"> {
  let summary = "checks the contract of the optimized stage";
  let description = [{
    - No definition is left (`mla_attention`, `route`, `expert_mlp`).
    - Weights are slots: outside of the weight program nothing reads or makes
      one but `dsv2.weight`; each slot is filled once, under the name and type
      with which it is read.
    - The weights of all products are packed (see `dsv2-pack-weights`).
    - Every `?` is a count of the batch, as in the imported stage.

    Changes nothing.
  }];
}

//===----------------------------------------------------------------------===//
// Optimized to planned
//===----------------------------------------------------------------------===//

def StripWeightProgramPass : Pass<"dsv2-strip-weight-program", "::mlir::ModuleOp"> {
  let summary = "drops the weight program, which is lowered apart";
  let description = [{
    The function with `dsv2.weight_program` is serialized for the executor of
    the runtime; the step only sees its slots.
  }];
}

def ToDestinationPassingPass : Pass<"dsv2-to-destination-passing", "::mlir::ModuleOp"> {
  let summary = "gives every result a destination";
  let description = [{
    Before: ops in value form. After: every op has `outs`, a `tensor.empty`
    sized by a count of the batch or, for what a function returns, a trailing
    argument marked `dsv2.destination`. Results that update an argument in
    place (the cache) keep that argument.

    Requires: leading dynamic sizes of arguments and results of calls are named
    by `dsv2.count`. Ensures: bufferization copies nothing.
    No CSE may run between this pass and bufferization: it would merge
    destinations.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def PlanMemoryPass : Pass<"dsv2-plan-memory", "::mlir::ModuleOp"> {
  let summary = "places all temporaries in one arena";
  let description = [{
    Before: `memref.alloc`. After: `memref.view` at a constant offset of an
    arena that every function takes first; frames stack across calls, so the
    arena does not grow with the number of layers. `dsv2.arena_bytes` of the
    module is its size.

    Requires: bufferized functions. Remarks give each frame, and the arena beside
    what is live at one time, below which no plan can be.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def InsertBarriersPass : Pass<"dsv2-insert-barriers", "::mlir::ModuleOp"> {
  let summary = "separates ops that exchange data between threads";
  let description = [{
    Inserts `dsv2.barrier` before an op that reads what an earlier op wrote
    since the last barrier, or writes what one touched; reuse of arena bytes
    counts. `dsv2.barriers` of the module counts those of one step. Barriers
    are numbered from 1 in the order of functions, callees first: a profile
    tells what lies between two of them by these numbers.

    Requires: `dsv2-plan-memory`. Its own pass, because a device step reads the
    same plan as dependences of launches instead.
  }];
  let statistics = [Statistic<"numBarriers", "num-barriers", "Barriers inserted">];
}

def VerifyMemoryPass : Pass<"dsv2-verify-memory", "::mlir::ModuleOp"> {
  let summary = "checks the memory plan and its barriers by playing a step";
  let description = [{
    Follows each public function through all calls and keeps for every byte of
    the arena, the cache and the other arguments who wrote it and who read it
    since the last barrier. Refuses

    - a temporary that is read after another one took bytes of it, or before
      anything was written (two temporaries in use at one time never overlap);
    - bytes written by one op and touched by another with no barrier between,
      reuse of arena bytes included;
    - a view that lies beyond the arena, and a written weight.

    An op in place (a destination that is also read through another operand) is
    refused too: the plan never makes one.

    Independent of `dsv2-plan-memory` and `dsv2-insert-barriers`, whose results
    it checks. Sizes are taken at their maxima.

    Requires: one `memref.view` a temporary, as `dsv2-plan-memory` leaves them;
    CSE merges equal views and hides that two temporaries share them.
    Changes nothing.
  }];
}

def VerifyPlannedPass : Pass<"verify-planned", "::mlir::ModuleOp"> {
  let summary = "checks the contract of the planned stage";
  let description = [{
    Planned ops, weights, counts, barriers, calls, constants and views on
    contiguous buffers; no tensor, no copy, no allocation, no result, no two
    barriers with one number.

    Changes nothing.
  }];
}

#endif // PASSES_PASSES_TD
