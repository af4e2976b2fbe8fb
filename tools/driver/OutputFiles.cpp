//===- OutputFiles.cpp - All files of a compilation, or none --------------===//
//
// Names that a file may have when a signal comes are known to LLVM's handler.
//
//===----------------------------------------------------------------------===//

#include "tools/driver/OutputFiles.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

using namespace mlir::dsv2;
using ::dsv2::Expected;
using ::dsv2::Status;
using ::dsv2::bundle::AtomicFile;

Status TextOutput::write(llvm::StringRef text) {
  if (file)
    return file->write(0, text.data(), text.size());
  *direct << text;
  direct->flush();
  if (std::error_code error = direct->error()) {
    direct->clear_error();
    return Status::error(path + ": cannot write: " + error.message());
  }
  return Status::success();
}

std::string TextOutput::getStreamPath() const {
  return file ? "/proc/self/fd/" + std::to_string(file->descriptor()) : path;
}

OutputFiles::~OutputFiles() {
  for (AtomicFile &file : files)
    llvm::sys::DontRemoveFileOnSignal(file.hiddenPath());
}

Expected<AtomicFile *> OutputFiles::beginFile(const std::string &path) {
  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  for (const AtomicFile &other : files)
    if (other.path() == file->path())
      return Status::error(path + ": is given for two outputs");
  files.push_back(std::move(*file));
  llvm::sys::RemoveFileOnSignal(files.back().hiddenPath());
  return &files.back();
}

Expected<AtomicFile *> OutputFiles::beginCompanion(const AtomicFile &owner,
                                                   llvm::StringRef suffix) {
  ownerOfCompanion = owner.path();
  return beginFile(owner.path() + "." + suffix.str());
}

Expected<TextOutput *> OutputFiles::beginText(const std::string &path) {
  TextOutput text;
  text.path = path;
  llvm::sys::fs::file_status status;
  bool special = path == "-" || (!llvm::sys::fs::status(path, status) &&
                                 llvm::sys::fs::is_other(status));
  if (special) {
    std::error_code error;
    text.direct = std::make_unique<llvm::raw_fd_ostream>(path, error, llvm::sys::fs::CD_OpenExisting,
                                                         llvm::sys::fs::FA_Write,
                                                         llvm::sys::fs::OF_None);
    if (error)
      return Status::error(path + ": cannot write: " + error.message());
  } else {
    Expected<AtomicFile *> file = beginFile(path);
    if (!file.ok())
      return file.status();
    text.file = *file;
  }
  texts.push_back(std::move(text));
  return &texts.back();
}

Status OutputFiles::publish() {
  for (TextOutput &text : texts) {
    if (!text.file)
      continue;
    llvm::sys::fs::file_status status;
    if (std::error_code error = llvm::sys::fs::status(text.file->descriptor(), status))
      return Status::error(text.path + ": cannot be sized: " + error.message());
    if (Status done = text.file->complete(status.getSize(), 0666); !done.ok())
      return done;
  }
  if (!ownerOfCompanion.empty())
    if (std::error_code error = llvm::sys::fs::remove(ownerOfCompanion))
      return Status::error(ownerOfCompanion + ": cannot be replaced: " + error.message());
  std::vector<std::string> published;
  Status status = Status::success();
  for (AtomicFile &file : llvm::reverse(files)) {
    status = file.publish();
    if (!status.ok())
      break;
    published.push_back(file.path());
    llvm::sys::RemoveFileOnSignal(file.path());
  }
  for (const std::string &path : published) {
    llvm::sys::DontRemoveFileOnSignal(path);
    if (!status.ok())
      llvm::sys::fs::remove(path);
  }
  return status;
}
