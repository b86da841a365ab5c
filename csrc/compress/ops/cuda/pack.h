#pragma once

#include <cuda_runtime.h>

#include <cstring>

namespace compress::cuda {

/// `count` neighbours that move in one instruction.
template <typename T, int count>
struct alignas(sizeof(T) * count) Pack {
  T values[count];
};

#if defined(__CUDACC__)

/// Reads the pack that begins at this element.
template <int count, typename T>
__device__ __forceinline__ Pack<T, count> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, count>*>(from);
}

/// Writes it. Of an assignment nvcc at times makes a store for each element.
template <int count, typename T>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, count>& pack) {
#if defined(__NVCC__)
  if constexpr (sizeof(pack) == 16) {
    uint4 bits;
    memcpy(&bits, &pack, sizeof(bits));
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(__cvta_generic_to_global(to)), "r"(bits.x), "r"(bits.y), "r"(bits.z), "r"(bits.w)
                 : "memory");
    return;
  }
#endif
  *reinterpret_cast<Pack<T, count>*>(to) = pack;
}

#endif

}  // namespace compress::cuda
