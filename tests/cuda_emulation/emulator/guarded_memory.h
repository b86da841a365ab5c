#pragma once

#include <cstddef>
#include <string>

namespace cuda_emulation {

/// Where memory lies between the inaccessible pages before and after it.
struct Placement {
  enum class Edge { begin, end } edge = Edge::end;
  /// Elements past a 16-byte boundary at which memory begins; -1: exactly at the edge, where it is the end.
  int shift = -1;
};
void set_placement(const Placement& placement);

/// `bytes` bytes, filled with 0xff, at the placement that is set, for elements of `element_size` bytes.
void* allocate_guarded(size_t bytes, size_t element_size);

void free_guarded(void* memory);

/// Throws KernelError where bytes between some memory and its guards were written.
void check_gaps();

/// Words that tell which memory an address is next to, for a message.
std::string place_of(const void* address);

}  // namespace cuda_emulation
