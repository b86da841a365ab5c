#include "compress/ops/quantizer.h"

#include <ATen/ops/empty.h>

#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/packed_mask.h"

namespace compress {

math::ZeroPoints::Type zero_point_type(const at::Tensor& zero_point) {
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

QuantizerTensors::QuantizerTensors(const at::Tensor& empty_like_x, const at::Tensor& x, const at::Tensor& scale,
                                   const OptionalTensor& zero_point, int64_t quant_min, int64_t quant_max,
                                   const OptionalTensor& mask)
    : order(mask ? MemoryOrder() : MemoryOrder(empty_like_x)),
      x(order.contiguous(x)),
      scale(order.contiguous(scale)),
      zero_point(zero_point ? order.contiguous(*zero_point) : at::Tensor()),
      mask(contiguous_or_undefined(mask)) {
  kernel.quantizer.geometry = block_geometry(this->x.sizes(), this->scale.sizes());
  kernel.quantizer.scale = this->scale.const_data_ptr<float>();
  kernel.quantizer.zero_points = {zero_point_type(this->zero_point),
                                  this->zero_point.defined() ? this->zero_point.const_data_ptr() : nullptr};
  kernel.quantizer.quant_min = static_cast<float>(quant_min);
  kernel.quantizer.quant_max = static_cast<float>(quant_max);
  if (this->mask.defined()) {
    kernel.mask = {this->mask.const_data_ptr<uint8_t>(), make_mask_layout(this->x.sizes())};
  }
  kernel.format = float_format(x.scalar_type());
  kernel.x = this->x.const_data_ptr();
}

QuantizerGradients::QuantizerGradients(const at::Tensor& empty_like_x, const at::Tensor& scale,
                                       std::array<bool, 3> output_mask) {
  if (output_mask[0]) {
    outputs_[0] = empty_like_x;
  }
  for (const size_t i : {1, 2}) {
    if (output_mask[i]) {
      outputs_[i] = at::empty(scale.sizes(), scale.options());
    }
  }
}

void QuantizerGradients::zero_sums() const {
  for (const size_t i : {1, 2}) {
    if (outputs_[i].defined()) {
      outputs_[i].zero_();
    }
  }
}

std::array<at::Tensor, 3> QuantizerGradients::writable(const MemoryOrder& order) const {
  std::array<at::Tensor, 3> written;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    written[i] = outputs_[i].defined() ? order.writable(outputs_[i]) : at::Tensor();
  }
  return written;
}

void QuantizerGradients::deliver(const MemoryOrder& order, const std::array<at::Tensor, 3>& written) const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].defined()) {
      order.deliver(written[i], outputs_[i]);
    }
  }
}

}  // namespace compress
