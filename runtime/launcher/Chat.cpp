//===- Chat.cpp - The command chat ----------------------------------------===//
//
// A conversation: each line of stdin is a user's turn or a command. The whole
// of it goes through the model's template every turn; what is in the cache is
// not computed again.
//
//===----------------------------------------------------------------------===//

#include "runtime/engine/Generator.h"
#include "runtime/io/Utf8.h"
#include "runtime/launcher/ChatFormat.h"
#include "runtime/launcher/Commands.h"
#include "runtime/launcher/GeneratedText.h"
#include "runtime/launcher/Interrupt.h"
#include "runtime/launcher/LineEditor.h"
#include "runtime/launcher/Output.h"

#include <algorithm>

namespace dsv2::launcher {

/// Tokens of a conversation where the user does not say.
static constexpr int64_t DefaultContext = 8192;

static constexpr const char *Help =
    "/reset        forgets the conversation\n"
    "/system TEXT  sets the system prompt; without TEXT, removes it\n"
    "/help         shows this\n"
    "/exit         ends; so does Ctrl-D, or Ctrl-C twice\n"
    "Ctrl-C stops an answer.";

namespace {
class Chat {
public:
  Chat(Session &session, const Options &options, const Tokenizer &tokenizer,
       const ChatTemplate &chatTemplate)
      : session(session), options(options), tokenizer(tokenizer),
        chatTemplate(chatTemplate), conversation(session.model()),
        system(options.systemPrompt) {}

  engine::GenerateRequest request; // all but the prompt
  bool cancelled() const { return interrupt.raised(); }

  Status run() {
    Status status = converse();
    // At a terminal Ctrl-C is about answers, not about how the program ends.
    if (editor.interactive() && !interrupt.terminated())
      interrupt.clear();
    return status;
  }

private:
  Status converse();
  /// True when the line was a command.
  bool obey(const std::string &line);
  /// Answers a turn. Errors leave the conversation as it was before it.
  Status answer(const std::string &text);
  Expected<std::vector<int32_t>> prompt() const;

  Session &session;
  const Options &options;
  const Tokenizer &tokenizer;
  const ChatTemplate &chatTemplate;
  engine::Conversation conversation;
  std::vector<ChatMessage> messages; // all but the system prompt
  std::optional<std::string> system;
  InterruptFlag interrupt{InterruptFlag::Second::Nothing};
  LineEditor editor{interrupt.descriptor()};
  bool ended = false;
};
} // namespace

Status Chat::converse() {
  if (editor.interactive())
    writeNote("/help shows the commands");
  bool interrupted = false; // by the key before
  while (!ended) {
    std::string line;
    Expected<LineEditor::Event> event = editor.read("> ", line);
    if (!event.ok())
      return event.status();
    if (*event == LineEditor::Event::End)
      break;
    if (*event == LineEditor::Event::Interrupt) {
      if (!editor.interactive() || interrupt.terminated())
        break;
      if (interrupted)
        break;
      interrupted = true;
      interrupt.clear();
      writeNote("Ctrl-C once more, or /exit, ends");
      continue;
    }
    interrupted = false;
    if (line.empty() || obey(line))
      continue;
    Status status = answer(line);
    if (interrupt.terminated() ||
        (interrupt.raised() && !editor.interactive()))
      break;
    if (status.ok())
      continue;
    // A person may say it another way; a file cannot.
    if (!editor.interactive())
      return status;
    writeNote(status.message());
  }
  return Status::success();
}

bool Chat::obey(const std::string &line) {
  if (line[0] != '/')
    return false;
  size_t space = line.find(' ');
  std::string command = line.substr(0, space);
  std::string argument = space == line.npos ? "" : line.substr(space + 1);
  if (command == "/exit" || command == "/quit") {
    ended = true;
  } else if (command == "/reset") {
    messages.clear();
  } else if (command == "/system") {
    system = argument.empty() ? std::nullopt : std::optional(argument);
  } else if (command == "/help") {
    writeNote(Help);
  } else {
    writeNote("unknown command " + command +
              "; /help shows them; text may begin with a space");
  }
  return true;
}

Expected<std::vector<int32_t>> Chat::prompt() const {
  std::vector<ChatMessage> all;
  if (system)
    all.push_back({"system", *system});
  all.insert(all.end(), messages.begin(), messages.end());
  Expected<std::string> text = renderChat(chatTemplate, all);
  if (!text.ok())
    return text.status();
  // The template writes what begins a text itself.
  return tokenizer.encode(*text, /*addSpecial=*/false);
}

Status Chat::answer(const std::string &text) {
  if (size_t bad = findInvalidUtf8(text); bad != text.npos)
    return Status::error("stdin: is not UTF-8 at byte " + std::to_string(bad) +
                         " of the line");
  messages.push_back({"user", text});
  Expected<std::vector<int32_t>> ids = prompt();
  int64_t context = session.memoryRequest().tokens;
  int64_t room = context;
  if (ids.ok())
    room -= static_cast<int64_t>(ids->size());
  if (!ids.ok() || room <= 0) {
    messages.pop_back();
    return !ids.ok() ? ids.status()
                     : Status::error("the conversation has " +
                                     std::to_string(ids->size()) +
                                     " tokens, the context " +
                                     std::to_string(context) +
                                     "; /reset begins anew");
  }
  request.prompt = std::move(*ids);
  request.maxTokens = std::min(options.maxAnswerTokens.value_or(room), room);
  GeneratedText answered(&tokenizer, options.stops, /*quiet=*/false);
  answered.skipLeadingSpace();
  Expected<engine::GenerateResult> result = conversation.generate(
      request, [&](int32_t id) { return answered.accept(id); });
  answered.finish();
  answered.endLine();
  if (!result.ok()) {
    messages.pop_back();
    return result.status();
  }
  if (!answered.status.ok()) {
    ended = true;
    return answered.status;
  }
  // Templates put their own space in front.
  std::string content = answered.text();
  content.erase(content.find_last_not_of(" \t\r\n") + 1);
  messages.push_back({"assistant", std::move(content)});
  if (result->cancelled)
    writeNote("(stopped)");
  // What a file feeds ends there, too late for this answer or not.
  if (editor.interactive() && !interrupt.terminated())
    interrupt.clear();
  return Status::success();
}

Status runChat(Session &session, const Options &options) {
  Expected<GenerationConfig> config = session.generationConfig();
  if (!config.ok())
    return config.status();
  Expected<const Tokenizer *> tokenizer = session.tokenizer();
  if (!tokenizer.ok())
    return tokenizer.status();
  Expected<ChatTemplate> chatTemplate =
      loadChatTemplate(session.bundle(), options);
  if (!chatTemplate.ok())
    return chatTemplate.status();
  CacheNeed need = {1, options.context ? *options.context
                                       : std::min(session.context(),
                                                  DefaultContext)};
  if (Status status = session.start({&need, 1}, /*outputs=*/1); !status.ok())
    return status;
  Chat chat(session, options, **tokenizer, *chatTemplate);
  chat.request.sampling = chooseSampling(options, *config);
  if (Status status = sampling::validate(chat.request.sampling); !status.ok())
    return status;
  chat.request.cancelled = [&] { return chat.cancelled(); };
  chat.request.eos = config->eos.value_or(session.bundle().manifest().eos);
  return chat.run();
}

} // namespace dsv2::launcher
