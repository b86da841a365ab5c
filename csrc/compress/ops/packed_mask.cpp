#include "compress/ops/packed_mask.h"

namespace compress {

c10::SymDimVector packed_mask_sizes(c10::SymIntArrayRef sizes) {
  c10::SymInt row = 1;
  for (size_t d = sizes.size() > 1 ? 1 : 0; d < sizes.size(); ++d) {
    row = row * sizes[d];
  }
  const c10::SymInt row_bytes = (row + 7) / 8;
  if (sizes.size() > 1) {
    return {sizes[0], row_bytes};
  }
  return {row_bytes};
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
