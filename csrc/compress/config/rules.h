#pragma once

#include <limits>
#include <string>

namespace compress::config {

/// The numbers a key takes.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_included = true;
  bool high_included = true;

  bool contains(double value) const {
    return (low_included ? value >= low : value > low) && (high_included ? value <= high : value < high);
  }
  /// "[0, 1)", ">= 1", "> 0"; empty where every number is in it.
  std::string text() const;
};

inline Range at_least(double low) {
  return {.low = low};
}
inline Range above(double low) {
  return {.low = low, .low_included = false};
}
/// [low, high], [low, high), (low, high]
inline Range closed(double low, double high) {
  return {.low = low, .high = high};
}
inline Range right_open(double low, double high) {
  return {.low = low, .high = high, .high_included = false};
}
inline Range left_open(double low, double high) {
  return {.low = low, .high = high, .low_included = false};
}

/// A key that exists only beside certain values of another one, which must have been read before this is made.
struct Condition {
  bool holds = true;
  const char* text = "";  ///< "type: cubic"
};

/// What is asked of a key beyond its type.
struct Rules {
  Range range{};  ///< of a number, of a duration's number, of a list's numbers
  Condition when{};
  bool required = false;
};

}  // namespace compress::config
