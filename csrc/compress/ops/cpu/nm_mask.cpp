#include "compress/ops/nm_mask.h"

#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/nm_mask.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_format.h"
#include "compress/ops/packed_mask.h"

namespace compress::cpu {
namespace {

/// Rows cut into stretches of whole groups that begin at whole bytes of the mask.
struct Stretches {
  int64_t rows;
  int64_t row;     // elements
  int64_t length;  // elements
  int64_t per_row;

  Stretches(const MaskLayout& layout, int64_t chunk)
      : rows(layout.is_one_stream() ? 1 : layout.rows),
        row(layout.is_one_stream() ? layout.rows * layout.row : layout.row) {
    constexpr int64_t wanted = 4096;  // elements, whose bytes stay in the first-level cache
    length = 8 * chunk * std::max<int64_t>(1, wanted / (8 * chunk));
    per_row = (row + length - 1) / length;
  }
};

at::Tensor nm_mask(const at::Tensor& score, int64_t n, int64_t m) {
  checks::nm_mask(score, n, m);
  const at::Tensor input = score.contiguous();
  at::Tensor mask = empty_packed_mask(score);
  if (score.numel() == 0) {
    return mask.zero_();
  }
  const math::NmGroups groups = nm_groups(score.sizes(), n, m);
  const Stretches stretches(make_mask_layout(score.sizes()), groups.chunk());
  const int64_t size = score.element_size();
  const int64_t nan_key = math::infinity_bits(float_format(score.scalar_type())) + 1;
  const char* from = static_cast<const char*>(input.const_data_ptr());
  uint8_t* bits = mask.mutable_data_ptr<uint8_t>();
  const auto kernel = COMPRESS_SELECT_KERNEL(nm_mask_run);
  constexpr int64_t grain_elements = 32768;
  const int64_t longest = std::min(stretches.length, stretches.row);
  at::parallel_for(0, stretches.rows * stretches.per_row, std::max<int64_t>(1, grain_elements / longest),
                   [&](int64_t begin, int64_t end) {
                     std::vector<uint8_t> kept((longest + 7) / 8 * 8);
                     for (int64_t number = begin; number < end; ++number) {
                       const int64_t row = number / stretches.per_row;
                       const int64_t first = (number - row * stretches.per_row) * stretches.length;
                       const int64_t elements = std::min(stretches.length, stretches.row - first);
                       kernel(from + (row * stretches.row + first) * size, static_cast<int>(size), nan_key, groups,
                              elements / groups.chunk(), kept.data(),
                              bits + row * mask_row_bytes(stretches.row) + first / 8);
                     }
                   });
  return mask;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("nm_mask", TORCH_FN(nm_mask));
}

}  // namespace
}  // namespace compress::cpu
