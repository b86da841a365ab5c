#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "compress/core/names.h"

namespace compress::models {

/// Fully connected: flatten, then hidden layers with ReLU, then `head`.
struct MlpOptions {
  std::vector<int64_t> hidden{300, 100};  ///< width of each hidden layer
};

/// Three 3x3 convolutions of width / 2, width and width channels (bias, batch norm, ReLU; 2x2 max pooling after the
/// second), averaged to 2x2, then `head`. Width 64 has 58,634 parameters on 8x8 digits, width 24 has 9,034.
struct ConvnetOptions {
  int64_t width = 24;  ///< even
};

/// He et al. 2016. Depth 20, 32, 56: the CIFAR networks (3x3 stem, three stages of 16, 32, 64 channels); depth 18, 50:
/// the ImageNet ones (7x7 stem, four stages).
struct ResnetOptions {
  int64_t depth = 20;
};

/// What a network is, without what the data decides (input channels, classes).
using ModelOptions = std::variant<ConvnetOptions, MlpOptions, ResnetOptions>;

/// What the data decides.
struct InputShape {
  int64_t channels = 1;
  int64_t height = 8;
  int64_t width = 8;
  int64_t classes = 10;
};

}  // namespace compress::models

namespace compress {

template <>
inline constexpr TypeName type_name<models::ConvnetOptions>{
    "convnet", "Three 3x3 convolutions of width / 2, width and width channels, then `head`."};

template <>
inline constexpr TypeName type_name<models::MlpOptions>{"mlp", "Fully connected layers with ReLU, then `head`."};

template <>
inline constexpr TypeName type_name<models::ResnetOptions>{"resnet", "Residual network (He et al. 2016)."};

}  // namespace compress
