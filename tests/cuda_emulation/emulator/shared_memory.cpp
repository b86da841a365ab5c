#include "emulator/shared_memory.h"

#include <cstring>
#include <utility>
#include <vector>

namespace cuda_emulation {
namespace {

std::vector<std::pair<char*, char*>>& ranges() {
  static std::vector<std::pair<char*, char*>> all;
  return all;
}

}  // namespace

void register_shared_memory(char* begin, char* end) {
  ranges().emplace_back(begin, end);
}

void poison_shared_memory() {
  for (const auto& [begin, end] : ranges()) {
    std::memset(begin, 0xff, static_cast<size_t>(end - begin));
  }
}

}  // namespace cuda_emulation
