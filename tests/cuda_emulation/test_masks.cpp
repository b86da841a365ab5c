#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "as_on_cpu.h"
#include "compress/ops/apply_mask.h"
#include "compress/ops/apply_masks.h"
#include "compress/ops/nm_mask.h"
#include "compress/ops/pack_mask.h"
#include "compress/ops/unpack_mask.h"

namespace compress {
namespace {

const std::vector<std::vector<int64_t>> all_sizes = {{0},    {1},       {7},      {8},      {9},       {2047},
                                                     {2049}, {3, 8},    {3, 13},  {257, 3}, {300, 16}, {5, 0},
                                                     {},     {4, 3, 3}, {600, 8}, {1, 4097}};

std::string words(at::IntArrayRef sizes, at::ScalarType dtype) {
  std::ostringstream all;
  all << sizes << " " << dtype;
  return all.str();
}

TEST(PackMask, EverySize) {
  const auto op = [](const Tensors& in) -> Tensors { return {pack_mask(in[0])}; };
  for (const auto& sizes : all_sizes) {
    at::manual_seed(3);
    expect_as_on_cpu(words(sizes, at::kBool), op, {at::rand(sizes) > 0.5});
  }
}

TEST(UnpackMask, EverySize) {
  for (const auto& sizes : all_sizes) {
    const auto op = [&](const Tensors& in) -> Tensors { return {unpack_mask(in[0], sizes)}; };
    expect_as_on_cpu(words(sizes, at::kBool), op, {sample_mask(sizes)});
  }
}

const std::vector<at::ScalarType> types_of_each_size = {at::kByte, at::kHalf, at::kFloat, at::kDouble};

TEST(ApplyMask, EverySizeAndElementSize) {
  const auto op = [](const Tensors& in) -> Tensors {
    at::Tensor x = in[0];
    const at::Tensor y = apply_mask(x, in[1]);
    apply_mask_(x, in[1]);
    return {y, x};
  };
  for (const auto& sizes : all_sizes) {
    for (const auto dtype : types_of_each_size) {
      const at::Tensor x =
          dtype == at::kByte ? sample(sizes, at::kFloat).abs().to(dtype) : sample_with_extremes(sizes, dtype);
      expect_as_on_cpu(words(sizes, dtype), op, {x, sample_mask(sizes)});
    }
  }
}

TEST(ApplyMask, OtherMemoryOrders) {
  const auto op = [](const Tensors& in) -> Tensors { return {apply_mask(in[0], in[1])}; };
  const at::Tensor image = sample({2, 5, 3, 4}, at::kFloat);
  expect_as_on_cpu("channels last", op, {image.contiguous(at::MemoryFormat::ChannelsLast), sample_mask({2, 5, 3, 4})});
  expect_as_on_cpu("transposed", op, {sample({9, 11}, at::kFloat).t(), sample_mask({11, 9})});
}

TEST(ApplyMasks, ManyTensors) {
  Tensors inputs;
  for (int repeat = 0; repeat < 20; ++repeat) {
    for (const auto& sizes : all_sizes) {
      const at::ScalarType dtype = types_of_each_size[inputs.size() / 2 % types_of_each_size.size()];
      inputs.push_back(sample(sizes, at::kFloat).abs().to(dtype));
      inputs.push_back(sample_mask(sizes));
    }
  }
  const auto op = [](const Tensors& in) -> Tensors {
    Tensors xs;
    Tensors masks;
    for (size_t i = 0; i < in.size(); i += 2) {
      xs.push_back(in[i]);
      masks.push_back(in[i + 1]);
    }
    apply_masks_(xs, masks);
    return xs;
  };
  expect_as_on_cpu("", op, inputs);
}

struct NmCase {
  std::vector<int64_t> sizes;
  int64_t n;
  int64_t m;
};

TEST(NmMask, EveryKindOfGroups) {
  const std::vector<NmCase> cases = {{{0, 8}, 2, 4},    {{8}, 2, 4},       {{12}, 2, 4},         {{3, 16}, 2, 4},
                                     {{3, 12}, 2, 4},   {{300, 16}, 1, 2}, {{5, 24}, 3, 8},      {{5, 12}, 1, 3},
                                     {{7, 32}, 5, 16},  {{4, 9}, 1, 1},    {{6, 8, 3, 3}, 2, 4}, {{6, 4, 2, 2}, 1, 2},
                                     {{2, 4096}, 2, 4}, {{700, 8}, 4, 8},  {{3, 16}, 1, 1}};
  for (const auto& of : cases) {
    const auto op = [&](const Tensors& in) -> Tensors { return {nm_mask(in[0], of.n, of.m)}; };
    for (const auto dtype : dtypes()) {
      const at::Tensor ties = (sample(of.sizes, dtype) * 2).round();
      const std::string what = words(of.sizes, dtype) + " " + std::to_string(of.n) + ":" + std::to_string(of.m);
      expect_as_on_cpu(what, op, {ties});
      expect_as_on_cpu(what + " extremes", op, {sample_with_extremes(of.sizes, dtype)});
    }
  }
}

}  // namespace
}  // namespace compress
