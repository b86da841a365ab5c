#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "compress/quant/options.h"

namespace compress::quant {

/// What is quantized: it decides the shape of the scale and what an observer remembers.
enum class Role {
  weight,      ///< channels in dimension 0; min_max looks at the weight as it is now
  activation,  ///< channels in dimension 1 (the last one of a matrix); min_max remembers every batch
};

/// The tensors of one quantizer, under the names they have in a checkpoint. All live on one device; an engine call
/// changes them in place, so whoever holds them (a module's parameters and buffers) sees the change.
struct QuantizerState {
  at::Tensor scale;       ///< float32; a parameter where learned
  at::Tensor zero_point;  ///< int32; float32 where learned; of scale's shape. Undefined where symmetric
  at::Tensor min, max;    ///< float32, the observed range; +inf and -inf before the first observation
};

/// The scale's sizes for an x of `sizes` (rank as in fake_quantize: the granularity is the shape).
/// `group_size` counts neighbours along dimension 1 of a weight: input features, input channels (whole kernels).
/// Raises UsageError where the granularity does not fit x.
std::vector<int64_t> scale_sizes(const QuantizerOptions& options, Role role, at::IntArrayRef sizes);

/// A state before any observation: scale 1, zero_point 0, an empty range.
QuantizerState make_state(const QuantizerOptions& options, at::IntArrayRef scale_sizes, const at::Device& device);

/// What observe_qparams_ is told of an observer (see there).
struct Observation {
  double averaging;
  /// The min_max observer of a weight forgets: a range that only grows would keep the scale of the first, wild steps.
  bool forget;
  double percentile;
};
Observation observation(const QuantizerOptions& options, Role role);

/// Takes the range of x into the state, and the scale and zero_point from the range; no host synchronisation.
/// fold_factor: see observe_qparams_.
void observe_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x,
              const std::optional<at::Tensor>& fold_factor = std::nullopt);

/// First values of a learned scale from the first x it meets. Symmetric: 2 * mean|x| / sqrt(quant_max) (Esser et al.
/// 2020, section 2.1); asymmetric: the range of x (LSQ+, Bhalgat et al. 2020, section 3.2). The mean over a weight
/// leaves zeros out: with nine of ten weights pruned they would make the grid a tenth of what the kept ones need.
void initialize_learned_(QuantizerState& state, const QuantizerOptions& options, Role role, const at::Tensor& x);

/// lsq_gradient_factor of x's quantizer.
double gradient_factor(const QuantizerOptions& options, const at::Tensor& x, const at::Tensor& scale);

/// Keeps a learned scale positive after an optimizer step (float32's epsilon at least).
void keep_positive_(const std::vector<at::Tensor>& scales);

/// fake_quantize of x on the state's grid, with the packed mask of a pruned weight where there is one. With a
/// fold_factor fake_quantize_folded.
at::Tensor apply(const QuantizerState& state, const QuantizerOptions& options, const at::Tensor& x,
                 const std::optional<at::Tensor>& mask = std::nullopt,
                 const std::optional<at::Tensor>& fold_factor = std::nullopt);

/// The integers of x on the state's grid, int8: what an export stores. dequantize(integers) == apply(x), bit for bit.
at::Tensor quantize(const QuantizerState& state, const QuantizerOptions& options, const at::Tensor& x);
at::Tensor dequantize(const at::Tensor& integers, const at::Tensor& scale, const at::Tensor& zero_point);

}  // namespace compress::quant
