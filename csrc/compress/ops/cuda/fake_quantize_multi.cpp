#include "compress/ops/cuda/fake_quantize_multi.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <array>

#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/quantizer_list.h"

namespace compress::cuda {
namespace {

using math::FloatFormat;

constexpr std::array formats{FloatFormat::float32, FloatFormat::float16, FloatFormat::bfloat16, FloatFormat::float64};

GridEnds ends_of(const math::Quantizer& quantizer) {
  return {quantizer.quant_min, quantizer.quant_max};
}

void quantize_all(const std::vector<FakeQuantizeCall>& calls) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  for (const FloatFormat format : formats) {
    const auto launch = [&](const TensorTable<QuantizeRuns>& table) {
      launch_quantize_runs(table, format, ends_of(calls[0].quantizer), stream);
    };
    auto tables = tensor_tables<QuantizeRuns>(launch);
    for (const FakeQuantizeCall& call : calls) {
      if (call.format != format) {
        continue;
      }
      if (call.quantizer.geometry.one_to_one) {
        const QuantizeRuns runs = runs_of(call);
        tables.add(runs, quantize_blocks(runs, format));
      } else {
        launch_fake_quantize(call, stream);
      }
    }
    tables.finish();
  }
  check_launch();
}

/// The calls as the kernels take them, their sums in `memory`, one tensor's after the other.
std::vector<FakeQuantizeBackwardCall> calls_of(const std::vector<QuantizerGradientCall>& gradients,
                                               at::Tensor& memory) {
  std::vector<FakeQuantizeBackwardCall> calls;
  std::vector<int64_t> sums;
  int64_t bytes = 0;
  for (const QuantizerGradientCall& gradient : gradients) {
    calls.push_back(
        {gradient, gradient.grad, gradient.dx, gradient.dscale, gradient.dzero_point, gradient.grad_factor});
    sums.push_back(backward_sums(calls.back()));
    bytes += sums.back() * partial_sum_bytes;
  }
  memory = at::empty({bytes}, at::TensorOptions(at::kByte).device(at::kCUDA));
  auto* next = memory.mutable_data_ptr<uint8_t>();
  for (size_t i = 0; i < calls.size(); ++i) {
    calls[i].sums = sums[i] > 0 ? next : nullptr;
    next += sums[i] * partial_sum_bytes;
  }
  return calls;
}

void differentiate_all(const std::vector<QuantizerGradientCall>& gradients) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  at::Tensor memory;
  const auto calls = calls_of(gradients, memory);
  const auto reduce = [&](const TensorTable<DifferentiateRuns>& table) { launch_reduce_runs(table, stream); };
  auto reductions = tensor_tables<DifferentiateRuns>(reduce);
  std::vector<DifferentiateRuns> reduced;
  for (const FloatFormat format : formats) {
    const auto launch = [&](const TensorTable<DifferentiateRuns>& table) {
      launch_differentiate_runs(table, format, ends_of(calls[0].quantizer), stream);
    };
    auto tables = tensor_tables<DifferentiateRuns>(launch);
    for (const FakeQuantizeBackwardCall& call : calls) {
      if (call.format != format) {
        continue;
      }
      if (!call.quantizer.geometry.one_to_one) {
        launch_fake_quantize_backward(call, stream);
        continue;
      }
      const DifferentiateRuns runs = runs_of(call);
      tables.add(runs, piece_blocks(runs));
      if (runs.sums != nullptr) {
        reduced.push_back(runs);
      }
    }
    tables.finish();
  }
  for (const DifferentiateRuns& runs : reduced) {  // after the sums of all formats
    reductions.add(runs, scale_blocks(runs));
  }
  reductions.finish();
  check_launch();
}

std::vector<at::Tensor> fake_quantize_multi(at::TensorList xs, at::TensorList scales, at::TensorList zero_points,
                                            int64_t quant_min, int64_t quant_max, const OptionalTensors& masks,
                                            at::ArrayRef<double> grad_factors) {
  return fake_quantize_multi_with(&quantize_all, xs, scales, zero_points, quant_min, quant_max, masks, grad_factors);
}

std::tuple<std::vector<at::Tensor>, std::vector<at::Tensor>, std::vector<at::Tensor>> fake_quantize_multi_backward(
    at::TensorList grads, at::TensorList xs, at::TensorList scales, at::TensorList zero_points, int64_t quant_min,
    int64_t quant_max, const OptionalTensors& masks, at::ArrayRef<double> grad_factors,
    std::array<bool, 3> output_mask) {
  return fake_quantize_multi_backward_with(&differentiate_all, grads, xs, scales, zero_points, quant_min, quant_max,
                                           masks, grad_factors, output_mask);
}

TORCH_LIBRARY_IMPL(compress, CUDA, m) {
  m.impl("fake_quantize_multi", TORCH_FN(fake_quantize_multi));
  m.impl("fake_quantize_multi_backward", TORCH_FN(fake_quantize_multi_backward));
}

}  // namespace
}  // namespace compress::cuda
