//===- LineEditor.cpp - Lines from a person or a file ---------------------===//
//
// On a terminal: raw mode for the time of a line, which is drawn anew after
// each key, scrolled sideways where it is wider than the screen.
//
//===----------------------------------------------------------------------===//

#include "runtime/launcher/LineEditor.h"

#include "runtime/io/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace dsv2::launcher {

static constexpr size_t MaxLineBytes = size_t(64) << 20;

int columnsOf(char32_t scalar) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range none[] = {{0x0, 0x1F}, {0x7F, 0x9F}, {0x300, 0x36F},
                            {0x483, 0x489}, {0x591, 0x5BD}, {0x610, 0x61A},
                            {0x64B, 0x65F}, {0x900, 0x902}, {0x1AB0, 0x1AFF},
                            {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E},
                            {0x2060, 0x2064}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F},
                            {0xFE20, 0xFE2F}, {0xE0001, 0xE01EF}};
  constexpr Range two[] = {{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF},
                           {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
                           {0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6},
                           {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
                           {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};
  auto isIn = [&](const auto &ranges) {
    return std::any_of(std::begin(ranges), std::end(ranges), [&](Range range) {
      return scalar >= range.first && scalar <= range.last;
    });
  };
  return isIn(none) ? 0 : isIn(two) ? 2 : 1;
}

static void draw(std::string_view text) {
  ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
  (void)ignored;
}

namespace {
/// Raw mode while it lives.
class RawTerminal {
public:
  RawTerminal() {
    active = tcgetattr(STDIN_FILENO, &before) == 0;
    termios raw = before;
    raw.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    // What was typed ahead is kept.
    active = active && tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  ~RawTerminal() {
    if (active)
      tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  }
  RawTerminal(const RawTerminal &) = delete;

private:
  bool active;
  termios before = {};
};

/// A line under edit; places are bytes between characters.
class EditedLine {
public:
  explicit EditedLine(std::string_view prompt) : prompt(prompt) {}

  std::string text;
  size_t cursor = 0;

  void set(std::string value) {
    text = std::move(value);
    cursor = text.size();
  }
  void insert(std::string_view piece) {
    text.insert(cursor, piece);
    cursor += piece.size();
  }
  size_t before(size_t place) const {
    while (place > 0 && isContinuation(--place))
      ;
    return place;
  }
  size_t after(size_t place) const {
    while (place < text.size() && ++place < text.size() && isContinuation(place))
      ;
    return place;
  }
  void erase(size_t from, size_t to) {
    text.erase(from, to - from);
    cursor = from;
  }
  void eraseWord() {
    size_t start = cursor;
    while (start > 0 && text[start - 1] == ' ')
      --start;
    while (start > 0 && text[start - 1] != ' ')
      --start;
    erase(start, cursor);
  }

  void show() const {
    winsize size = {};
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
                      ? size.ws_col
                      : 80;
    int room = std::max(4, columns - int(prompt.size()) - 1);
    size_t start = 0;
    int offset = widthOf(0, cursor);
    for (; offset > room; start = after(start))
      offset -= widthOf(start, after(start));
    size_t end = start;
    int shown = 0;
    while (end < text.size()) {
      int width = widthOf(end, after(end));
      if (shown + width > room)
        break;
      shown += width;
      end = after(end);
    }
    std::string out = "\r" + std::string(prompt) +
                      printable(start, end) + "\x1b[K\r";
    if (int column = int(prompt.size()) + offset; column > 0)
      out += "\x1b[" + std::to_string(column) + "C";
    draw(out);
  }

private:
  bool isContinuation(size_t place) const {
    return (static_cast<unsigned char>(text[place]) & 0xC0) == 0x80;
  }
  int widthOf(size_t from, size_t to) const {
    int width = 0;
    while (from < to) {
      Utf8Step step = stepUtf8(std::string_view(text).substr(from));
      width += step.kind == Utf8Step::Valid ? columnsOf(step.scalar) : 1;
      from += step.length;
    }
    return width;
  }
  std::string printable(size_t from, size_t to) const {
    std::string out;
    while (from < to) {
      Utf8Step step = stepUtf8(std::string_view(text).substr(from));
      out += step.kind == Utf8Step::Valid ? text.substr(from, step.length) : "?";
      from += step.length;
    }
    return out;
  }

  std::string_view prompt;
};
} // namespace

LineEditor::LineEditor(int interrupt)
    : interrupt(interrupt),
      terminal(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {}

Expected<LineEditor::Event> LineEditor::read(std::string_view prompt,
                                             std::string &line) {
  line.clear();
  return terminal ? edit(prompt, line) : readPlain(line);
}

Expected<LineEditor::Event> LineEditor::readByte(char &byte) {
  if (used == buffer.size()) {
    buffer.resize(65536);
    used = 0;
    pollfd waits[] = {{STDIN_FILENO, POLLIN, 0}, {interrupt, POLLIN, 0}};
    ssize_t count;
    int error;
    do {
      buffer.clear();
      if (poll(waits, 2, -1) > 0 && waits[1].revents != 0)
        return Event::Interrupt;
      buffer.resize(65536);
      count = waits[0].revents == 0
                  ? -1
                  : ::read(STDIN_FILENO, buffer.data(), buffer.size());
      error = waits[0].revents == 0 ? EINTR : errno;
    } while (count < 0 && error == EINTR);
    buffer.resize(count > 0 ? size_t(count) : 0);
    if (count < 0)
      return Status::error(std::string("cannot read from stdin: ") +
                           strerror(error));
    if (count == 0)
      return Event::End;
  }
  byte = buffer[used++];
  return Event::Line;
}

Expected<LineEditor::Event> LineEditor::readPlain(std::string &line) {
  char byte;
  while (true) {
    Expected<Event> event = readByte(byte);
    if (!event.ok() || *event == Event::Interrupt)
      return event;
    if (*event == Event::End)
      return line.empty() ? Event::End : Event::Line;
    if (byte == '\n') {
      if (line.ends_with('\r'))
        line.pop_back();
      return Event::Line;
    }
    if (line.size() == MaxLineBytes)
      return Status::error("a line of over " + std::to_string(MaxLineBytes) +
                           " bytes");
    line += byte;
  }
}

Expected<LineEditor::Event> LineEditor::edit(std::string_view prompt,
                                             std::string &line) {
  constexpr auto control = [](char letter) { return char(letter & 0x1F); };
  RawTerminal raw;
  EditedLine edited(prompt);
  size_t place = history.size(); // of the line shown among earlier ones
  std::string unsent;            // the new line while earlier ones are shown
  auto showEarlier = [&](bool up) {
    if (up ? place == 0 : place == history.size())
      return;
    if (place == history.size())
      unsent = edited.text;
    place += up ? -1 : 1;
    edited.set(place == history.size() ? unsent : history[place]);
  };
  char byte = 0;
  auto next = [&] {
    Expected<Event> event = readByte(byte);
    return event.ok() && *event == Event::Line;
  };
  while (true) {
    edited.show();
    Expected<Event> event = readByte(byte);
    if (!event.ok() || *event != Event::Line) {
      draw("\r\n");
      return event;
    }
    if (byte == '\r' || byte == '\n') {
      draw("\r\n");
      line = edited.text;
      if (!line.empty() && (history.empty() || history.back() != line))
        history.push_back(line);
      return Event::Line;
    }
    if (byte == control('C')) {
      draw("^C\r\n");
      return Event::Interrupt;
    }
    if (byte == control('D') && edited.text.empty()) {
      draw("\r\n");
      return Event::End;
    }
    if (byte == control('D'))
      edited.erase(edited.cursor, edited.after(edited.cursor));
    else if (byte == 0x7F || byte == control('H'))
      edited.erase(edited.before(edited.cursor), edited.cursor);
    else if (byte == control('A'))
      edited.cursor = 0;
    else if (byte == control('E'))
      edited.cursor = edited.text.size();
    else if (byte == control('B'))
      edited.cursor = edited.before(edited.cursor);
    else if (byte == control('F'))
      edited.cursor = edited.after(edited.cursor);
    else if (byte == control('K'))
      edited.erase(edited.cursor, edited.text.size());
    else if (byte == control('U'))
      edited.erase(0, edited.cursor);
    else if (byte == control('W'))
      edited.eraseWord();
    else if (byte == control('L'))
      draw("\x1b[H\x1b[2J");
    else if (byte == control('P') || byte == control('N'))
      showEarlier(byte == control('P'));
    else if (byte == '\t')
      edited.insert(" ");
    else if (byte == 0x1B) {
      // ESC [ parameters letter, or ESC O letter.
      if (!next() || (byte != '[' && byte != 'O'))
        continue;
      std::string parameters;
      while (next() && ((byte >= '0' && byte <= '9') || byte == ';'))
        parameters += byte;
      if (byte == 'A' || byte == 'B')
        showEarlier(byte == 'A');
      else if (byte == 'C')
        edited.cursor = edited.after(edited.cursor);
      else if (byte == 'D')
        edited.cursor = edited.before(edited.cursor);
      else if (byte == 'H' || (byte == '~' && (parameters == "1" || parameters == "7")))
        edited.cursor = 0;
      else if (byte == 'F' || (byte == '~' && (parameters == "4" || parameters == "8")))
        edited.cursor = edited.text.size();
      else if (byte == '~' && parameters == "3")
        edited.erase(edited.cursor, edited.after(edited.cursor));
    } else if (static_cast<unsigned char>(byte) >= 0x20 &&
               edited.text.size() < MaxLineBytes) {
      // A whole character at once, so that no part of one is drawn.
      std::string character(1, byte);
      while (stepUtf8(character).kind == Utf8Step::Incomplete && next())
        character += byte;
      if (stepUtf8(character).length == character.size() &&
          stepUtf8(character).kind == Utf8Step::Valid)
        edited.insert(character);
    }
  }
}

} // namespace dsv2::launcher
