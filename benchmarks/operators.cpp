// CPU operators beside a plain copy of the same data and beside ATen, in one process:
//
//   CMAKE_ARGS=-DCOMPRESS_BUILD_BENCHMARKS=ON scripts/setup.sh
//   build/release/benchmarks/compress_benchmarks --benchmark_filter='/1024$'
//
// Compare times of one size: those of Clone are what moving the bytes costs.
#include <benchmark/benchmark.h>
#include <torch/types.h>

#include "compress/ops/fake_quantize.h"
#include "compress/ops/magnitude_threshold.h"
#include "compress/ops/pack_mask.h"

namespace {

using benchmark::State;

struct Inputs {
  explicit Inputs(const State& state)
      : x(at::randn({state.range(0), state.range(0)})),
        grad(at::randn_like(x)),
        scale(at::full({state.range(0), 1}, 0.05)),
        zero_point(at::zeros({state.range(0)}, at::kInt)),
        mask(compress::pack_mask(x > 0)) {}
  at::Tensor x, grad, scale, zero_point, mask;
};

template <typename Call>
void run(State& state, Call&& call) {
  const at::NoGradGuard no_grad;
  for (auto _ : state) {
    benchmark::DoNotOptimize(call());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(0));
}

void Clone(State& state) {
  const Inputs in(state);
  run(state, [&] { return in.x.clone(); });
}

void FakeQuantizePerChannel(State& state) {
  const Inputs in(state);
  run(state, [&] { return compress::fake_quantize(in.x, in.scale, {}, -127, 127); });
}

void FakeQuantizePerChannelMasked(State& state) {
  const Inputs in(state);
  run(state, [&] { return compress::fake_quantize(in.x, in.scale, {}, -127, 127, in.mask); });
}

void AtenFakeQuantizePerChannel(State& state) {
  const Inputs in(state);
  const at::Tensor scale = in.scale.flatten();
  run(state, [&] { return at::fake_quantize_per_channel_affine(in.x, scale, in.zero_point, 0, -127, 127); });
}

void FakeQuantizeBackward(State& state) {
  const Inputs in(state);
  run(state, [&] {
    return compress::fake_quantize_backward(in.grad, in.x, in.scale, {}, -127, 127, {}, 1.0, {true, true, false});
  });
}

void AddIntoFresh(State& state) {
  const Inputs in(state);
  run(state, [&] { return in.x + in.grad; });
}

void MagnitudeThreshold(State& state) {
  const Inputs in(state);
  run(state, [&] { return compress::magnitude_threshold({in.x}, 0.9); });
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(64)->Arg(1024)->Arg(4096)->UseRealTime();
}

BENCHMARK(Clone)->Apply(sizes);
BENCHMARK(FakeQuantizePerChannel)->Apply(sizes);
BENCHMARK(FakeQuantizePerChannelMasked)->Apply(sizes);
BENCHMARK(AtenFakeQuantizePerChannel)->Apply(sizes);
BENCHMARK(AddIntoFresh)->Apply(sizes);
BENCHMARK(FakeQuantizeBackward)->Apply(sizes);
BENCHMARK(MagnitudeThreshold)->Apply(sizes);

}  // namespace
