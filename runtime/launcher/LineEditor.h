//===- LineEditor.h - Lines from a person or a file -------------*- C++ -*-===//
//
// Reads stdin line by line. On a terminal a line can be edited: arrows, Home,
// End, Delete, the usual control keys, and earlier lines with Up and Down.
// UTF-8 throughout. Draws on stderr, so that stdout holds results alone.
//
//===----------------------------------------------------------------------===//

#ifndef RUNTIME_LAUNCHER_LINEEDITOR_H
#define RUNTIME_LAUNCHER_LINEEDITOR_H

#include "runtime/io/Status.h"
#include <string>
#include <string_view>
#include <vector>

namespace dsv2::launcher {

class LineEditor {
public:
  enum class Event { Line, End, Interrupt };

  /// `interrupt` is a descriptor that becomes readable to end a wait, or -1.
  explicit LineEditor(int interrupt);
  /// Whether stdin and stderr are a terminal.
  bool interactive() const { return terminal; }

  /// The next line, without its newline. `prompt` is shown on a terminal only;
  /// ASCII. Interrupt is Ctrl-C, or the descriptor's while there was nothing to
  /// read.
  Expected<Event> read(std::string_view prompt, std::string &line);

private:
  Expected<Event> readPlain(std::string &line);
  Expected<Event> edit(std::string_view prompt, std::string &line);
  /// The next byte of stdin; Line when there is one.
  Expected<Event> readByte(char &byte);

  int interrupt;
  bool terminal;
  std::string buffer; // read and not yet used
  size_t used = 0;
  std::vector<std::string> history;
};

/// Columns that a character takes on a terminal: 0, 1 or 2.
int columnsOf(char32_t scalar);

} // namespace dsv2::launcher

#endif // RUNTIME_LAUNCHER_LINEEDITOR_H
