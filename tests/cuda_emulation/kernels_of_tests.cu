#include "compress/ops/cuda/grid.h"
#include "kernels_of_tests.h"

namespace compress::cuda {
namespace {

constexpr unsigned whole_warp = 0xffffffffu;
constexpr unsigned threads = 64;

__device__ int recurse(int depth) {
  volatile int own[64] = {depth};
  return depth < 0 ? 0 : recurse(depth + 1) + own[depth % 64];
}

__global__ void faulty_kernel(Fault fault, float* data, int count) {
  [[maybe_unused]] __shared__ float shared[threads];
  const int i = static_cast<int>(threadIdx.x);
  const int last = static_cast<int>(threads) - 1;
  shared[i] = 0;
  switch (fault) {
    case Fault::read_past_end:
      data[0] = data[i == last ? count : i];
      break;
    case Fault::write_before_begin:
    case Fault::write_into_gap:
      data[i == 5 ? -1 : i] = 1;
      break;
    case Fault::misaligned_pack:
      reinterpret_cast<Pack<float, 4>*>(data + 1)[0].values[1] = 1;
      break;
    case Fault::null_pointer:
      *(count > 0 ? nullptr : data) = 1;
      break;
    case Fault::shared_index:
      shared[i + 1] = 1;
      break;
    case Fault::overflow:
      data[0] = static_cast<float>(count + 0x7fffffff);
      break;
    case Fault::division_by_zero:
      data[0] = static_cast<float>(count / (i - 3));
      break;
    case Fault::shift:
      data[0] = static_cast<float>(count << i);
      break;
    case Fault::lane_missing:
      if (i != 37) {
        __shfl_down_sync(whole_warp, data[i], 1);
      } else {
        __syncthreads();
      }
      break;
    case Fault::lane_ended:
      if (i != 37) {
        __shfl_xor_sync(whole_warp, data[i], 1);
      }
      break;
    case Fault::lane_outside_mask:
      __shfl_xor_sync(0x0000ffffu, data[i], 1);
      break;
    case Fault::source_lane_outside_mask:
      if (i < 16) {
        __shfl_down_sync(0x0000ffffu, data[i], 1);
      }
      break;
    case Fault::lanes_beyond_block:
      __syncwarp();
      break;
    case Fault::thread_ended_before_barrier:
      if (i == 9) {
        return;
      }
      __syncthreads();
      break;
    case Fault::two_barriers:
      if (i < 32) {
        __syncthreads();
      } else {
        __syncthreads();
      }
      break;
    case Fault::barrier_and_warp_operation:
      if (i == 3) {
        __syncthreads();
      } else {
        __syncwarp();
      }
      break;
    case Fault::endless_recursion:
      data[0] = static_cast<float>(recurse(count));
      break;
  }
}

__global__ void reversal_kernel(float* data, int count, bool has_barrier) {
  __shared__ float shared[threads];
  const int i = static_cast<int>(threadIdx.x);
  shared[i] = data[i];
  if (has_barrier) {
    __syncthreads();
  }
  data[i] = shared[count - 1 - i];
}

__global__ void fresh_shared_memory_kernel(float* data, int count) {
  __shared__ float shared[threads];
  const int i = static_cast<int>(threadIdx.x);
  data[i] = shared[i];
  shared[i] = static_cast<float>(count);
}

__global__ void block_numbers_kernel(float* data, int count) {
  if (threadIdx.x == 0) {
    data[blockIdx.x] = atomicAdd(data + count, 1.0f);
  }
}

__global__ void warp_operations_kernel(float* data) {
  const auto own = static_cast<int>(threadIdx.x);
  float* to = data + 8 * own;
  to[0] = static_cast<float>(__shfl_sync(whole_warp, own, 7));
  to[1] = static_cast<float>(__shfl_down_sync(whole_warp, own, 3));
  to[2] = static_cast<float>(__shfl_up_sync(whole_warp, static_cast<int64_t>(own), 3));
  to[3] = __shfl_xor_sync(whole_warp, static_cast<float>(own), 5);
  to[4] = static_cast<float>(__shfl_xor_sync(whole_warp, static_cast<double>(own), 4, 8));
  to[5] = static_cast<float>(__popc(__ballot_sync(whole_warp, own % 5 == 0)));
  to[6] = static_cast<float>(__any_sync(whole_warp, own == 40));
  to[7] = static_cast<float>(__all_sync(whole_warp, own < 32));
}

__global__ void block_sums_kernel(float* data) {
  const auto own = static_cast<float>(threadIdx.x);
  for (int i = 0; i < 4; ++i) {
    const float sum = block_sum(own + static_cast<float>(i));
    if (threadIdx.x == 0) {
      data[i] = sum;
    }
  }
}

}  // namespace

void launch_faulty(Fault fault, float* data, int count) {
  launch_kernel(faulty_kernel, {1, fault == Fault::lanes_beyond_block ? 40 : threads}, nullptr, fault, data, count);
}
void launch_of_no_blocks(float* data) {
  launch_kernel(fresh_shared_memory_kernel, {0, threads}, nullptr, data, 0);
}
void launch_reversal(float* data, int count, bool has_barrier) {
  launch_kernel(reversal_kernel, {1, threads}, nullptr, data, count, has_barrier);
}
void launch_read_of_fresh_shared_memory(float* data, int count) {
  launch_kernel(fresh_shared_memory_kernel, {2, threads}, nullptr, data, count);
}
void launch_block_numbers(float* data, int count) {
  launch_kernel(block_numbers_kernel, {static_cast<unsigned>(count), threads}, nullptr, data, count);
}
void launch_warp_operations(float* data) {
  launch_kernel(warp_operations_kernel, {1, threads}, nullptr, data);
}
void launch_block_sums(float* data) {
  launch_kernel(block_sums_kernel, 1, nullptr, data);
}

}  // namespace compress::cuda
