#include "compress/config/config.h"
#include "compress/core/freed_memory.h"
#include "compress/job/job.h"
#include "compress/train/stop_signal.h"
#include "parse.h"

namespace compress::apps {

int train_command(const Arguments& arguments) {
  cxxopts::Options options("compress-ext train", "Trains and compresses what a YAML file describes.");
  options.positional_help("CONFIG").add_options()                                 //
      ("config", "YAML file, see docs/config.md", cxxopts::value<std::string>())  //
      ("set", "key.path=value: overrides a key of the file; may be repeated",
       cxxopts::value<std::vector<std::string>>())                                //
      ("resume", "go on with the run in its folder, from the newest checkpoint")  //
      ("dry-run", "print the effective config and stop")                          //
      ("h,help", "this text");
  options.parse_positional({"config"});
  const auto parsed = parse(options, arguments, R"(Examples:
  compress-ext train configs/digits.yaml
  compress-ext train configs/digits.yaml --set name=digits_95 --set compression.0.prune.sparsity=0.95
  compress-ext train configs/digits.yaml --resume

The run folder is <output>/<name>. It ends with model.safetensors, report.json and report.md.
SIGTERM and SIGINT finish the step, write a checkpoint and exit with 128 + signal; go on with --resume.
)");
  if (!parsed) {
    return 0;
  }
  check<UsageError>(parsed->count("config") == 1, "train needs one CONFIG file; see compress-ext train --help");
  const auto overrides =
      parsed->count("set") > 0 ? (*parsed)["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
  const train::Experiment experiment = config::load_experiment((*parsed)["config"].as<std::string>(), overrides);
  if (parsed->count("dry-run") > 0) {
    std::cout << config::to_yaml(experiment);
    return 0;
  }
  train::install_stop_handlers();
  keep_freed_memory();
  job::run_experiment(experiment, parsed->count("resume") > 0);
  return 0;
}

}  // namespace compress::apps
