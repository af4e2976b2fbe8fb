//===- dsv2-fuzz-mlir.cpp - Random IR against parsers and passes ----------===//
//
//   dsv2-fuzz-mlir [-seed=N] [-count=N | -seconds=N] [-findings=DIR] TESTS...
//   dsv2-fuzz-mlir -replay [-pipeline=PASSES] FILE
//
// Children of this process check inputs in batches and say in shared memory
// where they are, so that a crash or a hang costs its input only. A finding is
// checked once more on its own, for its stack: where that names dsv2's code, or
// a property does not hold, the exit status is 1. Crashes within upstream's
// code alone are counted (docs/Fuzzing.md lists those that are known).
//
//===----------------------------------------------------------------------===//

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "test/fuzz/mlir/InputCheck.h"
#include "test/fuzz/mlir/Mutator.h"
#include "tools/registration/Registration.h"

#include <array>
#include <chrono>
#include <sstream>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dsv2::test;
namespace cl = llvm::cl;

static cl::list<std::string> files(cl::Positional, cl::OneOrMore, cl::desc("TESTS or folders"));
static cl::opt<uint64_t> seed("seed", cl::init(1), cl::desc("Seed of the mutations (1)"));
static cl::opt<uint64_t> count("count", cl::init(0), cl::desc("Inputs to check (0: by time)"));
static cl::opt<unsigned> seconds("seconds", cl::init(60), cl::desc("Seconds to go on (60)"));
static cl::opt<std::string> findings("findings", cl::init("findings"),
                                     cl::desc("Folder of findings (findings)"));
static cl::opt<bool> replay("replay", cl::desc("Check the one file as it is"));
static cl::opt<std::string> pipeline("pipeline", cl::desc("Passes to run with -replay"));

static constexpr uint64_t batchInputs = 100;
static constexpr time_t inputSeconds = 20;
static constexpr rlim_t inputMemory = rlim_t(8) << 30;

/// What runs on accepted inputs: verifiers, which must judge any IR, and stages
/// behind the verifier of what they take. A single pass may assume its stage.
static const char *const pipelines[] = {
    "func.func(dsv2-verify-linear-cache)",
    "verify-imported",
    "verify-optimized",
    "verify-planned",
    "dsv2-verify-memory",
    "canonicalize,cse",
    "dsv2-imported-to-optimized",
    "dsv2-imported-to-optimized,dsv2-optimized-to-planned",
    "verify-optimized,dsv2-optimized-to-planned",
    "verify-planned,dsv2-verify-memory,dsv2-planned-to-cpu",
};

/// What a child tells its parent.
struct Shared {
  uint64_t current;
  std::array<uint64_t, 4> reached; // inputs, by Reached
  char problem[256];               // of the current input
};

namespace {
class Run {
public:
  explicit Run(Mutator mutator) : mutator(std::move(mutator)) {
    mlir::dsv2::registerAll(registry);
    shared = static_cast<Shared *>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }

  int run();
  int replayFile(const std::string &path, const std::string &passes);

private:
  [[noreturn]] void child(uint64_t begin, uint64_t end);
  Reached check(const std::string &text, const std::string &passes, std::string &problem);
  static std::string pipelineOf(uint64_t number) {
    return pipelines[number % std::size(pipelines)];
  }
  /// Keeps input `number`; returns whether it is a finding of ours.
  bool report(uint64_t number, int status);

  Mutator mutator;
  mlir::DialectRegistry registry;
  Shared *shared;
};
} // namespace

Reached Run::check(const std::string &text, const std::string &passes, std::string &problem) {
  // One of its own: a context keeps every type and attribute it has seen.
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  return checkInput(context, text, passes, problem);
}

void Run::child(uint64_t begin, uint64_t end) {
  rlimit limit = {inputMemory, inputMemory};
  setrlimit(RLIMIT_AS, &limit);
  // Nothing but findings is printed, and those by the parent.
  (void)!freopen("/dev/null", "w", stderr);
  for (uint64_t number = begin; number < end; ++number) {
    shared->current = number;
    // Of its own time: another's load is no hang.
    itimerval timer = {{}, {inputSeconds, 0}};
    setitimer(ITIMER_PROF, &timer, nullptr);
    std::string problem;
    Reached reached = check(mutator.make(seed, number), pipelineOf(number), problem);
    ++shared->reached[static_cast<size_t>(reached)];
    if (!problem.empty()) {
      snprintf(shared->problem, sizeof(shared->problem), "%s", problem.c_str());
      _exit(1);
    }
  }
  _exit(0);
}

/// The output of this program on a file, by another process of it.
static std::string outputOf(const std::string &file, const std::string &passes) {
  std::string command = "timeout 60 /proc/" + std::to_string(getpid()) +
                        "/exe -replay -pipeline='" + passes + "' '" + file + "' 2>&1";
  std::string output;
  FILE *pipe = popen(command.c_str(), "r");
  for (char buffer[4096]; size_t got = pipe ? fread(buffer, 1, sizeof(buffer), pipe) : 0;)
    output.append(buffer, got);
  if (pipe)
    pclose(pipe);
  return output;
}

