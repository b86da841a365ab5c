#include "compress/ops/cpu/isa/isa.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <string_view>

#include "compress/core/error.h"

namespace compress::cpu {
namespace {

constexpr std::array<std::string_view, 3> names = {"baseline", "avx2", "avx512"};

Isa detect_isa() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::avx512;
  }
  if (__builtin_cpu_supports("avx2")) {
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
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == wanted) {
      check_supported(static_cast<Isa>(i));
      return static_cast<Isa>(i);
    }
  }
  fail<UsageError>("COMPRESS_CPU_ISA: unknown instruction set '", wanted, "'; use baseline, avx2 or avx512");
}

std::atomic<Isa>& chosen_isa() {
  static std::atomic<Isa> isa = initial_isa();
  return isa;
}

}  // namespace

std::string name_of(Isa isa) {
  return std::string(names[static_cast<size_t>(isa)]);
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
