#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "compress/ops/fake_quantize_multi.h"
#include "quantizer_cases.h"

namespace compress {
namespace {

/// Tensors of all cases in one call, of mixed types; more than one launch's table holds.
struct Model {
  std::vector<Tensors> parts = std::vector<Tensors>(5);  // grads, xs, scales, zero_points, masks

  explicit Model(const QuantizerVariant& variant, bool with_extremes) {
    for (const QuantizerCase& of : quantizer_cases()) {
      const at::ScalarType dtype = dtypes()[parts[0].size() % dtypes().size()];
      const Tensors quantizer = quantizer_operands(of, variant);
      const at::Tensor x = with_extremes ? sample_with_extremes(of.sizes, dtype) : sample(of.sizes, dtype);
      parts[0].push_back(sample(of.sizes, dtype).flip(0).contiguous(of.memory_format));
      parts[1].push_back(x.contiguous(of.memory_format));
      for (size_t i = 0; i < 3; ++i) {
        parts[i + 2].push_back(quantizer[i]);
      }
    }
  }

  size_t count() const { return parts[0].size(); }

  Tensors inputs() const {
    Tensors all;
    for (const Tensors& part : parts) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }
};

/// Part `which` of a model's inputs.
Tensors part(const Tensors& inputs, size_t which) {
  const auto count = static_cast<std::ptrdiff_t>(inputs.size() / 5);
  const auto begin = inputs.begin() + static_cast<std::ptrdiff_t>(which) * count;
  return {begin, begin + count};
}

/// An empty list where there are none.
Tensors zero_points(const Tensors& inputs) {
  const Tensors all = part(inputs, 3);
  return all[0].defined() ? all : Tensors();
}

c10::List<std::optional<at::Tensor>> masks(const Tensors& inputs) {
  c10::List<std::optional<at::Tensor>> all;
  for (const at::Tensor& mask : part(inputs, 4)) {
    all.push_back(if_defined(mask));
  }
  return all;
}

TEST(FakeQuantizeMulti, Forward) {
  for (const QuantizerVariant& variant : quantizer_variants()) {
    const Model model(variant, true);
    const auto op = [](const Tensors& in) -> Tensors {
      return fake_quantize_multi(part(in, 1), part(in, 2), zero_points(in), -8, 7, masks(in));
    };
    std::vector<Closeness> closeness;
    for (const at::Tensor& x : model.parts[1]) {
      closeness.push_back({x.scalar_type() == at::kDouble ? 1e-6 : 0, 0});  // see FakeQuantize.Forward
    }
    expect_as_on_cpu(variant.name, op, model.inputs(), closeness);
  }
}

TEST(FakeQuantizeMulti, Backward) {
  for (const QuantizerVariant& variant : quantizer_variants()) {
    const Model model(variant, false);
    const bool learns_zero_point = variant.zero_point == ZeroPoint::learned;
    const auto op = [&](const Tensors& in) -> Tensors {
      const auto [dxs, dscales, dzero_points] =
          fake_quantize_multi_backward(part(in, 0), part(in, 1), part(in, 2), zero_points(in), -8, 7, masks(in), {},
                                       {true, true, learns_zero_point});
      Tensors all = dxs;
      all.insert(all.end(), dscales.begin(), dscales.end());
      all.insert(all.end(), dzero_points.begin(), dzero_points.end());
      return all;
    };
    std::vector<Closeness> closeness(model.count());
    closeness.resize(3 * model.count(), {1e-5, 2e-3});  // see FakeQuantize.Backward
    expect_as_on_cpu(variant.name, op, model.inputs(), closeness);
  }
}

}  // namespace
}  // namespace compress
