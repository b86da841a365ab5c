#include "compress/models/weights.h"

#include <fstream>
#include <map>
#include <set>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::models {
namespace {

namespace fs = std::filesystem;

constexpr size_t names_in_message = 3;

std::string list_names(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < names_in_message; ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  return names.size() > names_in_message ? text + " and " + std::to_string(names.size() - names_in_message) + " more"
                                         : text;
}

// The one place where a scale's values are looked at: operators never wait for a device to do so.
void check_scales(const std::map<std::string, at::Tensor>& tensors, const std::string& source) {
  for (const auto& [name, tensor] : tensors) {
    const bool positive = !name.ends_with("_quantizer.scale") || tensor.gt(0).all().item<bool>();
    check(positive, source, ": '", name, "' holds a scale that is not positive; the file is damaged");
  }
}

}  // namespace

NamedTensors state_dict(const torch::nn::Module& network) {
  NamedTensors result;
  for (const auto& item : network.named_parameters()) {
    result.emplace_back(item.key(), item.value());
  }
  for (const auto& item : network.named_buffers()) {
    result.emplace_back(item.key(), item.value());
  }
  return result;
}

void load_state_dict(torch::nn::Module& network, const NamedTensors& tensors, const std::string& source) {
  std::map<std::string, at::Tensor> given(tensors.begin(), tensors.end());
  const NamedTensors own = state_dict(network);
  std::vector<std::string> own_names, missing, unknown;
  for (const auto& [name, tensor] : own) {
    own_names.push_back(name);
    const auto found = given.find(name);
    if (found == given.end()) {
      missing.push_back(name);
      continue;
    }
    check(found->second.sizes() == tensor.sizes(), source, ": tensor '", name, "' has shape ", found->second.sizes(),
          ", the model's has ", tensor.sizes(), "; the file belongs to a model of other options");
  }
  const std::set<std::string> known(own_names.begin(), own_names.end());
  for (const auto& [name, tensor] : tensors) {
    if (!known.contains(name)) {
      unknown.push_back(name);
    }
  }
  check(missing.empty(), source, ": misses ", list_names(missing), "; it belongs to another model or recipe");
  check(unknown.empty(), source, ": holds ", list_names(unknown), ", which the model does not have",
        unknown.empty() ? "" : did_you_mean(unknown.front(), own_names), "; it belongs to another model or recipe");
  check_scales(given, source);
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) {
    at::Tensor target = tensor;
    target.copy_(given.at(name));
  }
}

fs::path find_weights(const fs::path& path) {
  if (fs::is_regular_file(path)) {
    return path;
  }
  check(fs::is_directory(path), path.string(), ": there is no such file or folder");
  std::ifstream latest(path / "checkpoints" / "latest");
  std::string newest;
  if (latest && std::getline(latest, newest)) {
    const fs::path weights = path / "checkpoints" / newest / "model.safetensors";
    check(fs::is_regular_file(weights), path.string(), ": checkpoints/latest names '", newest,
          "', which holds no model.safetensors");
    return weights;
  }
  const fs::path weights = path / "model.safetensors";
  check(fs::is_regular_file(weights), path.string(),
        ": holds neither checkpoints/latest nor model.safetensors; it is no run or checkpoint folder");
  return weights;
}

}  // namespace compress::models
