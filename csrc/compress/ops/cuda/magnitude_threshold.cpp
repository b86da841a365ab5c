#include "compress/ops/cuda/magnitude_threshold.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/library.h>

#include <vector>

#include "compress/ops/checks.h"
#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/float_format.h"

namespace compress::cuda {
namespace {

/// Weights whose elements lie densely in any order, and where they lie, in chunks for the kernels.
struct DenseWeights {
  std::vector<at::Tensor> tensors;
  std::vector<WeightChunk> chunks;
  int64_t elements = 0;

  explicit DenseWeights(at::TensorList weights) {
    for (const at::Tensor& weight : weights) {
      tensors.push_back(weight.is_non_overlapping_and_dense() ? weight : weight.contiguous());
      if (chunks.empty() || chunks.back().full()) {
        chunks.emplace_back();
      }
      chunks.back().add(tensors.back().const_data_ptr(), weight.numel());
      elements += weight.numel();
    }
  }
};

at::Tensor magnitude_threshold(at::TensorList weights, double sparsity) {
  checks::magnitude_threshold(weights, sparsity);
  const c10::cuda::CUDAGuard device(weights[0].device());
  const auto options = weights[0].options().dtype(at::kFloat);
  const DenseWeights dense(weights);
  const int64_t rank = math::pruned_count(sparsity, dense.elements);
  if (rank == 0) {
    return at::full({}, -1.0f, options);
  }
  const math::FloatFormat format = float_format(weights[0].scalar_type());
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  at::Tensor threshold = at::empty({}, options);
  const at::Tensor memory = at::empty({static_cast<int64_t>(sizeof(SelectionState))}, options.dtype(at::kByte));
  auto* state = static_cast<SelectionState*>(memory.mutable_data_ptr());
  launch_begin_selection(state, rank, stream);
  int digit_index = 0;
  for (int end = math::magnitude_bits(format); end > 0; ++digit_index) {
    const math::RadixDigit digit = math::digit_below(end);
    for (const WeightChunk& chunk : dense.chunks) {
      launch_count_digit(chunk, format, digit, digit_index, state, stream);
    }
    launch_select_digit(format, digit, digit_index, state, threshold.mutable_data_ptr<float>(), stream);
    end = digit.shift;
  }
  check_launch();
  return threshold;
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("magnitude_threshold", TORCH_FN(magnitude_threshold));
}

}  // namespace
}  // namespace compress::cuda
