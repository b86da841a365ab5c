#pragma once

#include "cuda_runtime_api.h"
#include "emulator/grid.h"

// A stand-in for CUDA's header, with which a host compiler reads the .cu files: a kernel is a function, and the
// emulator calls it for every thread. What a kernel uses and this header lacks is added here, with CUDA's meaning.

#if defined(__CUDACC__)

#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
// The blocks run one after another, so that one copy serves them all. The emulator finds it by its section.
#define __shared__ static

using cuda_emulation::blockDim;
using cuda_emulation::blockIdx;
using cuda_emulation::gridDim;
using cuda_emulation::threadIdx;

template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert((0 + ... + sizeof(Parameters)) <= 4096, "a launch's parameters hold 4 KiB");
  const std::tuple<Parameters...> parameters(arguments...);
  cuda_emulation::run_grid(config->gridDim, config->blockDim, [&] { std::apply(kernel, parameters); });
  return cudaSuccess;
}

inline void __syncthreads(int line = __builtin_LINE()) {
  cuda_emulation::wait_for_block(line);
}

inline void __syncwarp(unsigned lanes = 0xffffffffu, int line = __builtin_LINE()) {
  cuda_emulation::wait_for_lanes(lanes, line);
}

inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T>
T __shfl_sync(unsigned lanes, T value, int source, int width = 32, int line = __builtin_LINE()) {
  const int own = static_cast<int>(threadIdx.x % 32);
  return cuda_emulation::value_of_lane(lanes, value, own / width * width + source % width, line);
}

template <typename T>
T __shfl_down_sync(unsigned lanes, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  const int own = static_cast<int>(threadIdx.x % 32);
  const int source = own + static_cast<int>(delta);
  return cuda_emulation::value_of_lane(lanes, value, source / width == own / width ? source : own, line);
}

template <typename T>
T __shfl_up_sync(unsigned lanes, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  const int own = static_cast<int>(threadIdx.x % 32);
  const int source = own - static_cast<int>(delta);
  return cuda_emulation::value_of_lane(lanes, value, source >= own / width * width ? source : own, line);
}

template <typename T>
T __shfl_xor_sync(unsigned lanes, T value, int bits, int width = 32, int line = __builtin_LINE()) {
  const int own = static_cast<int>(threadIdx.x % 32);
  const int source = own ^ bits;
  return cuda_emulation::value_of_lane(lanes, value, source / width <= own / width ? source : own, line);
}

inline unsigned __ballot_sync(unsigned lanes, bool is_true, int line = __builtin_LINE()) {
  return cuda_emulation::lanes_where(lanes, is_true, line);
}
inline int __any_sync(unsigned lanes, bool is_true, int line = __builtin_LINE()) {
  return cuda_emulation::lanes_where(lanes, is_true, line) != 0;
}
inline int __all_sync(unsigned lanes, bool is_true, int line = __builtin_LINE()) {
  return cuda_emulation::lanes_where(lanes, is_true, line) == lanes;
}

inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline int __popc(unsigned bits) {
  return __builtin_popcount(bits);
}
inline int __ffs(int bits) {
  return __builtin_ffs(bits);
}

// Threads run one at a time, so that nothing can come between an atomic's reading and its writing.
namespace cuda_emulation {

template <typename T, typename... Allowed>
constexpr bool is_one_of = (std::is_same_v<T, Allowed> || ...);

template <typename T>
using Same = std::common_type_t<T>;  // takes no part in deduction

template <typename T, typename Change>
T changed(T* at, const Change& change) {
  const T old = *at;
  *at = change(old);
  return old;
}

}  // namespace cuda_emulation

template <typename T>
T atomicAdd(T* at, cuda_emulation::Same<T> value) {
  static_assert(cuda_emulation::is_one_of<T, int, unsigned, unsigned long long, float, double>, "as CUDA has it");
  return cuda_emulation::changed(at, [&](T old) { return old + value; });
}
template <typename T>
T atomicMin(T* at, cuda_emulation::Same<T> value) {
  static_assert(cuda_emulation::is_one_of<T, int, unsigned, long long, unsigned long long>, "as CUDA has it");
  return cuda_emulation::changed(at, [&](T old) { return value < old ? value : old; });
}
template <typename T>
T atomicMax(T* at, cuda_emulation::Same<T> value) {
  static_assert(cuda_emulation::is_one_of<T, int, unsigned, long long, unsigned long long>, "as CUDA has it");
  return cuda_emulation::changed(at, [&](T old) { return value > old ? value : old; });
}

#endif
