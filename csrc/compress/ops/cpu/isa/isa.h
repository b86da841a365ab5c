#pragma once

#include <string>

namespace compress::cpu {

/// The instruction sets that the inner loops are compiled for. `baseline` is what every processor of the architecture
/// has (SSE2 on x86-64); the others exist on x86-64 only. All give the same bits.
enum class Isa { baseline, avx2, avx512 };

std::string name_of(Isa isa);

/// The widest one that this processor has.
Isa best_isa();

/// The one in use: the environment's COMPRESS_CPU_ISA (baseline, avx2, avx512), else best_isa().
/// Raises UsageError for another name, or one that this processor lacks.
Isa active_isa();

/// Overrides the choice, for tests and benchmarks. Raises UsageError where this processor lacks it.
void set_active_isa(Isa isa);

}  // namespace compress::cpu

/// COMPRESS_DECLARE_KERNEL(void f(int n)) declares f in each variant's namespace; a source of this folder defines it in
/// `namespace compress::cpu::COMPRESS_ISA`. COMPRESS_SELECT_KERNEL(f) is the address of the active variant's.
#if defined(__x86_64__)
#define COMPRESS_DECLARE_KERNEL(...) \
  namespace baseline {               \
  __VA_ARGS__;                       \
  }                                  \
  namespace avx2 {                   \
  __VA_ARGS__;                       \
  }                                  \
  namespace avx512 {                 \
  __VA_ARGS__;                       \
  }
#define COMPRESS_SELECT_KERNEL(name)                                             \
  (::compress::cpu::active_isa() == ::compress::cpu::Isa::avx512 ? &avx512::name \
   : ::compress::cpu::active_isa() == ::compress::cpu::Isa::avx2 ? &avx2::name   \
                                                                 : &baseline::name)
#else
#define COMPRESS_DECLARE_KERNEL(...) \
  namespace baseline {               \
  __VA_ARGS__;                       \
  }
#define COMPRESS_SELECT_KERNEL(name) (&baseline::name)
#endif
