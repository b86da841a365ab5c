#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace compress {

using Tensors = std::vector<at::Tensor>;

/// Calls an operator on the inputs and returns all that it gives, written inputs included.
using Operator = std::function<Tensors(const Tensors& inputs)>;

/// How far an output may be from the CPU's: |got - expected| <= absolute + relative * |expected|. 0 = the same bits,
/// any NaN for NaN.
struct Closeness {
  double relative = 0;
  double absolute = 0;
};

/// Runs `op` on CPU tensors and in the emulator: at every placement of the memory, with grids that hold the work and
/// ones that stride over it, and in several orders of the threads, whose outputs must not differ by a bit.
/// `closeness` has one entry per output; none: all 0. Undefined inputs stay undefined.
void expect_as_on_cpu(const std::string& what, const Operator& op, const Tensors& inputs,
                      const std::vector<Closeness>& closeness = {});

/// The number types of the operators.
const std::vector<at::ScalarType>& dtypes();

/// Numbers of about -10..10 as `dtype`, the same on each call.
at::Tensor sample(at::IntArrayRef sizes, at::ScalarType dtype);

/// The same with NaN, infinities, zeros of both signs, huge and tiny ones among them.
at::Tensor sample_with_extremes(at::IntArrayRef sizes, at::ScalarType dtype);

/// Positive scales.
at::Tensor sample_scale(at::IntArrayRef sizes);

/// A packed mask of these sizes that keeps about half.
at::Tensor sample_mask(at::IntArrayRef sizes);

/// Around the borders of warps, blocks, 16-byte accesses and pieces.
const std::vector<int64_t>& border_lengths();

}  // namespace compress
