#include "compress/export/text_format.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace compress {
namespace {

std::vector<size_t> column_widths(const std::vector<TableRow>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const TableRow& row : rows) {
    for (size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], row[column].size());
    }
  }
  return widths;
}

std::string padded(const std::string& text, size_t width, bool left) {
  const std::string padding(width - text.size(), ' ');
  return left ? text + padding : padding + text;
}

}  // namespace

std::string with_thousands(int64_t value) {
  std::string digits = std::to_string(value);
  const int64_t first = value < 0 ? 1 : 0;
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > first; i -= 3) {
    digits.insert(i, ",");
  }
  return digits;
}

std::string fixed(double value, int digits) {
  std::ostringstream stream;
  stream << std::fixed << std::setprecision(digits) << value;
  return stream.str();
}

std::string percent(double fraction, int digits) {
  return fixed(100 * fraction, digits) + " %";
}

std::string aligned_table(const std::vector<TableRow>& rows, size_t left) {
  const std::vector<size_t> widths = column_widths(rows);
  std::string text;
  for (const TableRow& row : rows) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
      line += (column == 0 ? "" : "  ") + padded(row[column], widths[column], column < left);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string markdown_table(const std::vector<TableRow>& rows, size_t left) {
  const std::vector<size_t> widths = column_widths(rows);
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t column = 0; column < rows[i].size(); ++column) {
      text += (column == 0 ? "| " : " | ") + padded(rows[i][column], widths[column], column < left);
    }
    text += " |\n";
    if (i == 0) {
      for (size_t column = 0; column < widths.size(); ++column) {
        text += (column < left ? "|:" : "|-") + std::string(widths[column], '-') + (column < left ? "-" : ":");
      }
      text += "|\n";
    }
  }
  return text;
}

}  // namespace compress
