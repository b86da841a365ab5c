#include "compress/ops/cuda/grid.h"
#include "compress/ops/cuda/magnitude_threshold.h"
#include "compress/ops/cuda/over_tiles.h"

namespace compress::cuda {
namespace {

constexpr int64_t block_elements = 65536;
static_assert(sizeof(WeightChunk) <= 3584, "kernel parameters hold 4 KiB");

/// Lanes of a warp count into so many histograms by turns, bin beside bin: most weights share a few leading digits, and
/// lanes that count into one word wait for each other.
constexpr int copies = 4;

/// Counts into shared memory. Pruned weights are long runs of zeros: equal neighbours are added at once, so that they
/// do not queue for one counter.
class DigitCounter {
 public:
  __device__ explicit DigitCounter(unsigned* bins) : bins_(bins + threadIdx.x % copies) {}
  __device__ ~DigitCounter() { flush(); }

  __device__ void add(int bin) {
    if (bin != bin_) {
      flush();
      bin_ = bin;
      count_ = 0;
    }
    ++count_;
  }

 private:
  __device__ void flush() {
    if (count_ > 0) {
      atomicAdd(bins_ + bin_ * copies, count_);
    }
  }

  unsigned* bins_;
  int bin_ = 0;
  unsigned count_ = 0;
};

__global__ void __launch_bounds__(block_threads) begin_kernel(SelectionState* state, int64_t rank) {
  auto* bins = &state->bins[0][0];
  for (int64_t i = grid_index(); i < SelectionState::max_digits * math::radix_bins; i += grid_stride()) {
    bins[i] = 0;
  }
  if (grid_index() == 0) {
    state->rank = rank;
    state->key = 0;
  }
}

template <typename Int>
__device__ void count_elements(const Int* weight, int count, Int prefix, math::RadixDigit digit, unsigned* bins) {
  constexpr int per_vector = 16 / sizeof(Int);
  DigitCounter counter(bins);
  const auto take = [&](Int bits) {
    const Int key = math::magnitude_key(bits);
    if (digit.shares_prefix(key, prefix)) {
      counter.add(digit.of(key));
    }
  };
  const bool aligned = reinterpret_cast<uintptr_t>(weight) % 16 == 0;
  const int vectors = aligned ? count / per_vector : 0;
  over_items<4>(
      static_cast<int>(threadIdx.x), block_threads, vectors,
      [&](int i) { return load_pack<per_vector>(weight + i * per_vector); },
      [&](int, const Pack<Int, per_vector>& vector) {
#pragma unroll
        for (int j = 0; j < per_vector; ++j) {
          take(vector.values[j]);
        }
      });
  over_items<4>(
      vectors * per_vector + static_cast<int>(threadIdx.x), block_threads, count, [&](int i) { return weight[i]; },
      [&](int, Int bits) { take(bits); });
}

template <typename Int>
__global__ void __launch_bounds__(block_threads)
    count_kernel(const __grid_constant__ WeightChunk chunk, math::RadixDigit digit, int digit_index,
                 SelectionState* state) {
  __shared__ unsigned bins[math::radix_bins * copies];
  for (int bin = threadIdx.x; bin < math::radix_bins * copies; bin += block_threads) {
    bins[bin] = 0;
  }
  __syncthreads();
  int tensor = 0;
  while (chunk.first_block[tensor + 1] <= blockIdx.x) {
    ++tensor;
  }
  const int64_t begin = (blockIdx.x - chunk.first_block[tensor]) * block_elements;
  const int64_t left = chunk.elements[tensor] - begin;
  count_elements(static_cast<const Int*>(chunk.data[tensor]) + begin,
                 static_cast<int>(left < block_elements ? left : block_elements), static_cast<Int>(state->key), digit,
                 bins);
  __syncthreads();
  for (int bin = threadIdx.x; bin < math::radix_bins; bin += block_threads) {
    unsigned sum = 0;
    for (int copy = 0; copy < copies; ++copy) {
      sum += bins[bin * copies + copy];
    }
    if (sum > 0) {
      atomicAdd(&state->bins[digit_index][bin], static_cast<unsigned long long>(sum));
    }
  }
}

// One block. Each thread adds up neighbouring bins; the running sums tell which thread's bins hold the rank.
__global__ void __launch_bounds__(block_threads)
    select_kernel(math::FloatFormat format, math::RadixDigit digit, int digit_index, SelectionState* state,
                  float* threshold) {
  constexpr int bins_per_thread = math::radix_bins / block_threads;
  __shared__ int64_t sums[block_threads];
  const unsigned long long* bins = &state->bins[digit_index][threadIdx.x * bins_per_thread];
  const int64_t rank = state->rank;
  int64_t own = 0;
  for (int i = 0; i < bins_per_thread; ++i) {
    own += static_cast<int64_t>(bins[i]);
  }
  sums[threadIdx.x] = own;
  __syncthreads();
  for (int distance = 1; distance < block_threads; distance *= 2) {
    const int64_t before = threadIdx.x >= distance ? sums[threadIdx.x - distance] : 0;
    __syncthreads();
    sums[threadIdx.x] += before;
    __syncthreads();
  }
  int64_t left = rank - (sums[threadIdx.x] - own);
  if (left <= 0 || left > own) {
    return;
  }
  int bin = 0;
  for (; left > static_cast<int64_t>(bins[bin]); ++bin) {
    left -= static_cast<int64_t>(bins[bin]);
  }
  const int64_t found = threadIdx.x * bins_per_thread + bin;
  state->rank = left;
  state->key |= found << digit.shift;
  *threshold = math::threshold_of_key(state->key, format);
}

}  // namespace

void WeightChunk::add(const void* weight, int64_t weight_elements) {
  data[count] = weight;
  elements[count] = weight_elements;
  first_block[count + 1] = first_block[count] + (weight_elements + block_elements - 1) / block_elements;
  ++count;
}

void launch_begin_selection(SelectionState* state, int64_t rank, cudaStream_t stream) {
  launch_kernel(begin_kernel, thread_blocks(SelectionState::max_digits * math::radix_bins), stream, state, rank);
}

void launch_count_digit(const WeightChunk& chunk, math::FloatFormat format, math::RadixDigit digit, int digit_index,
                        SelectionState* state, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>(chunk.first_block[chunk.count]);
  if (blocks == 0) {
    return;
  }
  math::with_integer_of(bytes_of(format), [&](auto zero) {
    launch_kernel(count_kernel<decltype(zero)>, blocks, stream, chunk, digit, digit_index, state);
  });
}

void launch_select_digit(math::FloatFormat format, math::RadixDigit digit, int digit_index, SelectionState* state,
                         float* threshold, cudaStream_t stream) {
  launch_kernel(select_kernel, 1, stream, format, digit, digit_index, state, threshold);
}

}  // namespace compress::cuda
