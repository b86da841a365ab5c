#include "compress/ops/cuda/alignment.h"
#include "compress/ops/cuda/apply_mask.h"
#include "compress/ops/cuda/over_tiles.h"
#include "compress/ops/cuda/tiles.h"

namespace compress::cuda {
namespace {

constexpr int at_once = 2;  // packs in flight per thread

template <typename UInt, int count>
struct MaskedPack {
  Pack<UInt, count> values;
  unsigned mask;
};

template <typename UInt, int count>
__device__ __forceinline__ MaskedPack<UInt, count> load(const UInt* x, const MaskBits& mask, int64_t element) {
  return {load_pack<count>(x + element), mask.load<count>(element)};
}

template <typename UInt, int count>
__device__ __forceinline__ void select(MaskedPack<UInt, count>& loaded, int64_t element, UInt* y) {
  const unsigned kept = MaskBits::kept(loaded.mask, element);
#pragma unroll
  for (int i = 0; i < count; ++i) {
    loaded.values.values[i] = (kept >> i) & 1u ? loaded.values.values[i] : UInt{0};
  }
  store_pack(y + element, loaded.values);
}

/// In packs of `count` neighbours, and single elements of what is left.
template <typename UInt, int count>
__device__ __forceinline__ void select_packs(const BlockRange& at, const UInt* x, const MaskBits& mask,
                                             int64_t elements, UInt* y) {
  const int64_t packs = elements / count;
  over_tiles<at_once>(
      at, packs, [&](int64_t pack) { return load<UInt, count>(x, mask, pack * count); },
      [&](int64_t pack, MaskedPack<UInt, count>& loaded, bool is_pack) {
        if (is_pack) {
          select(loaded, pack * count, y);
        }
      });
  const int64_t element = packs * count + threadIdx.x;
  if (at.block == 0 && element < elements) {
    auto loaded = load<UInt, 1>(x, mask, element);
    select(loaded, element, y);
  }
}

template <typename UInt, int count>
__global__ void __launch_bounds__(block_threads)
    apply_mask_kernel(const UInt* x, const __grid_constant__ MaskBits mask, int64_t elements, UInt* y) {
  select_packs<UInt, count>(whole_grid(), x, mask, elements, y);
}

template <typename UInt>
__global__ void __launch_bounds__(block_threads)
    apply_masks_kernel(const __grid_constant__ TensorTable<MaskedTensor> table) {
  const TensorBlock at = tensor_block(table);
  const MaskedTensor& tensor = table.entries[at.tensor];
  UInt* x = static_cast<UInt*>(tensor.x);
  if (tensor.alignment.is_whole()) {
    select_packs<UInt, 16 / sizeof(UInt)>(at, x, tensor.mask, tensor.elements, x);
  } else {
    select_packs<UInt, 1>(at, x, tensor.mask, tensor.elements, x);
  }
}

template <typename UInt>
void launch(const void* x, const PackedMask& mask, void* y, cudaStream_t stream) {
  const int64_t elements = mask.layout.rows * mask.layout.row;
  const bool in_packs = Alignment(sizeof(UInt), x, y).is_whole();
  const auto kernel = in_packs ? &apply_mask_kernel<UInt, 16 / sizeof(UInt)> : &apply_mask_kernel<UInt, 1>;
  launch_kernel(kernel, grid_blocks(tiles_of(in_packs ? elements * sizeof(UInt) / 16 : elements, at_once)), stream,
                static_cast<const UInt*>(x), MaskBits(mask), elements, static_cast<UInt*>(y));
}

}  // namespace

void launch_apply_mask(const void* x, const uint8_t* mask, const MaskLayout& layout, int element_size, void* y,
                       cudaStream_t stream) {
  if (layout.bytes() == 0) {
    return;
  }
  const PackedMask packed{mask, layout};
  switch (element_size) {
    case 1:
      return launch<uint8_t>(x, packed, y, stream);
    case 2:
      return launch<uint16_t>(x, packed, y, stream);
    case 4:
      return launch<uint32_t>(x, packed, y, stream);
    default:
      return launch<uint64_t>(x, packed, y, stream);
  }
}

int64_t mask_blocks(const MaskedTensor& tensor, int element_size) {
  return tiles_of(tensor.alignment.is_whole() ? tensor.elements * element_size / 16 : tensor.elements, at_once);
}

void launch_apply_masks(const TensorTable<MaskedTensor>& table, int element_size, cudaStream_t stream) {
  const unsigned blocks = table.blocks();
  switch (element_size) {
    case 1:
      return launch_kernel(apply_masks_kernel<uint8_t>, blocks, stream, table);
    case 2:
      return launch_kernel(apply_masks_kernel<uint16_t>, blocks, stream, table);
    case 4:
      return launch_kernel(apply_masks_kernel<uint32_t>, blocks, stream, table);
    default:
      return launch_kernel(apply_masks_kernel<uint64_t>, blocks, stream, table);
  }
}

}  // namespace compress::cuda
