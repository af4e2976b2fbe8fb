//===- TextFiles.cpp - What a model says about text -----------------------===//
//
// Reading, and the check of the chat template, so that one that is not
// supported is known before anything is compiled.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/TextFiles.h"
#include "runtime/bundle/Format.h"
#include "runtime/io/File.h"
#include "runtime/text/ChatTemplate.h"

namespace bundle = ::dsv2::bundle;
using ::dsv2::Expected;
using ::dsv2::Status;

static constexpr size_t MaxBytes = size_t(256) << 20;

/// The contents of `section` among `files`, empty when it is not there.
static std::string contentsOf(const std::vector<mlir::dsv2::TextFile> &files,
                              std::string_view section) {
  for (const mlir::dsv2::TextFile &file : files)
    if (file.section == section)
      return file.contents;
  return {};
}

static Status checkTemplate(const std::vector<mlir::dsv2::TextFile> &files,
                            std::string where) {
  std::string source = contentsOf(files, bundle::ChatTemplateSection);
  Expected<::dsv2::ChatConfig> config =
      ::dsv2::ChatConfig::create(contentsOf(files, bundle::TokenizerConfigSection));
  if (!config.ok())
    return config.status();
  if (source.empty() && config->source) {
    source = *config->source;
    where = "tokenizer_config.json: chat_template";
  }
  Expected<::dsv2::ChatTemplate> made = ::dsv2::ChatTemplate::create(source, where, *config);
  return made.ok() ? Status::success()
                   : Status::error(made.message() + "; --chat-template FILE takes another one");
}

Expected<std::vector<mlir::dsv2::TextFile>>
mlir::dsv2::readTextFiles(const std::string &directory, const std::string &chatTemplate) {
  std::pair<std::string, const char *> named[] = {
      {directory + "/tokenizer.json", bundle::TokenizerSection},
      {directory + "/tokenizer_config.json", bundle::TokenizerConfigSection},
      {directory + "/chat_template.jinja", bundle::ChatTemplateSection},
      {directory + "/generation_config.json", bundle::GenerationConfigSection}};
  if (!chatTemplate.empty())
    named[2].first = chatTemplate;
  std::vector<TextFile> files;
  for (const auto &[path, section] : named) {
    if (!::dsv2::fileExists(path) && path != chatTemplate)
      continue;
    Expected<std::string> contents = ::dsv2::readFile(path, MaxBytes);
    if (!contents.ok())
      return contents.status();
    files.push_back({section, std::move(*contents)});
  }
  if (Status status = checkTemplate(files, named[2].first); !status.ok())
    return status;
  return files;
}
