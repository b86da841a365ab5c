#include <cstdint>
#include <string>

#include "emulator/grid.h"

// What -fsanitize=... -fno-sanitize-recover calls. Here instead of the compiler's library, so that the kernel ends and
// not the program. All of the records that are passed begin with the place in the source.

namespace {

struct Place {
  const char* file;
  uint32_t line;
  uint32_t column;
};

void report(const char* what, const Place* place) {
  cuda_emulation::fail_kernel((std::string(what) + ", " + place->file + ":" + std::to_string(place->line)).c_str());
  __builtin_trap();
}

struct TypeMismatch {
  Place place;
  const void* type;
  unsigned char log_alignment;
  unsigned char kind;
};

}  // namespace

extern "C" {

void __ubsan_handle_type_mismatch_v1_abort(const TypeMismatch* record, uintptr_t address) {
  const uintptr_t alignment = uintptr_t{1} << record->log_alignment;
  report(address == 0               ? "null access"
         : address % alignment != 0 ? "misaligned access"
                                    : "access to too small an object",
         &record->place);
}
void __ubsan_handle_out_of_bounds_abort(const Place* place, uintptr_t) {
  report("index out of bounds", place);
}
void __ubsan_handle_add_overflow_abort(const Place* place, uintptr_t, uintptr_t) {
  report("overflow", place);
}
void __ubsan_handle_sub_overflow_abort(const Place* place, uintptr_t, uintptr_t) {
  report("overflow", place);
}
void __ubsan_handle_mul_overflow_abort(const Place* place, uintptr_t, uintptr_t) {
  report("overflow", place);
}
void __ubsan_handle_negate_overflow_abort(const Place* place, uintptr_t) {
  report("overflow", place);
}
void __ubsan_handle_divrem_overflow_abort(const Place* place, uintptr_t, uintptr_t) {
  report("division by zero or overflow", place);
}
void __ubsan_handle_shift_out_of_bounds_abort(const Place* place, uintptr_t, uintptr_t) {
  report("shift by too much", place);
}
}
