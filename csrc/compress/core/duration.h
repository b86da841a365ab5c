#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace compress {

/// How long a run is, in the units durations are resolved with.
struct RunLength {
  int64_t total_steps = 0;      ///< optimizer steps of the whole run
  int64_t steps_per_epoch = 1;  ///< optimizer steps of one pass over the data
};

/// A point in a run or a span of it: `60%` of the run, `20e` epochs (fractions allowed), or a bare number of optimizer
/// steps.
struct Duration {
  enum class Unit { steps, epochs, percent };
  double value = 0;
  Unit unit = Unit::steps;

  static Duration steps(double value) { return {value, Unit::steps}; }
  static Duration epochs(double value) { return {value, Unit::epochs}; }
  static Duration percent(double value) { return {value, Unit::percent}; }

  /// In optimizer steps, rounded to the nearest and at most run.total_steps for a percentage.
  int64_t resolve(const RunLength& run) const;
  /// "60%", "20e", "300": what parse_duration reads back.
  std::string text() const;
  bool operator==(const Duration&) const = default;
};

/// Raises UsageError where `text` is none of the three forms, is negative, or is over 100 %.
Duration parse_duration(std::string_view text);

}  // namespace compress
