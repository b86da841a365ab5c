#pragma once

#include <torch/nn.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/distill/tap.h"
#include "compress/nn/quantizer.h"

namespace compress::nn {

/// What every layer with a weight offers to the compression methods: slots for a packed mask, a weight quantizer and
/// an input quantizer, empty at first. An empty slot costs one branch and changes nothing.
///
/// Filled slots are registered on the layer under the names that checkpoints use: buffer `weight_mask`, children
/// `weight_quantizer` and `input_quantizer`.
class Compressible : public distill::Tappable {
 public:
  virtual ~Compressible() = default;

  virtual torch::nn::Module& module() = 0;
  /// "Linear", "Conv2d", ...: what recipes select by and tables show.
  virtual std::string_view layer_type() const = 0;
  virtual at::Tensor& weight_parameter() = 0;
  /// A size-1-everywhere-else shape of one scale per input channel; empty where the input cannot be quantized.
  virtual std::vector<int64_t> input_channel_sizes() const = 0;

  /// The weight that a deployed layer holds, before it is rounded: with batch norm folded in where that is quantized
  /// with it, and pruned elements zero. Its quantizer is `weight_quantizer`.
  virtual at::Tensor deployed_weight() const;
  /// The bias that a deployed layer adds; undefined where there is none.
  virtual at::Tensor deployed_bias() const = 0;
  /// Whether deployed_weight and deployed_bias hold a batch norm that follows the layer.
  virtual bool folds_batch_norm() const { return false; }
  /// Takes a deployed layer's weight and bias: from here on the layer computes with them as they are, and where they
  /// hold its batch norm (`batch_norm_folded`) forgets it. Raises Error for other shapes.
  virtual void load_deployed(const at::Tensor& weight, const at::Tensor& bias, bool batch_norm_folded) = 0;

  /// Fill a slot. Raises UsageError where it is filled already or does not fit.
  void add_weight_mask();
  void add_weight_quantizer(const quant::QuantizerOptions& options);
  void add_input_quantizer(const quant::QuantizerOptions& options);

  at::Tensor weight_mask;               ///< packed (see ops/pack_mask.h), 1 = kept; undefined while not pruned
  Quantizer weight_quantizer{nullptr};  ///< null while not quantized
  Quantizer input_quantizer{nullptr};

 protected:
  bool quantizes_weight() const { return !weight_quantizer.is_empty() && weight_quantizer->enabled; }
  std::optional<at::Tensor> optional_mask() const;
  /// `weight` through mask and quantizer, in one pass; `weight` itself where both slots are empty. A fold_factor is
  /// Quantizer::forward's, and asks for a quantizer.
  at::Tensor compressed_weight(const at::Tensor& weight, const std::optional<at::Tensor>& fold_factor = std::nullopt);
  at::Tensor compressed_input(const at::Tensor& input);
  const at::Tensor& weight_parameter() const { return const_cast<Compressible*>(this)->weight_parameter(); }
};

/// A layer and its dotted name in the network.
struct NamedLayer {
  std::string name;
  Compressible* layer;
};

/// Every compressible layer of a network, in the order of registration.
std::vector<NamedLayer> compressible_layers(torch::nn::Module& network);

}  // namespace compress::nn
