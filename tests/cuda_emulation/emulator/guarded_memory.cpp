#include "emulator/guarded_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <new>

#include "emulator/grid.h"

namespace cuda_emulation {
namespace {

constexpr size_t page = 4096;
constexpr size_t boundary = 16;
constexpr unsigned char gap_byte = 0xa5;

struct Region {
  char* mapping;  // a guard, whole pages, a guard
  size_t mapped;
  size_t bytes;

  char* pages() const { return mapping + page; }
  char* pages_end() const { return mapping + mapped - page; }
};

std::map<const char*, Region>& regions() {
  static std::map<const char*, Region> all;
  return all;
}

Placement placement;

char* place(const Region& region, size_t element_size) {
  if (placement.edge == Placement::Edge::begin) {
    return region.pages() + (placement.shift < 0 ? 0 : static_cast<size_t>(placement.shift) * element_size % boundary);
  }
  char* latest = region.pages_end() - region.bytes;
  if (placement.shift < 0) {
    return latest;
  }
  const size_t wanted = static_cast<size_t>(placement.shift) * element_size % boundary;
  return latest - (reinterpret_cast<uintptr_t>(latest) - wanted) % boundary;
}

bool is_gap_whole(const char* begin, const char* end) {
  for (; begin < end; ++begin) {
    if (static_cast<unsigned char>(*begin) != gap_byte) {
      return false;
    }
  }
  return true;
}

}  // namespace

void set_placement(const Placement& to) {
  placement = to;
}

void* allocate_guarded(size_t bytes, size_t element_size) {
  Region region;
  region.bytes = bytes;
  region.mapped = (bytes + boundary + page - 1) / page * page + 2 * page;
  void* mapping = mmap(nullptr, region.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) {
    throw std::bad_alloc();
  }
  region.mapping = static_cast<char*>(mapping);
  const size_t inner = region.mapped - 2 * page;
  mprotect(region.pages(), inner, PROT_READ | PROT_WRITE);
  std::memset(region.pages(), gap_byte, inner);
  char* memory = place(region, element_size);
  std::memset(memory, 0xff, bytes);
  regions()[memory] = region;
  return memory;
}

void free_guarded(void* memory) {
  const auto found = regions().find(static_cast<const char*>(memory));
  munmap(found->second.mapping, found->second.mapped);
  regions().erase(found);
}

void check_gaps() {
  for (const auto& [memory, region] : regions()) {
    if (!is_gap_whole(region.pages(), memory) || !is_gap_whole(memory + region.bytes, region.pages_end())) {
      throw KernelError("a write next to memory of " + std::to_string(region.bytes) + " bytes");
    }
  }
}

std::string place_of(const void* address) {
  const char* at = static_cast<const char*>(address);
  for (const auto& [memory, region] : regions()) {
    if (at >= region.mapping && at < region.mapping + region.mapped) {
      const std::string size = std::to_string(region.bytes) + " bytes";
      return at < memory ? " " + std::to_string(memory - at) + " bytes before memory of " + size
                         : " at byte " + std::to_string(at - memory) + " of memory of " + size;
    }
  }
  return " to no memory of the device";
}

}  // namespace cuda_emulation
