#include "quantizer_cases.h"

#include <ATen/ATen.h>
#include <c10/util/accumulate.h>

#include <sstream>

namespace compress {

int64_t QuantizerCase::elements_per_scale() const {
  const int64_t scales = c10::multiply_integers(scale_sizes);
  return scales == 0 ? 0 : c10::multiply_integers(sizes) / scales;
}

const std::vector<QuantizerCase>& quantizer_cases() {
  static const std::vector<QuantizerCase> all = [] {
    std::vector<QuantizerCase> cases = {
        {{0, 4}, {1, 4}},                // empty
        {{3, 35}, {3, 5}},               // groups of 7
        {{3, 80}, {3, 5}},               // groups of 16
        {{3, 96}, {3, 3}},               // groups of 32
        {{2, 384}, {2, 3}},              // groups of 128
        {{5, 300}, {1, 300}},            // columns, more than a piece has
        {{70, 3}, {1, 3}},               // rows, more than a piece has
        {{130, 257}, {1, 257}},          // both
        {{2, 65, 5}, {2, 1, 5}},         // columns of each group
        {{70, 520}, {1, 520}},           // columns in 16-byte accesses, more than a tile is wide
        {{3, 64}, {1, 64}},              // fewer rows than a tile has
        {{2, 3, 5, 24}, {1, 3, 1, 24}},  // rows of a group that are not evenly spaced
        {{3, 40, 16}, {3, 1, 16}},       // columns of each group in 16-byte accesses
        {{4, 99}, {4, 11}},              // groups of 9: a group ends within an access
        {{3, 7}, {3, 7}},                // a scale for each element
        {{12, 20}, {3, 5}},              // 4 x 4 blocks
        {{64, 64}, {2, 4}},              // 32 x 16 blocks
        {{5, 37}, {}},                   // one run over rows whose masks are padded
        {{5, 3, 3, 3}, {5, 1, 1, 1}},    // output channels
        {{2, 5, 3, 4}, {1, 5, 1, 1}},    // channels
        {{2, 5, 3, 4}, {1, 5, 1, 1}, at::MemoryFormat::ChannelsLast},
        {{2, 40, 7, 7}, {}, at::MemoryFormat::ChannelsLast},
        {{2, 9000}, {2, 1}},  // several pieces of a row
        {{70, 8}, {70, 1}},   // more rows than a thin grid has warps
    };
    for (const int64_t length : border_lengths()) {
      cases.push_back({{length}, {}});
      cases.push_back({{3, length}, {3, 1}});
    }
    return cases;
  }();
  return all;
}

const std::vector<QuantizerVariant>& quantizer_variants() {
  static const std::vector<QuantizerVariant> all = {
      {"", ZeroPoint::none, false},
      {"zero_point", ZeroPoint::integer, false},
      {"learned zero_point, mask", ZeroPoint::learned, true},
  };
  return all;
}

std::string describe(const QuantizerCase& of, at::ScalarType dtype, const QuantizerVariant& variant) {
  std::ostringstream words;
  words << dtype << " " << at::IntArrayRef(of.sizes) << " scale " << at::IntArrayRef(of.scale_sizes)
        << (of.memory_format == at::MemoryFormat::ChannelsLast ? " channels last " : " ") << variant.name;
  return words.str();
}

Tensors quantizer_operands(const QuantizerCase& of, const QuantizerVariant& variant) {
  const at::Tensor scale = sample_scale(of.scale_sizes);
  at::Tensor zero_point;
  if (variant.zero_point != ZeroPoint::none) {
    // Within and beyond the grid, to which they are clamped; learned ones are rounded.
    zero_point = at::linspace(-9.3, 8.4, scale.numel()).view(scale.sizes());
    if (variant.zero_point == ZeroPoint::integer) {
      zero_point = zero_point.to(at::kInt);
    }
  }
  return {scale, zero_point, variant.has_mask ? sample_mask(of.sizes) : at::Tensor()};
}

std::optional<at::Tensor> if_defined(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace compress
