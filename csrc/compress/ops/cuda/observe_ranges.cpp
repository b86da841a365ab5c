#include "compress/ops/cuda/observe_ranges.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAStream.h>

#include <array>

#include "compress/ops/cuda/launch_check.h"
#include "compress/ops/cuda/range_observation.h"

namespace compress::cuda {
namespace {

using math::FloatFormat;

/// Tensors of one integer width lie together in the workspace, so that one launch clears their bounds.
constexpr std::array widths{FloatFormat::float64, FloatFormat::float32, FloatFormat::float16};

FloatFormat width_of(FloatFormat format) {
  return format == FloatFormat::bfloat16 ? FloatFormat::float16 : format;
}

/// The three steps for all tensors of one width; returns where the next width's bounds begin.
int64_t reduce_width(const std::vector<RangeObservation>& observations, FloatFormat width,
                     const RangeWorkspace& workspace, int64_t first_bound, cudaStream_t stream,
                     std::vector<int64_t>& bounds) {
  int64_t next = first_bound;
  for (size_t i = 0; i < observations.size(); ++i) {
    if (width_of(observations[i].format) == width) {
      bounds[i] = next;
      next += observations[i].geometry.scale_count;
    }
  }
  if (next == first_bound) {
    return next;
  }
  launch_clear_ranges(width, workspace, first_bound, next - first_bound, stream);
  const auto launch = [&](const RangeRunsTable& table) { launch_reduce_ranges(width, table, workspace, stream); };
  auto tables = tensor_tables<RangeRuns>(launch);
  for (size_t i = 0; i < observations.size(); ++i) {
    const auto& [x, format, geometry, state] = observations[i];
    if (width_of(format) != width) {
      continue;
    }
    if (geometry.one_to_one && observations.size() > 1) {
      const RangeRuns runs{x, geometry.segments, geometry.segment_length, bounds[i]};
      tables.add(runs, range_blocks(runs));
    } else {
      launch_reduce_ranges(width, x, geometry, workspace, bounds[i], stream);
    }
  }
  tables.finish();
  return next;
}

}  // namespace

void observe_ranges(const std::vector<RangeObservation>& observations, const math::RangeRule& rule,
                    const math::GridRule& grid) {
  int64_t scales = 0;
  for (const RangeObservation& observation : observations) {
    scales += observation.geometry.scale_count;
  }
  const at::Tensor memory = at::empty({RangeWorkspace::bytes(scales)}, at::TensorOptions(at::kByte).device(at::kCUDA));
  const RangeWorkspace workspace{memory.mutable_data_ptr(), scales};
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  std::vector<int64_t> bounds(observations.size());
  int64_t first_bound = 0;
  for (const FloatFormat width : widths) {
    first_bound = reduce_width(observations, width, workspace, first_bound, stream, bounds);
  }
  const auto launch = [&](const RangeTargetTable& table) {
    launch_update_ranges(table, workspace, rule, grid, stream);
  };
  auto tables = tensor_tables<RangeTarget>(launch);
  for (size_t i = 0; i < observations.size(); ++i) {
    const RangeObservation& observation = observations[i];
    const RangeTarget target{observation.state, observation.geometry.scale_count, bounds[i], observation.format};
    tables.add(target, range_blocks(target));
  }
  tables.finish();
  check_launch();
}

}  // namespace compress::cuda
