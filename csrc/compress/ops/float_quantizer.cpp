#include "compress/ops/float_quantizer.h"

#include <ATen/ops/empty_like.h>

#include "compress/ops/float_format.h"
#include "compress/ops/granularity.h"
#include "compress/ops/packed_mask.h"

namespace compress {

at::Tensor fake_quantize_float_with(FakeQuantizeFloatKernel kernel, const OptionalTensor& grad, const at::Tensor& x,
                                    const at::Tensor& scale, int64_t exponent_bits, int64_t mantissa_bits,
                                    const OptionalTensor& mask) {
  const at::Tensor output = at::empty_like(x);
  if (x.numel() == 0) {
    return output;
  }
  // The packed mask numbers elements in row-major order.
  const MemoryOrder order = mask ? MemoryOrder() : MemoryOrder(output);
  const at::Tensor input = order.contiguous(x);
  const at::Tensor scales = order.contiguous(scale);
  const at::Tensor gradient = grad ? order.contiguous(*grad) : at::Tensor();
  const at::Tensor bits = contiguous_or_undefined(mask);
  const at::Tensor result = order.writable(output);
  math::FakeQuantizeFloatCall call;
  call.geometry = block_geometry(input.sizes(), scales.sizes());
  call.scale = scales.const_data_ptr<float>();
  call.small_float = math::make_small_float(static_cast<int>(exponent_bits), static_cast<int>(mantissa_bits));
  if (bits.defined()) {
    call.mask = {bits.const_data_ptr<uint8_t>(), make_mask_layout(input.sizes())};
  }
  call.format = float_format(x.scalar_type());
  call.x = input.const_data_ptr();
  call.grad = gradient.defined() ? gradient.const_data_ptr() : nullptr;
  call.y = result.mutable_data_ptr();
  kernel(call);
  order.deliver(result, output);
  return output;
}

}  // namespace compress
