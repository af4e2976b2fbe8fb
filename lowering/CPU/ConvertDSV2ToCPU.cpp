#include "dialects/DSV2/DSV2Dialect.h"
#include "lowering/Passes.h"

namespace mlir::dsv2 {
#define GEN_PASS_DEF_CONVERTDSV2TOCPUPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::dsv2
namespace {
struct ConvertDSV2ToCPU : public mlir::dsv2::impl::ConvertDSV2ToCPUPassBase<ConvertDSV2ToCPU> {
  using ConvertDSV2ToCPUPassBase::ConvertDSV2ToCPUPassBase;
  void runOnOperation() override {}
};
}
