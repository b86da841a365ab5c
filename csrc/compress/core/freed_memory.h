#pragma once

namespace compress {

/// Makes the C library keep freed memory for the next allocation instead of giving it back to the system (glibc:
/// blocks of up to 1 GiB, up to 2 GiB at the heap's end). A training step frees and allocates the same tensors again
/// and again; from a few MB on a fresh one costs more in page faults than in arithmetic: a clone of 3072 x 3072 floats
/// took 28 ms before and 1.8 ms after.
///
/// It is the whole process's setting, so that a program calls it, not the library. Limits that the environment sets
/// (MALLOC_TRIM_THRESHOLD_, MALLOC_MMAP_THRESHOLD_) stay. False where they do, or where the C library has no such
/// setting.
bool keep_freed_memory();

}  // namespace compress
