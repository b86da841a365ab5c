#pragma once

#include <string>
#include <vector>

#include "compress/nn/compressible.h"
#include "compress/recipe/method.h"

namespace compress::recipe {

/// Which layers a method works on. A pattern is a layer's name (`head`), the name of a module that holds layers
/// (`block1`), a pattern with * and ? (`block*.conv`), or a layer type (`Conv2d`).
struct Selection {
  std::vector<nn::NamedLayer> layers;
  std::vector<PlanRow> left_out;
};

/// Layers that some `include` pattern matches (all where there is none) and no `exclude` pattern does. Raises
/// UsageError for a pattern that matches nothing, with the nearest names, and where nothing is left.
Selection select_layers(const std::vector<nn::NamedLayer>& layers, const std::vector<std::string>& include,
                        const std::vector<std::string>& exclude, std::string_view method);

}  // namespace compress::recipe
