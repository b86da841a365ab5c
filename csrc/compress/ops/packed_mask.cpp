#include "compress/ops/packed_mask.h"

#include <ATen/ops/empty.h>

namespace compress {

c10::SymDimVector packed_mask_sizes(c10::SymIntArrayRef sizes) {
  const c10::SymInt row_bytes = mask_row_bytes(mask_row_elements(sizes.data(), static_cast<int64_t>(sizes.size())));
  if (sizes.size() > 1) {
    return {sizes[0], row_bytes};
  }
  return {row_bytes};
}

at::Tensor empty_packed_mask(const at::Tensor& tensor) {
  return at::empty_symint(packed_mask_sizes(tensor.sym_sizes()), tensor.options().dtype(at::kByte));
}

std::vector<at::Tensor> empty_packed_masks(at::TensorList tensors) {
  std::vector<at::Tensor> masks;
  masks.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) {
    masks.push_back(empty_packed_mask(tensor));
  }
  return masks;
}

void check_packed_mask(const char* op, const at::Tensor& mask, c10::SymIntArrayRef sizes, at::Device device) {
  TORCH_CHECK(mask.scalar_type() == at::kByte, op, ": mask must be packed to uint8 (got ", mask.scalar_type(),
              ", expected the result of pack_mask)");
  TORCH_CHECK(mask.device() == device, op, ": mask must be on x's device (got ", mask.device(), ", expected ", device,
              ")");
  const c10::SymDimVector expected = packed_mask_sizes(sizes);
  bool fits = mask.dim() == static_cast<int64_t>(expected.size());
  for (size_t d = 0; fits && d < expected.size(); ++d) {
    fits = mask.sym_size(static_cast<int64_t>(d)) == expected[d];
  }
  TORCH_CHECK(fits, op, ": mask has the wrong shape (got ", mask.sym_sizes(), ", expected ",
              c10::SymIntArrayRef(expected), " for a tensor of ", sizes, ")");
}

}  // namespace compress
