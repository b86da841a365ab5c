#pragma once

#include <string>

namespace compress::config {

/// docs/config.md: every key with its type, default, range and meaning, written from the descriptions.
std::string config_reference_markdown();

}  // namespace compress::config
