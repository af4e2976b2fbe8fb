//===- TextFiles.cpp - What a model says about text -----------------------===//
//
// Reading, and the checks that the compiled file makes again when it reads them,
// so that what it could not use is known before anything is compiled.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/TextFiles.h"
#include "runtime/bundle/Format.h"
#include "runtime/io/File.h"
#include "runtime/launcher/GenerationConfig.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/Tokenizer.h"

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

static Status checkTokenizer(const std::vector<mlir::dsv2::TextFile> &files) {
  std::string tokenizer = contentsOf(files, bundle::TokenizerSection);
  if (tokenizer.empty())
    return Status::success();
  return Expected<::dsv2::Tokenizer>(
             ::dsv2::Tokenizer::create(tokenizer,
                                       contentsOf(files, bundle::TokenizerConfigSection)))
      .status();
}

static Status checkGenerationConfig(const std::vector<mlir::dsv2::TextFile> &files) {
  std::string config = contentsOf(files, bundle::GenerationConfigSection);
  if (config.empty())
    return Status::success();
  return ::dsv2::launcher::parseGenerationConfig(config).status();
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
    bool asked = path == chatTemplate; // may be a pipe
    if (!asked && !::dsv2::nameExists(path))
      continue;
    Expected<std::string> contents = asked ? ::dsv2::readFile(path, MaxBytes)
                                           : ::dsv2::readRegularFile(path, MaxBytes);
    if (!contents.ok())
      return contents.status();
    if (contents->empty())
      return Status::error(path + ": is empty");
    files.push_back({section, std::move(*contents)});
  }
  for (const Status &status : {checkTemplate(files, named[2].first), checkTokenizer(files),
                               checkGenerationConfig(files)})
    if (!status.ok())
      return status;
  return files;
}
