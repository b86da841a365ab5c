#pragma once

#include <string>

#include "compress/config/node.h"

namespace compress::config {

/// Raises UsageError for a syntax error, a key given twice, more than one document or nesting without end; `source`
/// names the text in messages and origins, which end with the line where `with_lines`.
Node parse_yaml(const std::string& text, const std::string& source, bool with_lines = true);

/// Blocks on lines of their own; lists of scalars and empty ones in brackets.
std::string emit_yaml(const Node& node);

/// All in one line.
std::string emit_yaml_line(const Node& node);

}  // namespace compress::config
