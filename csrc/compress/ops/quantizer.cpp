#include "compress/ops/quantizer.h"

#include "compress/ops/granularity.h"
#include "compress/ops/packed_mask.h"

namespace compress {
namespace {

math::ZeroPoints::Type type_of(const at::Tensor& zero_point) {
  if (!zero_point.defined()) {
    return math::ZeroPoints::Type::none;
  }
  switch (zero_point.scalar_type()) {
    case at::kInt:
      return math::ZeroPoints::Type::int32;
    case at::kLong:
      return math::ZeroPoints::Type::int64;
    default:
      return math::ZeroPoints::Type::float32;
  }
}

}  // namespace

QuantizerTensors::QuantizerTensors(const MemoryOrder& order, at::IntArrayRef ordered_sizes, const at::Tensor& scale,
                                   const std::optional<at::Tensor>& zero_point, int64_t quant_min, int64_t quant_max)
    : scale(order.contiguous(scale)), zero_point(zero_point ? order.contiguous(*zero_point) : at::Tensor()) {
  kernel.geometry = block_geometry(ordered_sizes, this->scale.sizes());
  kernel.scale = this->scale.const_data_ptr<float>();
  kernel.zero_points = {type_of(this->zero_point),
                        this->zero_point.defined() ? this->zero_point.const_data_ptr() : nullptr};
  kernel.quant_min = static_cast<float>(quant_min);
  kernel.quant_max = static_cast<float>(quant_max);
}

math::PackedMask packed_mask(const at::Tensor& mask, at::IntArrayRef sizes) {
  if (!mask.defined()) {
    return {};
  }
  return {mask.const_data_ptr<uint8_t>(), make_mask_layout(sizes)};
}

}  // namespace compress
