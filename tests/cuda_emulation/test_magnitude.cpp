#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "as_on_cpu.h"
#include "compress/ops/magnitude_mask.h"
#include "compress/ops/magnitude_mask_multi.h"
#include "compress/ops/magnitude_threshold.h"

namespace compress {
namespace {

/// Weights of many lengths, more than one launch takes, with many zeros and ties; none of the lengths is a multiple
/// of what a block counts, and one is larger.
Tensors weights(at::ScalarType dtype, bool with_extremes) {
  Tensors all = {sample({33000}, dtype)};
  all[0].slice(0, 0, 20000).zero_();
  for (int64_t i = 0; i < 70; ++i) {
    const std::vector<int64_t> sizes =
        i % 9 == 0 ? std::vector<int64_t>{0} : std::vector<int64_t>{1 + i % 5, 3 * i + 1};
    all.push_back(with_extremes ? sample_with_extremes(sizes, dtype) : (sample(sizes, dtype) * 4).round() / 4);
  }
  return all;
}

TEST(MagnitudeThreshold, ManyWeights) {
  for (const auto dtype : dtypes()) {
    for (const bool with_extremes : {false, true}) {
      for (const double sparsity : {0.0, 0.3, 1.0}) {
        const auto op = [&](const Tensors& in) -> Tensors { return {magnitude_threshold(in, sparsity)}; };
        expect_as_on_cpu(std::string(c10::toString(dtype)) + " " + std::to_string(sparsity), op,
                         weights(dtype, with_extremes));
      }
    }
  }
}

TEST(MagnitudeThreshold, FewWeights) {
  for (const auto dtype : dtypes()) {
    for (const int64_t count : {1, 2, 7, 8, 9, 255, 256, 257}) {
      const auto op = [&](const Tensors& in) -> Tensors { return {magnitude_threshold(in, 0.5)}; };
      expect_as_on_cpu(std::string(c10::toString(dtype)) + " " + std::to_string(count), op, {sample({count}, dtype)});
    }
  }
}

TEST(MagnitudeThreshold, NoWeights) {
  const auto op = [](const Tensors& in) -> Tensors { return {magnitude_threshold(in, 0.5)}; };
  expect_as_on_cpu("", op, {at::empty({0}), at::empty({3, 0})});
}

const std::vector<std::vector<int64_t>> mask_sizes = {{0},    {1},       {7},      {8},       {9},      {2047},
                                                      {2048}, {2049},    {3, 8},   {3, 13},   {257, 3}, {300, 16},
                                                      {5, 0}, {4, 3, 3}, {600, 8}, {1, 4097}, {}};

/// Also below and beyond what half precision holds.
const std::vector<float> thresholds = {1.5f, -1.0f,    std::nanf(""), std::numeric_limits<float>::infinity(),
                                       1e6f, 65519.0f, 3e-8f};

TEST(MagnitudeMask, EverySizeAndType) {
  const auto op = [](const Tensors& in) -> Tensors { return {magnitude_mask(in[0], in[1])}; };
  for (const auto& sizes : mask_sizes) {
    for (const auto dtype : dtypes()) {
      for (const float threshold : thresholds) {
        expect_as_on_cpu(c10::toString(dtype), op, {sample_with_extremes(sizes, dtype), at::full({}, threshold)});
      }
    }
  }
}

TEST(MagnitudeMaskMulti, ManyWeights) {
  Tensors inputs = {at::full({}, 1.5f)};
  for (int repeat = 0; repeat < 12; ++repeat) {
    for (const auto& sizes : mask_sizes) {
      inputs.push_back(sample_with_extremes(sizes, dtypes()[inputs.size() % dtypes().size()]));
    }
  }
  const auto op = [](const Tensors& in) -> Tensors { return magnitude_mask_multi(at::TensorList(in).slice(1), in[0]); };
  expect_as_on_cpu("", op, inputs);
}

}  // namespace
}  // namespace compress
