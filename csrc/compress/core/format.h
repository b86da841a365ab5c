#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace compress {

/// An integer grid. `quant_min` and `quant_max` are inclusive; symmetric weight grids are narrow
/// (int8: -127..127), so that -x is on the grid wherever x is.
struct IntegerFormat {
  int bits = 8;

  int64_t quant_min(bool narrow) const { return -(int64_t{1} << (bits - 1)) + (narrow ? 1 : 0); }
  int64_t quant_max() const { return (int64_t{1} << (bits - 1)) - 1; }
  std::string name() const { return "int" + std::to_string(bits); }
  bool operator==(const IntegerFormat&) const = default;
};

inline constexpr int min_integer_bits = 2;
inline constexpr int max_integer_bits = 8;

/// "int2" ... "int8"; nothing for any other name.
inline std::optional<IntegerFormat> parse_integer_format(std::string_view name) {
  if (name.size() == 4 && name.substr(0, 3) == "int") {
    const int bits = name[3] - '0';
    if (bits >= min_integer_bits && bits <= max_integer_bits) {
      return IntegerFormat{bits};
    }
  }
  return std::nullopt;
}

}  // namespace compress
