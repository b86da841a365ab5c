#include "compress/ops/cuda/observe_ranges.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>

#include <vector>

#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/cuda/range_observation.h"

namespace compress::cuda {
namespace {

/// The calls, their partials in `memory`, one tensor's after the other.
std::vector<RangeCall> calls_of(const std::vector<RangeObservation>& observations, at::Tensor& memory) {
  std::vector<RangeCall> calls;
  std::vector<int64_t> bytes;
  int64_t all_bytes = 0;
  for (const RangeObservation& observation : observations) {
    calls.push_back({observation.x, observation.format, observation.geometry, observation.state});
    bytes.push_back(range_partial_bytes(calls.back()));
    all_bytes += bytes.back();
  }
  if (all_bytes > 0) {
    memory = at::empty({all_bytes}, at::TensorOptions(at::kByte).device(at::kCUDA));
    auto* next = memory.mutable_data_ptr<uint8_t>();
    for (size_t i = 0; i < calls.size(); ++i) {
      calls[i].partials = bytes[i] > 0 ? next : nullptr;
      next += bytes[i];
    }
  }
  return calls;
}

void range_runs(const std::vector<RangeCall>& calls, int bytes, const ObserverRules& rules, cudaStream_t stream) {
  const auto launch = [&](const RangeRunsTable& table) { launch_range_runs(bytes, table, rules, stream); };
  auto tables = tensor_tables<RangeRuns>(launch);
  for (const RangeCall& call : calls) {
    if (call.geometry.scale_step == 0 && bytes_of(call.format) == bytes) {
      const RangeRuns runs(call);
      tables.add(runs, piece_blocks(runs));
    }
  }
  tables.finish();
}

void update_runs(const std::vector<RangeCall>& calls, int bytes, const ObserverRules& rules, cudaStream_t stream) {
  const auto launch = [&](const RangeRunsTable& table) { launch_update_runs(bytes, table, rules, stream); };
  auto tables = tensor_tables<RangeRuns>(launch);
  for (const RangeCall& call : calls) {
    if (call.geometry.one_to_one && call.partials != nullptr && bytes_of(call.format) == bytes) {
      const RangeRuns runs(call);
      tables.add(runs, scale_blocks(runs));
    }
  }
  tables.finish();
}

}  // namespace

void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& range,
                    const math::GridRule& grid) {
  const ObserverRules rules{range, grid};
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  at::Tensor memory;
  const std::vector<RangeCall> calls = calls_of(observations, memory);
  for (const int bytes : {8, 4, 2}) {
    range_runs(calls, bytes, rules, stream);
    update_runs(calls, bytes, rules, stream);
  }
  for (const RangeCall& call : calls) {
    if (call.geometry.scale_step != 0) {
      launch_range_columns(call, rules, stream);
    }
    if (!call.geometry.one_to_one && call.partials != nullptr) {
      launch_update_ranges(call, rules, stream);
    }
  }
  check_launch();
}

}  // namespace compress::cuda
