#include "compress/train/checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/models/weights.h"

namespace compress::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* generator_name = "generator.cpu";
constexpr int64_t state_version = 1;

std::string folder_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step_%08lld", static_cast<long long>(step));
  return name;
}

std::string state_text(const TrainingState& state) {
  Json json{{"version", state_version},
            {"step", state.step},
            {"total_steps", state.run.total_steps},
            {"steps_per_epoch", state.run.steps_per_epoch}};
  if (state.best_accuracy) {
    json["best_accuracy"] = *state.best_accuracy;
  }
  return json.dump(2) + "\n";
}

TrainingState parse_state(const fs::path& path, const RunLength& run) {
  std::ifstream stream(path);
  check(stream.good(), path.string(), ": cannot be read");
  const Json json = Json::parse(stream, nullptr, /*allow_exceptions=*/false);
  check(json.is_object() && json.contains("step") && json["step"].is_number_integer(), path.string(),
        ": is damaged: it holds no step");
  TrainingState state;
  state.run = run;
  state.step = json["step"];
  check(json.value("version", int64_t{0}) == state_version, path.string(), ": has version ",
        json.value("version", int64_t{0}), ", this program reads ", state_version);
  const int64_t total = json.value("total_steps", run.total_steps);
  const int64_t per_epoch = json.value("steps_per_epoch", run.steps_per_epoch);
  check<UsageError>(total == run.total_steps && per_epoch == run.steps_per_epoch, path.string(),
                    ": was written by a run of ", total, " steps (", per_epoch, " an epoch), this one has ",
                    run.total_steps, " (", run.steps_per_epoch, "); resume with the config in the run folder");
  if (json.contains("best_accuracy")) {
    state.best_accuracy = json["best_accuracy"].get<double>();
  }
  return state;
}

NamedTensors training_tensors(const Resumable& what) {
  NamedTensors tensors = what.optimizer.state();
  for (auto& [name, tensor] : what.compressor.tensors()) {
    tensors.emplace_back("recipe." + name, tensor);
  }
  tensors.emplace_back(generator_name, at::detail::getDefaultCPUGenerator().get_state());
  return tensors;
}

void load_training_tensors(const fs::path& path, const NamedTensors& tensors, const Resumable& what) {
  NamedTensors optimizer;
  std::map<std::string, at::Tensor> recipe;
  for (const auto& [name, tensor] : tensors) {
    if (name == generator_name) {
      at::Generator generator = at::detail::getDefaultCPUGenerator();
      generator.set_state(tensor);
    } else if (name.starts_with("recipe.")) {
      recipe.emplace(name.substr(sizeof "recipe." - 1), tensor);
    } else {
      optimizer.emplace_back(name, tensor);
    }
  }
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : what.compressor.tensors()) {
    const auto found = recipe.find(name);
    check(found != recipe.end() && found->second.sizes() == tensor.sizes(), path.string(), ": '", name,
          "' is missing or of another shape; the checkpoint belongs to another recipe");
    tensor.copy_(found->second);
  }
  what.optimizer.load_state(optimizer);
}

void remove_old(const fs::path& checkpoints, int64_t keep, const fs::path& newest) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with("step_") && !name.ends_with(".tmp")) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  // Later steps than the newest are what a run left that was later resumed from an earlier step.
  const auto stale = std::upper_bound(folders.begin(), folders.end(), newest);
  std::for_each(stale, folders.end(), [](const fs::path& folder) { fs::remove_all(folder); });
  folders.erase(stale, folders.end());
  for (size_t i = 0; i + static_cast<size_t>(std::max<int64_t>(1, keep)) < folders.size(); ++i) {
    fs::remove_all(folders[i]);
  }
}

}  // namespace

fs::path save_checkpoint(const RunFolder& run, const Resumable& what, int64_t keep) {
  return save_checkpoint(run, {models::state_dict(what.network), training_tensors(what)}, what.state, keep);
}

fs::path save_checkpoint(const RunFolder& run, const CheckpointTensors& tensors, const TrainingState& state,
                         int64_t keep) {
  const fs::path folder = run.checkpoints() / folder_name(state.step);
  fs::path aside = folder;
  aside += ".tmp";
  fs::remove_all(aside);
  fs::create_directories(aside);
  save_safetensors(aside / "model.safetensors", tensors.network);
  save_safetensors(aside / "optimizer.safetensors", tensors.training);
  write_text_atomically(aside / "state.json", state_text(state));
  sync(aside);
  fs::remove_all(folder);  // the same step again: a run that resumed and was stopped at once
  fs::rename(aside, folder);
  write_text_atomically(run.checkpoints() / "latest", folder.filename().string() + "\n");
  sync(run.checkpoints());
  remove_old(run.checkpoints(), keep, folder);
  return folder;
}

void load_checkpoint(const fs::path& folder, const Resumable& what) {
  const TrainingState state = parse_state(folder / "state.json", what.state.run);
  const fs::path model = folder / "model.safetensors";
  const fs::path training = folder / "optimizer.safetensors";
  const SafetensorsFile network = load_safetensors(model);
  const SafetensorsFile rest = load_safetensors(training);
  models::load_state_dict(what.network, network.tensors, model.string());
  load_training_tensors(training, rest.tensors, what);
  what.state = state;
  what.compressor.resume(state.step);
}

}  // namespace compress::train
