#include "as_on_cpu.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "compress/ops/pack_mask.h"
#include "emulator/device.h"
#include "emulator/grid.h"
#include "emulator/guarded_memory.h"

namespace compress {
namespace {

using cuda_emulation::Order;
using cuda_emulation::Placement;
using Edge = Placement::Edge;

struct Layout {
  const char* name;
  Placement even_inputs;
  Placement odd_inputs;
  Placement outputs;  // and what the operator allocates for itself
};

const std::vector<Layout> layouts = {
    {"up to the edge", {Edge::end, -1}, {Edge::end, -1}, {Edge::end, -1}},
    {"aligned", {Edge::end, 0}, {Edge::end, 0}, {Edge::begin, 0}},
    {"one element off", {Edge::begin, 1}, {Edge::begin, 1}, {Edge::end, 1}},
    {"outputs one element off", {Edge::begin, 0}, {Edge::begin, 0}, {Edge::end, 1}},
    {"every other input one element off", {Edge::end, 0}, {Edge::end, 1}, {Edge::begin, 0}},
};

struct Schedule {
  const char* name;
  Order order;
  int64_t most_blocks;
};

const std::vector<Schedule> schedules = {
    {"forward", Order::forward, 16384},
    {"reverse, 2 blocks", Order::reverse, 2},
    {"shuffled, 3 blocks", Order::shuffled, 3},
};

Tensors clones(const Tensors& tensors) {
  Tensors all;
  for (const at::Tensor& tensor : tensors) {
    all.push_back(tensor.defined() ? tensor.clone() : tensor);
  }
  return all;
}

Tensors run_emulated(const Operator& op, const Tensors& inputs, const Layout& layout, const Schedule& schedule) {
  cuda_emulation::set_order(schedule.order, 1);
  cuda_emulation::most_blocks = schedule.most_blocks;
  Tensors on_device;
  for (const at::Tensor& input : inputs) {
    cuda_emulation::set_placement(on_device.size() % 2 == 0 ? layout.even_inputs : layout.odd_inputs);
    on_device.push_back(cuda_emulation::to_device(input));
  }
  cuda_emulation::set_placement(layout.outputs);
  Tensors outputs;
  for (const at::Tensor& output : op(on_device)) {
    outputs.push_back(cuda_emulation::to_host(output));
  }
  return outputs;
}

bool is_same(double got, double expected, const Closeness& closeness) {
  if (std::isnan(got) || std::isnan(expected)) {
    return std::isnan(got) && std::isnan(expected);
  }
  if (got == expected) {
    return closeness.relative > 0 || std::signbit(got) == std::signbit(expected);
  }
  return std::fabs(got - expected) <= closeness.absolute + closeness.relative * std::fabs(expected);
}

testing::AssertionResult compare(const at::Tensor& got, const at::Tensor& expected, const Closeness& closeness) {
  if (!got.defined() || !expected.defined()) {
    return got.defined() == expected.defined() ? testing::AssertionSuccess()
                                               : testing::AssertionFailure() << "defined on one device only";
  }
  if (got.sizes() != expected.sizes() || got.scalar_type() != expected.scalar_type() ||
      got.strides() != expected.strides()) {
    return testing::AssertionFailure() << got.sizes() << " " << got.strides() << " " << got.scalar_type() << " for "
                                       << expected.sizes() << " " << expected.strides() << " "
                                       << expected.scalar_type();
  }
  const at::Tensor a = got.to(at::kDouble).contiguous();
  const at::Tensor b = expected.to(at::kDouble).contiguous();
  const double* values = a.const_data_ptr<double>();
  const double* wanted = b.const_data_ptr<double>();
  for (int64_t i = 0; i < a.numel(); ++i) {
    if (!is_same(values[i], wanted[i], closeness)) {
      return testing::AssertionFailure() << "element " << i << " of " << a.numel() << " is " << values[i]
                                         << ", expected " << wanted[i];
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult compare_all(const Tensors& got, const Tensors& expected,
                                     const std::vector<Closeness>& closeness) {
  if (got.size() != expected.size()) {
    return testing::AssertionFailure() << got.size() << " outputs, expected " << expected.size();
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const auto result = compare(got[i], expected[i], closeness.empty() ? Closeness() : closeness.at(i));
    if (!result) {
      return testing::AssertionFailure() << "output " << i << ": " << result.message();
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace

void expect_as_on_cpu(const std::string& what, const Operator& op, const Tensors& inputs,
                      const std::vector<Closeness>& closeness) {
  const Tensors expected = op(clones(inputs));
  for (const Layout& layout : layouts) {
    Tensors first;
    for (const Schedule& schedule : schedules) {
      const std::string where = what + " (" + layout.name + "; " + schedule.name + ")";
      try {
        const Tensors got = run_emulated(op, inputs, layout, schedule);
        EXPECT_TRUE(compare_all(got, expected, closeness)) << where;
        if (first.empty()) {
          first = got;
        }
        EXPECT_TRUE(compare_all(got, first, {})) << "depends on the order of threads: " << where;
      } catch (const cuda_emulation::KernelError& error) {
        ADD_FAILURE() << where << ": " << error.what();
      }
    }
  }
}

const std::vector<at::ScalarType>& dtypes() {
  static const std::vector<at::ScalarType> all = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};
  return all;
}

at::Tensor sample(at::IntArrayRef sizes, at::ScalarType dtype) {
  at::manual_seed(0);
  return (at::randn(sizes) * 3).to(dtype);
}

at::Tensor sample_with_extremes(at::IntArrayRef sizes, at::ScalarType dtype) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> extremes = {std::nan(""), infinity, -infinity, 0.0, -0.0, 3e4, -3e4, 1e-7, -1e-7};
  const at::Tensor x = sample(sizes, dtype);
  const at::Tensor flat = x.view(-1);
  for (int64_t i = 0, which = 0; i < flat.numel(); i += 7, ++which) {
    flat[i].fill_(extremes[static_cast<size_t>(which) % extremes.size()]);
  }
  return x;
}

at::Tensor sample_scale(at::IntArrayRef sizes) {
  at::manual_seed(1);
  return at::rand(sizes) * 0.2 + 0.05;
}

at::Tensor sample_mask(at::IntArrayRef sizes) {
  at::manual_seed(2);
  return pack_mask(at::rand(sizes) > 0.5);
}

const std::vector<int64_t>& border_lengths() {
  static const std::vector<int64_t> all = {1, 7, 15, 16, 17, 33, 255, 256, 257, 2047, 2048, 2049, 4095, 4096, 4097};
  return all;
}

}  // namespace compress
