#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "compress/ops/fake_quantize_clip_mask.h"
#include "quantizer_cases.h"

namespace compress {
namespace {

TEST(FakeQuantizeClipMask, Forward) {
  for (const QuantizerCase& of : quantizer_cases()) {
    for (const auto dtype : dtypes()) {
      for (const QuantizerVariant& variant : quantizer_variants()) {
        const Tensors quantizer = quantizer_operands(of, variant);
        const at::Tensor x = sample_with_extremes(of.sizes, dtype).contiguous(of.memory_format);
        const auto op = [](const Tensors& in) -> Tensors {
          const auto [y, clip_mask] =
              fake_quantize_clip_mask(in[0], in[1], if_defined(in[2]), -8, 7, if_defined(in[3]));
          return {y, clip_mask};
        };
        // See FakeQuantize.Forward.
        const Closeness closeness{dtype == at::kDouble ? 1e-6 : 0, 0};
        expect_as_on_cpu(describe(of, dtype, variant), op, {x, quantizer[0], quantizer[1], quantizer[2]},
                         {closeness, {}});
      }
    }
  }
}

}  // namespace
}  // namespace compress
