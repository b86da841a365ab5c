#include "compress/export/element_coding.h"

#include <algorithm>
#include <array>

namespace compress {
namespace {

constexpr int min_gap_width = 2;
constexpr int max_gap_width = 8;

uint64_t bytes_of(uint64_t count, int width) {
  return (count * width + 7) / 8;
}

// A symbol of all ones stands for that many elements left out, and the gap goes on.
constexpr uint64_t escape_of(int gap_width) {
  return (uint64_t{1} << gap_width) - 1;
}

/// Calls fn(gap) with the number of elements left out before each kept one, and after the last: together they say how
/// many elements there are, so that a damaged count cannot claim more memory than its bytes account for.
template <typename Function>
void for_each_gap(const std::vector<uint8_t>& kept, Function&& fn) {
  uint64_t gap = 0;
  for (const uint8_t keep : kept) {
    if (keep != 0) {
      fn(gap);
      gap = 0;
    } else {
      ++gap;
    }
  }
  fn(gap);
}

struct GapPlan {
  int width = min_gap_width;  ///< the one that takes the fewest bytes
  uint64_t bytes = 0;
};

GapPlan plan_gaps(const std::vector<uint8_t>& kept) {
  std::array<uint64_t, max_gap_width + 1> symbols{};
  for_each_gap(kept, [&](uint64_t gap) {
    for (int width = min_gap_width; width <= max_gap_width; ++width) {
      symbols[width] += gap / escape_of(width) + 1;
    }
  });
  GapPlan best{min_gap_width, bytes_of(symbols[min_gap_width], min_gap_width)};
  for (int width = min_gap_width + 1; width <= max_gap_width; ++width) {
    if (const uint64_t bytes = bytes_of(symbols[width], width); bytes < best.bytes) {
      best = {width, bytes};
    }
  }
  return best;
}

uint64_t varint_bytes(uint64_t value) {
  uint64_t bytes = 1;
  for (; value >= 0x80; value >>= 7) {
    ++bytes;
  }
  return bytes;
}

void write_gaps(ByteWriter& writer, const std::vector<uint8_t>& kept, uint64_t kept_count, int gap_width) {
  const uint64_t escape = escape_of(gap_width);
  writer.byte(static_cast<uint8_t>(gap_width));
  writer.varint(kept_count);
  BitWriter bits(writer);
  for_each_gap(kept, [&](uint64_t gap) {
    for (; gap >= escape; gap -= escape) {
      bits.write(static_cast<uint32_t>(escape), gap_width);
    }
    bits.write(static_cast<uint32_t>(gap), gap_width);
  });
  bits.finish();
}

void write_bitmap(ByteWriter& writer, const std::vector<uint8_t>& kept) {
  BitWriter bits(writer);
  for (const uint8_t keep : kept) {
    bits.write(keep != 0 ? 1 : 0, 1);
  }
  bits.finish();
}

void write_codes(ByteWriter& writer, const Elements& elements, bool all) {
  BitWriter bits(writer);
  for (size_t i = 0; i < elements.codes.size(); ++i) {
    if (all || elements.kept[i] != 0) {
      bits.write(elements.codes[i], elements.width);
    }
  }
  bits.finish();
}

std::vector<uint8_t> read_bitmap(ByteReader& reader, int64_t count) {
  check(bytes_of(count, 1) <= reader.remaining(), "cut off in its bitmap (", bytes_of(count, 1), " bytes expected, ",
        reader.remaining(), " left)");
  std::vector<uint8_t> kept(count);
  BitReader bits(reader, "bitmap");
  for (uint8_t& keep : kept) {
    keep = static_cast<uint8_t>(bits.read(1));
  }
  bits.finish();
  return kept;
}

std::vector<uint8_t> read_gaps(ByteReader& reader, int64_t count) {
  const int gap_width = reader.byte("gaps");
  check(gap_width >= min_gap_width && gap_width <= max_gap_width, "gaps of ", gap_width,
        " bits (allowed: ", min_gap_width, " to ", max_gap_width, ")");
  const int64_t kept_count = reader.varint("gaps");
  const auto escape = static_cast<int64_t>(escape_of(gap_width));
  const auto symbols = static_cast<int64_t>(reader.remaining() * 8 / gap_width);
  check(kept_count < symbols && kept_count <= count && count - kept_count <= symbols * escape, "cut off in its gaps (",
        kept_count, " of ", count, " elements in ", reader.remaining(), " bytes)");
  std::vector<uint8_t> kept(count);
  BitReader bits(reader, "gaps");
  int64_t position = 0;
  for (int64_t i = 0; i <= kept_count; ++i) {
    int64_t symbol = 0;
    do {
      symbol = bits.read(gap_width);
      position += symbol;
      check(position <= count, "its gaps run beyond the ", count, " elements of its weight");
    } while (symbol == escape);
    if (i < kept_count) {
      check(position < count, "its gaps run beyond the ", count, " elements of its weight");
      kept[position++] = 1;
    }
  }
  check(position == count, "its gaps end after ", position, " of the ", count, " elements of its weight");
  bits.finish();
  return kept;
}

Coding read_coding(ByteReader& reader) {
  const uint8_t coding = reader.byte("coding");
  check(coding <= static_cast<uint8_t>(Coding::gaps), "unknown coding ", int{coding},
        " of its elements (known: 0 dense, 1 bitmap, 2 gaps)");
  return Coding{coding};
}

}  // namespace

const char* coding_name(Coding coding) {
  return coding == Coding::dense ? "dense" : coding == Coding::bitmap ? "bitmap" : "gaps";
}

Coding write_elements(ByteWriter& writer, const Elements& elements) {
  const auto kept_count = static_cast<uint64_t>(std::count(elements.kept.begin(), elements.kept.end(), 1));
  const GapPlan plan = plan_gaps(elements.kept);
  const uint64_t values = bytes_of(kept_count, elements.width);
  const uint64_t dense = bytes_of(elements.codes.size(), elements.width);
  const uint64_t bitmap = bytes_of(elements.codes.size(), 1) + values;
  const uint64_t gaps = 1 + varint_bytes(kept_count) + plan.bytes + values;
  const Coding coding = dense <= std::min(bitmap, gaps) ? Coding::dense
                        : bitmap <= gaps                ? Coding::bitmap
                                                        : Coding::gaps;
  writer.byte(static_cast<uint8_t>(coding));
  if (coding == Coding::bitmap) {
    write_bitmap(writer, elements.kept);
  } else if (coding == Coding::gaps) {
    write_gaps(writer, elements.kept, kept_count, plan.width);
  }
  write_codes(writer, elements, coding == Coding::dense);
  return coding;
}

Elements read_elements(ByteReader& reader, int64_t count, int width, Coding* coding) {
  const Coding read = read_coding(reader);
  if (coding != nullptr) {
    *coding = read;
  }
  Elements elements{width, {}, {}};
  if (read == Coding::dense) {
    check(static_cast<uint64_t>(count) <= reader.remaining() * 8 / width, "cut off in its elements (", count, " of ",
          width, " bits expected, ", reader.remaining(), " bytes left)");
    elements.kept.assign(count, 1);
  } else {
    elements.kept = read == Coding::bitmap ? read_bitmap(reader, count) : read_gaps(reader, count);
  }
  elements.codes.resize(count);
  BitReader bits(reader, "elements");
  for (int64_t i = 0; i < count; ++i) {
    if (elements.kept[i] != 0) {
      elements.codes[i] = bits.read(width);
    }
  }
  bits.finish();
  return elements;
}

}  // namespace compress
