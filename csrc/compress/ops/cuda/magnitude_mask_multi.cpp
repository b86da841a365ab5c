#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/cuda/magnitude_mask.h"
#include "compress/ops/float_format.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

using math::FloatFormat;

std::vector<at::Tensor> magnitude_mask_multi(at::TensorList weights, const at::Tensor& threshold) {
  checks::magnitude_mask_multi(weights, threshold);
  const c10::cuda::CUDAGuard device(threshold.device());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  std::vector<at::Tensor> masks = empty_packed_masks(weights);
  std::vector<at::Tensor> inputs;
  for (const at::Tensor& weight : weights) {
    inputs.push_back(weight.contiguous());
  }
  for (const auto format : {FloatFormat::float64, FloatFormat::float32, FloatFormat::float16, FloatFormat::bfloat16}) {
    const auto launch = [&](const TensorTable<ComparedWeight>& table) {
      launch_magnitude_masks(table, format, threshold.const_data_ptr<float>(), stream);
    };
    auto tables = tensor_tables<ComparedWeight>(launch);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (float_format(inputs[i].scalar_type()) == format && inputs[i].numel() > 0) {
        const MaskLayout layout = make_mask_layout(inputs[i].sizes());
        tables.add({inputs[i].const_data_ptr(), masks[i].mutable_data_ptr<uint8_t>(), layout},
                   tensor_blocks(layout.bytes()));
      }
    }
    tables.finish();
  }
  check_launch();
  return masks;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("magnitude_mask_multi", TORCH_FN(magnitude_mask_multi));
}

}  // namespace
}  // namespace compress::cuda
