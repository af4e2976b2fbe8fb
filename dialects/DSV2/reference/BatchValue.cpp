//===- BatchValue.cpp - What one step works on ----------------------------===//
//
// Consistency, and batches made from lengths.
//
//===----------------------------------------------------------------------===//

#include "dialects/DSV2/reference/BatchValue.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::dsv2;
using namespace mlir::dsv2::reference;

/// Tokens of a page of the cache.
static constexpr int64_t kPageTokens = 64;

std::string BatchValue::inconsistency(BatchType type) const {
  if (tokens() > type.getTokens() || sequences() > type.getSequences() ||
      outputs() > type.getOutputs())
    return llvm::formatv("{0} tokens, {1} sequences and {2} outputs exceed {3}",
                         tokens(), sequences(), outputs(), Type(type));
  if (int64_t(sequence.size()) != tokens() ||
      int64_t(starts.size()) != sequences() + 1 ||
      int64_t(pageTable.size()) != sequences() || starts.front() != 0 ||
      starts.back() != tokens() || absorbed < 0 || absorbed > sequences())
    return "parts of the batch differ in length";
  for (int64_t s = 0; s < sequences(); ++s) {
    if (prefix[s] < 0 || starts[s] > starts[s + 1] ||
        prefix[s] + starts[s + 1] - starts[s] > type.getSpan())
      return llvm::formatv("sequence {0} does not fit a span of {1}", s,
                           type.getSpan());
    for (int64_t t = starts[s]; t < starts[s + 1]; ++t)
      if (sequence[t] != s || positions[t] != prefix[s] + t - starts[s])
        return llvm::formatv("token {0} is not at position {1} of sequence {2}",
                             t, prefix[s] + t - starts[s], s);
  }
  for (int64_t row : outputRows)
    if (row < 0 || row >= tokens())
      return llvm::formatv("output row {0} is not one of {1} tokens", row,
                           tokens());
  return {};
}

BatchValue mlir::dsv2::reference::makeBatch(ArrayRef<int64_t> prefixes,
                                ArrayRef<int64_t> lengths, int64_t span,
                                int64_t absorbed) {
  BatchValue batch;
  batch.absorbed = absorbed;
  int64_t pages = llvm::divideCeil(span, kPageTokens);
  for (auto [s, prefix, length] : llvm::enumerate(prefixes, lengths)) {
    batch.starts.push_back(batch.tokens());
    batch.prefix.push_back(prefix);
    for (int64_t i = 0; i < length; ++i) {
      batch.outputRows.push_back(batch.tokens());
      batch.positions.push_back(prefix + i);
      batch.sequence.push_back(s);
    }
    auto &table = batch.pageTable.emplace_back();
    for (int64_t page = 0; page < pages; ++page)
      table.push_back(int64_t(s) * pages + page);
  }
  batch.starts.push_back(batch.tokens());
  return batch;
}
