#include "compress/core/duration.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "compress/core/error.h"

namespace compress {

int64_t Duration::resolve(const RunLength& run) const {
  switch (unit) {
    case Unit::epochs:
      return std::llround(value * static_cast<double>(run.steps_per_epoch));
    case Unit::percent:
      return std::min(run.total_steps, static_cast<int64_t>(std::llround(value / 100 * run.total_steps)));
    case Unit::steps:
      break;
  }
  return std::llround(value);
}

std::string Duration::text() const {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const char* suffix = unit == Unit::percent ? "%" : unit == Unit::epochs ? "e" : "";
  return std::string(buffer, end) + suffix;
}

Duration parse_duration(std::string_view text) {
  std::string_view digits = text;
  Duration::Unit unit = Duration::Unit::steps;
  if (!digits.empty() && (digits.back() == '%' || digits.back() == 'e')) {
    unit = digits.back() == '%' ? Duration::Unit::percent : Duration::Unit::epochs;
    digits.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool number = error == std::errc() && end == digits.data() + digits.size() && std::isfinite(value);
  check<UsageError>(number, "'", text, "' is not a duration; write 60% of the run, 20e epochs, or a number of steps");
  check<UsageError>(value >= 0, "a duration cannot be negative (got ", text, ")");
  check<UsageError>(unit != Duration::Unit::percent || value <= 100, "a duration is at most 100% (got ", text, ")");
  check<UsageError>(unit != Duration::Unit::steps || value == std::floor(value), "a number of steps is whole (got ",
                    text, "); write ", text, "e for epochs");
  return {value, unit};
}

}  // namespace compress
