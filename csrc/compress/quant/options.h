#pragma once

#include <cstdint>

#include "compress/core/format.h"
#include "compress/core/names.h"

namespace compress::quant {

/// How many elements share one scale.
///   tensor   all of them: scale is a scalar
///   channel  one output channel of a weight ([C,1,1,1]), one channel of an activation ([1,C,1,1])
///   group    `group_size` neighbours of a weight's row: [N, K / group_size] for [N, K]
enum class Granularity { tensor, channel, group };

/// Where the scale comes from.
///   observed  an observer's range, moved at every training step until observers freeze
///   learned   a parameter, trained by its gradient (LSQ, Esser et al. 2020), initialised from the first batch
enum class ScaleSource { observed, learned };

/// min_max         smallest and largest value ever seen (of a weight: of the weight as it is now)
/// moving_average  exponential average of each batch's range
/// percentile      exponential average of each batch's percentiles: outliers saturate instead of widening the grid
enum class ObserverType { min_max, moving_average, percentile };

struct QuantizerOptions {
  IntegerFormat format{8};
  Granularity granularity = Granularity::tensor;
  int64_t group_size = 0;  ///< elements, Granularity::group only; divides the row
  bool symmetric = true;   ///< zero_point 0 and the narrow grid (int8: -127..127); else the full grid
  ScaleSource scale = ScaleSource::observed;
  ObserverType observer = ObserverType::min_max;
  double averaging = 0.01;    ///< weight of the newest batch in an exponential average, (0, 1]
  double percentile = 99.99;  ///< upper percentile kept, (50, 100]; the lower one mirrors it

  int64_t quant_min() const { return format.quant_min(symmetric); }
  int64_t quant_max() const { return format.quant_max(); }
};

/// The defaults for weights: int8, symmetric, one scale per output channel, range of the weight as it is.
inline QuantizerOptions default_weight_options() {
  QuantizerOptions options;
  options.granularity = Granularity::channel;
  return options;
}

/// The defaults for activations: int8, asymmetric, one scale per tensor, moving average.
inline QuantizerOptions default_activation_options() {
  QuantizerOptions options;
  options.symmetric = false;
  options.observer = ObserverType::moving_average;
  return options;
}

}  // namespace compress::quant

namespace compress {

template <>
inline constexpr auto enum_names<quant::Granularity> = std::to_array<EnumName<quant::Granularity>>({
    {quant::Granularity::tensor, "tensor", "one scale"},
    {quant::Granularity::channel, "channel", "one scale per output channel of a weight, per channel of an activation"},
    {quant::Granularity::group, "group", "one scale per `group_size` neighbouring inputs of each output of a weight"},
});

template <>
inline constexpr auto enum_names<quant::ScaleSource> = std::to_array<EnumName<quant::ScaleSource>>({
    {quant::ScaleSource::observed, "observed", "from the observer's range"},
    {quant::ScaleSource::learned, "learned", "a parameter, trained with the weights (LSQ)"},
});

template <>
inline constexpr auto enum_names<quant::ObserverType> = std::to_array<EnumName<quant::ObserverType>>({
    {quant::ObserverType::min_max, "min_max", "smallest and largest value (of a weight: as it is now)"},
    {quant::ObserverType::moving_average, "moving_average", "average of each batch's range"},
    {quant::ObserverType::percentile, "percentile", "average of each batch's percentiles; outliers saturate"},
});

}  // namespace compress
