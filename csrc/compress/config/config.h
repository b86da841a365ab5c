#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compress/core/error.h"
#include "compress/train/options.h"

namespace compress::config {

/// An experiment from YAML text. `overrides` are `key.path=value` (see overrides.h). Every error is a UsageError of one
/// line: "configs/x.yaml:12: compression[0].prune.sparsty: unknown key; did you mean 'sparsity'? (allowed: ...)".
train::Experiment parse_experiment(const std::string& yaml_text, const std::string& file_name,
                                   const std::vector<std::string>& overrides = {});
train::Experiment load_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

/// Every key with its value; parse_experiment gives the same experiment back, and that one the same text.
std::string to_yaml(const train::Experiment& experiment);

/// A recipe alone: the list itself, a block with the key `compression`, or a whole experiment.
std::vector<recipe::MethodOptions> parse_recipe(const std::string& yaml_text, const std::string& name);
/// A block with the key `compression`.
std::string recipe_to_yaml(const std::vector<recipe::MethodOptions>& recipe);

/// A network's options alone, `{type: convnet, width: 24}` in one line: files carry it to rebuild the network.
models::ModelOptions parse_model(const std::string& yaml_text, const std::string& name);
std::string model_to_yaml(const models::ModelOptions& model);

}  // namespace compress::config
