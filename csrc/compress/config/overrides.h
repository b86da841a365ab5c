#pragma once

#include <string>

#include "compress/config/node.h"

namespace compress::config {

/// Applies one `key.path=value` (the value is YAML) to a document. List items go by index, `compression.0.prune.scope`,
/// or by the key of a list of single-key blocks, `compression.prune.scope`. Keys that the document lacks are added; an
/// unknown one is found by whoever reads the document. Raises UsageError for a path that leads nowhere.
void apply_override(Node& document, const std::string& assignment);

}  // namespace compress::config
