// compress-ext: train and compress networks from a YAML file.
#include <c10/util/Exception.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include "command.h"
#include "compress/core/error.h"
#include "compress/core/nearest_name.h"
#include "compress/train/stop_signal.h"

namespace {

using compress::apps::Arguments;

constexpr int failure = 1;
constexpr int usage = 2;

constexpr const char* help = R"(compress-ext: pruning, quantization-aware training and distillation in one run

Usage:
  compress-ext train CONFIG [--set key.path=value ...] [--resume] [--dry-run]
  compress-ext evaluate RUN_OR_MODEL [--config CONFIG]
  compress-ext inspect RUN_OR_MODEL

Commands:
  train     train and compress what the YAML file describes; writes a run folder with model and report
  evaluate  accuracy of a finished run's model on its test data
  inspect   layers of a model: shape, sparsity, bits, bytes

`compress-ext COMMAND --help` tells more. Start with: compress-ext train configs/digits.yaml
)";

const std::map<std::string, int (*)(const Arguments&)> commands{
    {"train", compress::apps::train_command},
    {"evaluate", compress::apps::evaluate_command},
    {"inspect", compress::apps::inspect_command},
};

int run(const std::string& name, const Arguments& arguments) {
  const auto found = commands.find(name);
  if (found == commands.end()) {
    compress::fail<compress::UsageError>("unknown command '", name, "'",
                                         compress::did_you_mean(name, {"train", "evaluate", "inspect"}),
                                         "; see compress-ext --help");
  }
  return found->second(arguments);
}

int complain(const char* message, int code) {
  std::fprintf(stderr, "compress-ext: %s\n", message);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    std::cout << help;
    return argc > 1 ? 0 : usage;
  }
  if (name == "--version") {
    std::cout << "compress-ext " COMPRESS_VERSION "\n";
    return 0;
  }
  try {
    return run(name, Arguments(argv + 2, argv + argc));
  } catch (const compress::UsageError& error) {
    return complain(error.what(), usage);
  } catch (const compress::train::Interrupted& interrupted) {
    return complain(interrupted.what(), 128 + interrupted.signal());
  } catch (const c10::Error& error) {
    return complain(error.what_without_backtrace(), failure);
  } catch (const std::exception& error) {
    return complain(error.what(), failure);
  }
}
