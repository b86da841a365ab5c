#include "compress/ops/fake_quantize_clip_mask.h"

#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/fake_quantize_clip_mask.h"
#include "compress/ops/cpu/mask_rows.h"
#include "compress/ops/cpu/pieces.h"
#include "compress/ops/packed_mask.h"
#include "compress/ops/quantizer.h"

namespace compress::cpu {
namespace {

std::tuple<at::Tensor, at::Tensor> fake_quantize_clip_mask(const at::Tensor& x, const at::Tensor& scale,
                                                           const OptionalTensor& zero_point, int64_t quant_min,
                                                           int64_t quant_max, const OptionalTensor& mask) {
  checks::fake_quantize(x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor output = at::empty_like(x);
  const at::Tensor clip_mask = empty_clip_mask(output, mask.has_value());
  if (x.numel() == 0) {
    return {output, clip_mask.zero_()};
  }
  const QuantizerTensors tensors(output, x, scale, zero_point, quant_min, quant_max, mask);
  const at::Tensor result = tensors.order.writable(output);
  const FakeQuantizeClipMaskCall call{{tensors.kernel, result.mutable_data_ptr()},
                                      clip_mask.mutable_data_ptr<uint8_t>()};
  const MaskLayout layout = make_mask_layout(tensors.x.sizes());
  if (pieces_begin_at_bytes(call.quantizer.geometry, layout)) {
    const math::BlockPieces pieces(call.quantizer.geometry);
    const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_clip_mask_pieces);
    parallel_over_pieces(pieces, [&](int64_t begin, int64_t end) { kernel(call, pieces, begin, end); });
  } else {
    // Threads share out bytes of the mask, not runs of a scale, whose ends may lie within a byte.
    const auto kernel = COMPRESS_SELECT_KERNEL(fake_quantize_clip_mask_run);
    parallel_over_mask(layout,
                       [&](int64_t element, int64_t byte, int64_t elements) { kernel(call, element, byte, elements); });
  }
  tensors.order.deliver(result, output);
  return {output, clip_mask};
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("fake_quantize_clip_mask", TORCH_FN(fake_quantize_clip_mask));
}

}  // namespace
}  // namespace compress::cpu
