//===- RemarkCollector.cpp - Decisions of passes, kept --------------------===//
//
// A remark streamer in front of LLVM's.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/RemarkCollector.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Remark/RemarkStreamer.h"

using namespace mlir;
using namespace mlir::dsv2;
using remark::detail::MLIRRemarkStreamerBase;

static const char *kindOf(llvm::remarks::Type type) {
  switch (type) {
  case llvm::remarks::Type::Passed:
    return "passed";
  case llvm::remarks::Type::Missed:
    return "missed";
  case llvm::remarks::Type::Failure:
    return "failed";
  default:
    return "analysis";
  }
}

namespace {

class Collector final : public MLIRRemarkStreamerBase {
public:
  Collector(std::vector<Decision> &decisions, std::unique_ptr<MLIRRemarkStreamerBase> file)
      : decisions(decisions), file(std::move(file)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    if (file)
      file->streamOptimizationRemark(remark);
    Decision decision{remark.getCombinedCategoryName().str(), remark.getRemarkName().str(),
                      kindOf(remark.getRemarkType()), ""};
    for (const auto &part : remark.getArgs())
      decision.text += (decision.text.empty() ? "" : " ") + part.val;
    // A layer's kind says it once for all of its layers already.
    if (!llvm::is_contained(decisions, decision))
      decisions.push_back(std::move(decision));
  }
  void finalize() override {
    if (file)
      file->finalize();
  }

private:
  std::vector<Decision> &decisions;
  std::unique_ptr<MLIRRemarkStreamerBase> file;
};

} // namespace

LogicalResult mlir::dsv2::collectDecisions(MLIRContext &context, std::vector<Decision> &decisions,
                                           const std::string &yamlPath) {
  std::unique_ptr<MLIRRemarkStreamerBase> file;
  if (!yamlPath.empty()) {
    auto created = remark::detail::LLVMRemarkStreamer::createToFile(
        yamlPath, llvm::remarks::Format::YAML);
    if (failed(created))
      return failure();
    file = std::move(*created);
  }
  remark::RemarkCategories categories;
  // `all` widens the kinds that are given; alone it enables none.
  categories.passed = categories.missed = categories.analysis = categories.failed = "dsv2.*";
  return remark::enableOptimizationRemarks(
      context, std::make_unique<Collector>(decisions, std::move(file)),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}
