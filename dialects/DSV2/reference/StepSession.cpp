//===- StepSession.cpp - Steps of a model, one after another --------------===//
//
// Arguments of the stages: (ids, batch, cache), with destinations also the
// logits and choices, planned also the arena.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/StepSession.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

FailureOr<StepSession> StepSession::create(Interpreter &interpreter, func::FuncOp step,
                                           int64_t pages) {
  StepSession session(interpreter, step);
  bool cached = false;
  for (BlockArgument argument : step.getArguments()) {
    auto shaped = dyn_cast<ShapedType>(argument.getType());
    bool list = shaped && shaped.getElementType().isInteger(32) && shaped.getRank() == 1;
    bool destination = bool(step.getArgAttr(argument.getArgNumber(), "dsv2.destination"));
    if (auto batch = dyn_cast<BatchType>(argument.getType())) {
      session.type = batch;
      session.roles.push_back(Role::Batch);
    } else if (CacheAttr layout = getCacheLayout(argument.getType())) {
      SmallVector<int64_t> sizes(shaped.getShape());
      if (sizes.size() != 4 || !ShapedType::isDynamic(sizes[1]))
        return step.emitError("interpreter: expected a cache with any number of pages");
      sizes[1] = pages;
      session.cache = HostArray::make(shaped.getElementType(), sizes);
      session.roles.push_back(Role::Cache);
      cached = true;
    } else if (step.getArgAttr(argument.getArgNumber(), "dsv2.arena")) {
      session.roles.push_back(Role::Arena);
    } else if (list) {
      session.roles.push_back(destination ? Role::Choices : Role::Ids);
    } else if (shaped && destination && shaped.getRank() == 2) {
      session.roles.push_back(Role::Logits);
    } else {
      return step.emitError("interpreter: argument #")
             << argument.getArgNumber() << " of type " << argument.getType()
             << " is none of ids, batch, cache, arena, logits and choices";
    }
  }
  if (!session.type || !cached)
    return step.emitError("interpreter: expected a batch and a cache among the arguments");
  return session;
}

FailureOr<StepOutput> StepSession::run(ArrayRef<int32_t> ids, const BatchValue &batch) {
  std::string wrong = batch.inconsistency(type);
  if (wrong.empty() && int64_t(ids.size()) != batch.tokens())
    wrong = "ids and tokens of the batch differ in number";
  if (!wrong.empty())
    return step.emitError("interpreter: ") << wrong;

  SmallVector<RuntimeValue> arguments;
  StepOutput output;
  for (auto [argument, role] : llvm::zip_equal(step.getArguments(), roles)) {
    auto shaped = dyn_cast<ShapedType>(argument.getType());
    switch (role) {
    case Role::Batch:
      arguments.push_back(std::make_shared<const BatchValue>(batch));
      break;
    case Role::Ids: {
      HostArray array = HostArray::make(shaped.getElementType(), int64_t(ids.size()));
      std::copy(ids.begin(), ids.end(), array.data());
      arguments.push_back(std::move(array));
      break;
    }
    case Role::Cache:
      // A tensor is moved in, so that it is updated in place.
      if (isa<MemRefType>(shaped))
        arguments.push_back(cache);
      else
        arguments.push_back(std::move(cache));
      break;
    case Role::Arena:
      arguments.push_back(HostArray::make(shaped.getElementType(), shaped.getShape()));
      break;
    case Role::Logits:
      output.logits =
          HostArray::make(shaped.getElementType(), {batch.outputs(), shaped.getDimSize(1)});
      arguments.push_back(output.logits);
      break;
    case Role::Choices:
      output.choices = HostArray::make(shaped.getElementType(), batch.outputs());
      arguments.push_back(output.choices);
      break;
    }
  }
  FailureOr<SmallVector<RuntimeValue>> results = interpreter->call(step, std::move(arguments));
  if (failed(results))
    return failure();
  for (auto [type, value] : llvm::zip_equal(step.getResultTypes(), *results)) {
    if (!std::holds_alternative<HostArray>(value))
      continue;
    auto shaped = cast<ShapedType>(type);
    (getCacheLayout(type)                     ? cache
     : shaped.getElementType().isInteger(32) ? output.choices
                                              : output.logits) =
        std::move(std::get<HostArray>(value));
  }
  if (output.logits.rank() != 2)
    return step.emitError("interpreter: expected logits among results or destinations");
  return output;
}

FailureOr<bool> StepSession::absorbs(int64_t tokens, int64_t prefix, int64_t batch) {
  for (auto function : step->getParentOfType<ModuleOp>().getOps<func::FuncOp>()) {
    if (!function->hasAttr("dsv2.classifier"))
      continue;
    MLIRContext *context = step.getContext();
    Type index = IndexType::get(context);
    if (function.getFunctionType() !=
        FunctionType::get(context, {index, index, index}, IntegerType::get(context, 1)))
      return function.emitError("interpreter: expected (tokens, prefix, batch) -> i1");
    FailureOr<SmallVector<RuntimeValue>> answer = interpreter->call(function, {tokens, prefix, batch});
    if (failed(answer))
      return failure();
    return std::get<int64_t>(answer->front()) != 0;
  }
  return false;
}
