#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "compress/core/format.h"
#include "compress/export/element_coding.h"

namespace compress {

/// An integer grid with its scales: value = (integer - zero_point) * scale.
struct PackedGrid {
  IntegerFormat format{8};
  bool symmetric = true;  ///< zero_point 0 and the narrow grid (int8: -127..127)
  at::Tensor scale;       ///< float32; its shape is the granularity
  at::Tensor zero_point;  ///< int32 of scale's shape, on the grid; undefined where symmetric
};

/// A layer as it is deployed: what one `<layer>.packed` tensor holds. All tensors on the CPU.
struct PackedLayer {
  std::optional<PackedGrid> weight_grid;  ///< none: float32 elements
  at::Tensor elements;                    ///< int8 on weight_grid, or float32; of the weight's shape
  at::Tensor bias;                        ///< float32, one per row of the weight; undefined where there is none
  bool batch_norm_folded = false;         ///< weight and bias hold the batch norm that followed the layer
  std::optional<PackedGrid> input_grid;   ///< the layer quantizes its input on this grid
  Coding coding = Coding::dense;          ///< how the stream holds the elements (set by both directions)
};

/// The float32 weight that the layer computes with.
at::Tensor weight_of(const PackedLayer& layer);

/// The stream of docs/packed_format.md, uint8 [bytes]. Raises Error for what a reader would refuse.
at::Tensor encode_layer(PackedLayer& layer);

/// Reads the stream back. Raises a one-line Error without file and layer, which the caller puts before it.
PackedLayer decode_layer(const at::Tensor& stream);

}  // namespace compress
