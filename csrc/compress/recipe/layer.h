#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "compress/quant/options.h"

namespace compress::recipe {

/// A quantizer in a layer's slot, as a method sees it.
class QuantizerSlot {
 public:
  virtual ~QuantizerSlot() = default;
  /// enabled: it quantizes; observing: its range still moves.
  virtual void set_phase(bool enabled, bool observing) = 0;
  /// Whether a learned scale has its first value.
  virtual void set_initialized(bool initialized) = 0;
  virtual at::Tensor scale() const = 0;
};

/// A layer with slots, as a method sees it. A layer of the C++ library and a Python module have the same face, so that
/// every method is written once. Tensors are asked for when they are needed: a module that moves to another device or
/// is sharded has other ones afterwards.
class Layer {
 public:
  virtual ~Layer() = default;

  /// Dotted name in the network.
  virtual const std::string& name() const = 0;
  /// "Linear", "Conv2d", ...: what recipes select by and tables show.
  virtual std::string type() const = 0;
  /// The name of an earlier layer that has the very same weight; empty where there is none.
  virtual std::string tied_to() const { return ""; }

  /// The whole weight; of a sharded one a gathered copy, which every process must ask for.
  virtual at::Tensor weight() const = 0;
  /// The whole packed mask; undefined while the slot is empty.
  virtual at::Tensor weight_mask() const = 0;
  /// What this process holds of them: rows of a sharded weight, else all.
  virtual at::Tensor weight_part() const { return weight(); }
  virtual at::Tensor weight_mask_part() const { return weight_mask(); }

  /// Fill a slot. Raise UsageError where it is filled already or does not fit.
  virtual void add_weight_mask() = 0;
  virtual std::unique_ptr<QuantizerSlot> add_weight_quantizer(const quant::QuantizerOptions& options) = 0;
  /// Null where the input cannot be quantized (the ids of an embedding).
  virtual std::unique_ptr<QuantizerSlot> add_input_quantizer(const quant::QuantizerOptions& options) = 0;
};

using Layers = std::vector<std::shared_ptr<Layer>>;

/// A layer that no method works on.
struct OtherLayer {
  std::string name;
  std::string type;
  std::string reason;
};

}  // namespace compress::recipe
