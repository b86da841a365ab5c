#pragma once

#include <set>
#include <string>
#include <vector>

#include "compress/recipe/method.h"

namespace compress::recipe {

/// Which layers a method works on. A pattern is a layer's name (`head`), the name of a module that holds layers
/// (`block1`), a pattern with * and ? (`block*.conv`), or a layer type (`Conv2d`).
struct Selection {
  Layers layers;
  std::vector<PlanRow> left_out;
  std::set<std::string> excluded;  ///< names that an `exclude` pattern matches
};

/// Layers that some `include` pattern matches (all where there is none) and no `exclude` pattern does. Raises
/// UsageError for a pattern that matches nothing, with the nearest names, for one that includes only layers without
/// slots, with the reason, and where nothing is left.
Selection select_layers(const Attachment& attachment, const std::vector<std::string>& include,
                        const std::vector<std::string>& exclude, std::string_view method);

}  // namespace compress::recipe