/// Whether a frame above this program's own lies in code of dsv2: in this
/// executable, and not in a shared library or in libc, which has sources.
static bool namesOurCode(const std::string &stack) {
  std::istringstream lines(stack);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("dsv2::test::checkInput") != line.npos)
      return false;
    size_t number = line.find_first_not_of(' ');
    if (number == line.npos || line[number] != '#')
      continue;
    bool elsewhere = llvm::any_of(llvm::ArrayRef{".so", " ./", "sysdeps/"}, [&](const char *part) {
      return line.find(part) != line.npos;
    });
    if (!elsewhere)
      return true;
  }
  return false;
}

bool Run::report(uint64_t number, int status) {
  std::string what = shared->problem;
  if (what.empty() && WIFSIGNALED(status))
    what = WTERMSIG(status) == SIGPROF
               ? "hangs"
               : std::string("crashes with ") + strsignal(WTERMSIG(status));
  if (what.empty())
    what = "ends the process";
  llvm::sys::fs::create_directories(findings);
  std::string name = findings + "/" + std::to_string(seed) + "-" + std::to_string(number);
  std::error_code error;
  llvm::raw_fd_ostream(name + ".mlir", error) << mutator.make(seed, number);
  std::string output = outputOf(name + ".mlir", pipelineOf(number));
  llvm::raw_fd_ostream(name + ".txt", error)
      << what << "\npasses: " << pipelineOf(number) << "\n\n"
      << output;
  bool ours = shared->problem[0] != 0 || !WIFSIGNALED(status) || WTERMSIG(status) == SIGPROF ||
              namesOurCode(output);
  llvm::outs() << (ours ? "finding: " : "in upstream's code alone: ") << name
               << ".mlir: " << what << "\n";
  llvm::outs().flush();
  return ours;
}

int Run::run() {
  auto start = std::chrono::steady_clock::now();
  uint64_t next = 0, ours = 0, upstream = 0;
  auto goesOn = [&] {
    auto spent = std::chrono::steady_clock::now() - start;
    return count ? next < count : spent < std::chrono::seconds(seconds);
  };
  while (goesOn()) {
    uint64_t end = count ? std::min<uint64_t>(count, next + batchInputs) : next + batchInputs;
    shared->problem[0] = 0;
    pid_t process = fork();
    if (process < 0) {
      llvm::errs() << "dsv2-fuzz-mlir: cannot start a process\n";
      return 1;
    }
    if (process == 0)
      child(next, end);
    int status = 0;
    waitpid(process, &status, 0);
    if (status == 0) {
      next = end;
      continue;
    }
    ++(report(shared->current, status) ? ours : upstream);
    next = shared->current + 1;
  }
  uint64_t accepted = shared->reached[1] + shared->reached[2] + shared->reached[3];
  llvm::outs() << next << " inputs from " << mutator.seeds() << " pieces: " << shared->reached[0]
               << " refused, " << accepted << " accepted, of these " << shared->reached[3]
               << " passed their passes; " << ours << " findings, " << upstream
               << " crashes in upstream's code alone\n";
  return ours != 0;
}

int Run::replayFile(const std::string &path, const std::string &passes) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    llvm::errs() << path << ": " << buffer.getError().message() << "\n";
    return 1;
  }
  llvm::sys::PrintStackTraceOnErrorSignal("dsv2-fuzz-mlir");
  std::string problem;
  Reached reached = check((*buffer)->getBuffer().str(), passes, problem);
  static const char *const names[] = {"refused", "accepted", "accepted, a pass failed", "passed"};
  llvm::outs() << names[static_cast<size_t>(reached)] << "\n";
  if (!problem.empty())
    llvm::outs() << problem << "\n";
  return !problem.empty();
}

/// Adds the tests below a path.
static bool addTests(const std::string &path, Mutator &mutator) {
  std::vector<std::string> found;
  std::error_code error;
  if (llvm::sys::fs::is_directory(path)) {
    for (llvm::sys::fs::recursive_directory_iterator at(path, error), end; at != end && !error;
         at.increment(error))
      if (llvm::StringRef(at->path()).ends_with(".mlir"))
        found.push_back(at->path());
  } else {
    found.push_back(path);
  }
  // The order of a folder is not that of another machine's.
  llvm::sort(found);
  for (const std::string &file : found) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    if (!buffer) {
      llvm::errs() << file << ": " << buffer.getError().message() << "\n";
      return false;
    }
    mutator.addTest((*buffer)->getBuffer());
  }
  return true;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "random IR against dsv2's parsers and passes\n");
  Mutator mutator;
  if (replay)
    return Run(mutator).replayFile(files.front(), pipeline);
  for (const std::string &path : files)
    if (!addTests(path, mutator))
      return 1;
  if (mutator.seeds() == 0) {
    llvm::errs() << "dsv2-fuzz-mlir: no .mlir files\n";
    return 1;
  }
  return Run(std::move(mutator)).run();
}
