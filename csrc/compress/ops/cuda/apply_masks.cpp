#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include "compress/ops/cuda/apply_mask.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/mask_selection.h"
#include "compress/ops/packed_mask.h"

namespace compress::cuda {
namespace {

void select(at::TensorList xs, at::TensorList masks) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  for (const int element_size : {1, 2, 4, 8}) {
    const auto launch = [&](const TensorTable<MaskedTensor>& table) {
      launch_apply_masks(table, element_size, stream);
    };
    auto tables = tensor_tables<MaskedTensor>(launch);
    for (size_t i = 0; i < xs.size(); ++i) {
      if (static_cast<int>(xs[i].element_size()) == element_size && xs[i].numel() > 0) {
        const PackedMask mask{masks[i].const_data_ptr<uint8_t>(), make_mask_layout(xs[i].sizes())};
        const MaskedTensor tensor(xs[i].mutable_data_ptr(), mask, element_size);
        tables.add(tensor, mask_blocks(tensor, element_size));
      }
    }
    tables.finish();
  }
  check_launch();
}

void apply_masks_(at::TensorList xs, at::TensorList masks) {
  apply_masks_in_place_with(&select, xs, masks);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("apply_masks_", TORCH_FN(apply_masks_));
}

}  // namespace
}  // namespace compress::cuda
