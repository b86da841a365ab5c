#pragma once

#include <string>
#include <vector>

namespace compress::apps {

/// Arguments after the command's name.
using Arguments = std::vector<std::string>;

/// Each command parses its arguments and returns the process's exit code: 0 done, 1 failure, 2 usage, 128 + signal.
/// Errors are thrown (compress::UsageError, compress::Error) and printed by main.
int train_command(const Arguments& arguments);
int evaluate_command(const Arguments& arguments);
int inspect_command(const Arguments& arguments);

}  // namespace compress::apps
