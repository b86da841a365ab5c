#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace compress {

/// 35912 -> "35,912".
std::string with_thousands(int64_t value);

/// fixed(0.12345, 2) -> "0.12".
std::string fixed(double value, int digits);

/// 0.9889 -> "98.89 %".
std::string percent(double fraction, int digits = 2);

using TableRow = std::vector<std::string>;

/// Rows of equal length, the first one the heading. Columns whose name is in the first `left` columns are aligned to
/// the left, the others to the right.
std::string aligned_table(const std::vector<TableRow>& rows, size_t left);

/// The same as a Markdown table.
std::string markdown_table(const std::vector<TableRow>& rows, size_t left);

}  // namespace compress
