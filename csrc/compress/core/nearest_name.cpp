#include "compress/core/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <numeric>
#include <utility>

namespace compress {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

// Optimal string alignment: Levenshtein's distance, with a swap of two neighbours as one edit.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1])) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

size_t edits_allowed(std::string_view a, std::string_view b) {
  return std::clamp<size_t>(std::max(a.size(), b.size()) / 3, 1, 4);
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& names, size_t count) {
  std::vector<std::pair<size_t, size_t>> near;  // edits, index
  for (size_t i = 0; i < names.size(); ++i) {
    const size_t edits = edit_distance(name, names[i]);
    // A name of which every letter is replaced is no near name, however short.
    if (edits <= edits_allowed(name, names[i]) && edits < std::max(name.size(), names[i].size())) {
      near.emplace_back(edits, i);
    }
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> result;
  for (size_t n = 0; n < std::min(count, near.size()); ++n) {
    result.push_back(names[near[n].second]);
  }
  return result;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  const std::vector<std::string> near = nearest_names(name, names, 1);
  return near.empty() ? std::string() : near.front();
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& names) {
  const std::string near = nearest_name(name, names);
  return near.empty() ? std::string() : ", did you mean '" + near + "'?";
}

}  // namespace compress
