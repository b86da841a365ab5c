#include "compress/ops/cpu/isa/isa.h"

#include <atomic>
#include <cstdlib>

#include "compress/core/error.h"
#include "compress/core/names.h"

namespace compress {

// Here and not in isa.h: the inner loops must not see functions that others may share.
template <>
inline constexpr auto enum_names<cpu::Isa> = std::to_array<EnumName<cpu::Isa>>({
    {cpu::Isa::baseline, "baseline", "what every processor of the architecture has"},
    {cpu::Isa::avx2, "avx2", "AVX2 and F16C"},
    {cpu::Isa::avx512, "avx512", "AVX-512 F, BW, DQ and VL"},
});

}  // namespace compress

namespace compress::cpu {
namespace {

Isa detect_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) {
    return Isa::avx2;
  }
#endif
  return Isa::baseline;
}

void check_supported(Isa isa) {
  check<UsageError>(isa <= best_isa(), "instruction set ", name_of(isa), ": this processor lacks it (it has ",
                    name_of(best_isa()), ")");
}

Isa initial_isa() {
  const char* wanted = std::getenv("COMPRESS_CPU_ISA");
  if (wanted == nullptr || *wanted == '\0') {
    return best_isa();
  }
  const Isa isa = enum_from_name<Isa>("COMPRESS_CPU_ISA", wanted);
  check_supported(isa);
  return isa;
}

std::atomic<Isa>& chosen_isa() {
  static std::atomic<Isa> isa = initial_isa();
  return isa;
}

}  // namespace

std::string name_of(Isa isa) {
  return enum_name(isa);
}

Isa best_isa() {
  static const Isa isa = detect_isa();
  return isa;
}

Isa active_isa() {
  return chosen_isa().load(std::memory_order_relaxed);
}

void set_active_isa(Isa isa) {
  check_supported(isa);
  chosen_isa().store(isa, std::memory_order_relaxed);
}

}  // namespace compress::cpu
