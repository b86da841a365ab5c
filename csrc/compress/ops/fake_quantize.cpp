#include "compress/ops/fake_quantize.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <type_traits>

#include "compress/core/block_geometry.h"
#include "compress/ops/math/fake_quantize.h"

namespace compress {
namespace {

// Elements a thread takes at least: below this, starting a thread costs more than it saves.
constexpr int64_t grain_elements = 32768;

BlockGeometry checked_geometry(const at::Tensor& x, const at::Tensor& scale) {
  const char* error = nullptr;
  const BlockGeometry geometry = make_block_geometry(x.sizes().data(), static_cast<int>(x.dim()), scale.sizes().data(),
                                                     static_cast<int>(scale.dim()), &error);
  TORCH_CHECK(error == nullptr, "fake_quantize: ", error, " (got scale ", scale.sizes(), " for x ", x.sizes(), ")");
  return geometry;
}

void check_arguments(const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                     int64_t quant_min, int64_t quant_max) {
  TORCH_CHECK(x.device().is_cpu() && scale.device().is_cpu(), "fake_quantize: only the CPU is supported (got x on ",
              x.device(), ", scale on ", scale.device(), ")");
  TORCH_CHECK(at::isFloatingType(x.scalar_type()), "fake_quantize: x must be floating (got ", x.scalar_type(), ")");
  TORCH_CHECK(scale.scalar_type() == at::kFloat, "fake_quantize: scale must be float32 (got ", scale.scalar_type(),
              ")");
  TORCH_CHECK(quant_min < quant_max, "fake_quantize: quant_min must be below quant_max (got ", quant_min, " and ",
              quant_max, ")");
  TORCH_CHECK(!c10::GradMode::is_enabled() || !(x.requires_grad() || scale.requires_grad()),
              "fake_quantize: no gradient yet; call it under no_grad or on detached tensors");
  if (zero_point) {
    TORCH_CHECK(zero_point->scalar_type() == at::kInt || zero_point->scalar_type() == at::kLong,
                "fake_quantize: zero_point must be int32 or int64 (got ", zero_point->scalar_type(), ")");
    TORCH_CHECK(zero_point->sizes() == scale.sizes(), "fake_quantize: zero_point must have scale's shape (got ",
                zero_point->sizes(), ", expected ", scale.sizes(), ")");
  }
}

struct Grids {
  const float* scale;
  const float* zero_point;  // null = 0
  float quant_min;
  float quant_max;

  math::AffineGrid operator[](int64_t i) const {
    return math::make_affine_grid(scale[i], zero_point ? zero_point[i] : 0.0f, quant_min, quant_max);
  }
};

// Elements begin..end in memory order; a thread may start and stop in the middle of a run.
template <typename Product, typename Scalar>
void quantize_range(const Scalar* x, Scalar* y, const BlockGeometry& geometry, const Grids& grids, int64_t begin,
                    int64_t end) {
  using Real = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  while (begin < end) {
    const int64_t segment = begin / geometry.segment_length;
    const int64_t run_end = std::min(end, (segment + 1) * geometry.segment_length);
    const int64_t first = geometry.first_scale(segment);
    if (geometry.scale_step == 0) {
      const math::AffineGrid grid = grids[first];
      for (int64_t i = begin; i < run_end; ++i) {
        y[i] = static_cast<Scalar>(math::fake_quantize<Product>(static_cast<Real>(x[i]), grid));
      }
    } else {
      const int64_t offset = first - segment * geometry.segment_length;
      for (int64_t i = begin; i < run_end; ++i) {
        y[i] = static_cast<Scalar>(math::fake_quantize<Product>(static_cast<Real>(x[i]), grids[offset + i]));
      }
    }
    begin = run_end;
  }
}

}  // namespace

at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& scale, const std::optional<at::Tensor>& zero_point,
                         int64_t quant_min, int64_t quant_max) {
  check_arguments(x, scale, zero_point, quant_min, quant_max);
  const BlockGeometry geometry = checked_geometry(x, scale);
  const at::Tensor input = x.contiguous();
  const at::Tensor scales = scale.contiguous();
  const at::Tensor zero_points = zero_point ? zero_point->to(at::kFloat).contiguous() : at::Tensor();
  at::Tensor output = at::empty_like(input);
  const Grids grids{scales.const_data_ptr<float>(),
                    zero_points.defined() ? zero_points.const_data_ptr<float>() : nullptr,
                    static_cast<float>(quant_min), static_cast<float>(quant_max)};
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, input.scalar_type(), "fake_quantize", [&] {
    const scalar_t* from = input.const_data_ptr<scalar_t>();
    scalar_t* to = output.mutable_data_ptr<scalar_t>();
    at::parallel_for(0, input.numel(), grain_elements, [&](int64_t begin, int64_t end) {
      if (std::is_same_v<scalar_t, double> && geometry.scale_count > 1) {
        quantize_range<double>(from, to, geometry, grids, begin, end);
      } else {
        quantize_range<float>(from, to, geometry, grids, begin, end);
      }
    });
  });
  return output;
}

}  // namespace compress
