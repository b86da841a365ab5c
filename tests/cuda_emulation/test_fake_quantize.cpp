#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <sstream>

#include "as_on_cpu.h"
#include "compress/ops/fake_quantize.h"

namespace compress {
namespace {

struct Case {
  std::vector<int64_t> sizes;
  std::vector<int64_t> scale_sizes;
  at::MemoryFormat memory_format = at::MemoryFormat::Contiguous;
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {{0, 4}, {1, 4}},      // empty
      {{3, 35}, {3, 5}},     // groups of 7
      {{3, 80}, {3, 5}},     // 16
      {{3, 96}, {3, 3}},     // 32
      {{2, 384}, {2, 3}},    // 128
      {{5, 300}, {1, 300}},  // columns
      {{70, 3}, {1, 3}},
      {{130, 257}, {1, 257}},
      {{2, 65, 5}, {2, 1, 5}},
      {{12, 20}, {3, 5}},            // 4 x 4 blocks
      {{64, 64}, {2, 4}},            // 32 x 16 blocks
      {{5, 3, 3, 3}, {5, 1, 1, 1}},  // output channels
      {{2, 5, 3, 4}, {1, 5, 1, 1}},  // channels
      {{1100, 2, 3}, {1, 2, 1}},     // as many sums of a scale as a block adds
      {{2, 5, 3, 4}, {1, 5, 1, 1}, at::MemoryFormat::ChannelsLast},
      {{2, 40, 7, 7}, {}, at::MemoryFormat::ChannelsLast},
      {{2, 9000}, {2, 1}},                   // several pieces of a row
      {{4200 * 1030 / 1030, 8}, {4200, 1}},  // more rows than a small grid has warps
  };
  for (const int64_t length : border_lengths()) {
    all.push_back({{length}, {}});
    all.push_back({{3, length}, {3, 1}});
  }
  return all;
}

std::string describe(const Case& of, at::ScalarType dtype, const char* more) {
  std::ostringstream words;
  words << dtype << " " << at::IntArrayRef(of.sizes) << " scale " << at::IntArrayRef(of.scale_sizes) << more;
  return words.str();
}

/// x or grad, scale, zero points that round to other than they are, or none, and a mask or none.
struct Variant {
  const char* name;
  bool has_zero_point;
  bool has_mask;
};
const std::vector<Variant> variants = {{"", false, false}, {" zero_point", true, false}, {" mask", true, true}};

Tensors operands(const Case& of, at::ScalarType dtype, const Variant& variant) {
  const at::Tensor scale = sample_scale(of.scale_sizes);
  const at::Tensor x = sample_with_extremes(of.sizes, dtype).contiguous(of.memory_format);
  return {x, scale,
          variant.has_zero_point ? at::linspace(-1.7, 2.3, std::max<int64_t>(scale.numel(), 1)).view(scale.sizes())
                                 : at::Tensor(),
          variant.has_mask ? sample_mask(of.sizes) : at::Tensor()};
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

TEST(FakeQuantize, ForwardOfEveryGranularity) {
  for (const Case& of : cases()) {
    for (const auto dtype : dtypes()) {
      for (const Variant& variant : variants) {
        const auto op = [](const Tensors& in) -> Tensors {
          return {fake_quantize(in[0], in[1], optional(in[2]), -8, 7, optional(in[3]))};
        };
        // ATen's CUDA kernel multiplies float64 by the scale in float, its CPU kernel in double.
        const Closeness closeness{dtype == at::kDouble ? 1e-6 : 0, 0};
        expect_as_on_cpu(describe(of, dtype, variant.name), op, operands(of, dtype, variant), {closeness});
      }
    }
  }
}

}  // namespace
}  // namespace compress
