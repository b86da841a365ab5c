#include <cstdio>
#include <filesystem>

#include "compress/config/config.h"
#include "compress/data/dataset.h"
#include "compress/job/model_file.h"
#include "compress/train/evaluate.h"
#include "compress/train/network_setup.h"
#include "compress/train/run_folder.h"
#include "parse.h"

namespace compress::apps {
namespace {

namespace fs = std::filesystem;

// The config of the run that a model file lies in: beside it, or one folder up for a baseline.
fs::path config_of(const fs::path& model) {
  for (fs::path folder = fs::weakly_canonical(fs::absolute(model)).parent_path(); folder != folder.parent_path();
       folder = folder.parent_path()) {
    if (fs::exists(train::RunFolder(folder).config())) {
      return train::RunFolder(folder).config();
    }
  }
  fail<UsageError>(model.string(), ": no config.yaml beside it says which data to test on; give --config");
}

}  // namespace

int evaluate_command(const Arguments& arguments) {
  cxxopts::Options options("compress-ext evaluate", "Accuracy of a finished run's model on its test data.");
  options.positional_help("RUN_OR_MODEL")
      .add_options()                                                                                      //
      ("path", "run folder or model.safetensors", cxxopts::value<std::string>())                          //
      ("config", "YAML file that names the data; default: the run's own", cxxopts::value<std::string>())  //
      ("h,help", "this text");
  options.parse_positional({"path"});
  const auto parsed = parse(options, arguments, "Prints one JSON object: accuracy, loss, images.\n");
  if (!parsed) {
    return 0;
  }
  check<UsageError>(parsed->count("path") == 1,
                    "evaluate needs one run folder or model file; see compress-ext evaluate --help");
  fs::path model = (*parsed)["path"].as<std::string>();
  if (fs::is_directory(model)) {
    const train::RunFolder folder(model);
    check(folder.finished(), model.string(), ": holds no model.safetensors; the run has not finished (--resume it)");
    model = folder.model();
  }
  const fs::path config =
      parsed->count("config") > 0 ? fs::path((*parsed)["config"].as<std::string>()) : config_of(model);
  const train::Experiment experiment = config::load_experiment(config);
  const at::Device device = train::choose_device(experiment.device);  // before any network, see network_setup.h
  const job::LoadedModel loaded = job::load_model(model);
  const data::Dataset test = data::load_dataset(experiment.data).test;
  loaded.network->to(device);
  const train::Evaluation evaluation = train::evaluate(*loaded.network, test, device, experiment.training.precision);
  std::printf("{\"accuracy\": %.6f, \"loss\": %.6f, \"images\": %lld}\n", evaluation.accuracy, evaluation.loss,
              static_cast<long long>(test.size()));
  return 0;
}

}  // namespace compress::apps
