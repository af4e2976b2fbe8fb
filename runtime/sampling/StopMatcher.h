//===- StopMatcher.h - Text up to a stop string -----------------*- C++ -*-===//
//
// Complete characters go in as they are generated; what comes out is certain to
// lie before the first stop string. Text that may begin one waits.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_SAMPLING_STOPMATCHER_H
#define RUNTIME_SAMPLING_STOPMATCHER_H

#include <string>
#include <string_view>
#include <vector>

namespace dsv2::sampling {

class StopMatcher {
public:
  /// Empty stop strings are ignored.
  explicit StopMatcher(std::vector<std::string> stops);

  /// Takes the next text and returns what is certain; nothing after a stop.
  std::string push(std::string_view more);
  /// Ends the text: returns what waited.
  std::string finish();

  /// Whether a stop string has been met; it and what follows are not returned.
  bool stopped() const { return met; }

private:
  std::vector<std::string> stops;
  std::string text; // not yet returned
  bool met = false;
};

} // namespace dsv2::sampling

#endif // RUNTIME_SAMPLING_STOPMATCHER_H
