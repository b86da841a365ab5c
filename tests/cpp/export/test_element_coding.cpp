#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "compress/core/error.h"
#include "compress/export/element_coding.h"
#include "core/temp_folder.h"

namespace compress {
namespace {

using test::error_of;
using testing::ElementsAreArray;
using testing::HasSubstr;

using Bytes = std::vector<uint8_t>;

Elements make_elements(int width, size_t count, const std::vector<std::pair<size_t, uint32_t>>& kept) {
  Elements elements{width, std::vector<uint32_t>(count), std::vector<uint8_t>(count)};
  for (const auto& [position, code] : kept) {
    elements.codes[position] = code;
    elements.kept[position] = 1;
  }
  return elements;
}

Elements random_elements(int width, size_t count, double density) {
  std::mt19937_64 generator(7);
  std::bernoulli_distribution keep(density);
  Elements elements{width, std::vector<uint32_t>(count), std::vector<uint8_t>(count)};
  for (size_t i = 0; i < count; ++i) {
    if (keep(generator)) {
      elements.kept[i] = 1;
      elements.codes[i] = static_cast<uint32_t>(generator() >> (64 - width));
    }
  }
  return elements;
}

Bytes encode(const Elements& elements) {
  ByteWriter writer;
  write_elements(writer, elements);
  return writer.written();
}

Elements decode(const Bytes& bytes, int64_t count, int width, Coding* coding = nullptr) {
  ByteReader reader(bytes);
  Elements elements = read_elements(reader, count, width, coding);
  check(reader.remaining() == 0, "bytes left");
  return elements;
}

TEST(ElementCoding, EveryWidthAndDensityReadsBack) {
  for (const int width : {2, 3, 4, 5, 6, 7, 8, 32}) {
    for (const double density : {0.0, 0.001, 0.1, 0.5, 1.0}) {
      for (const size_t count : {1, 7, 8, 9, 255, 256, 1021}) {
        const Elements elements = random_elements(width, count, density);
        Coding coding{};
        const Elements read = decode(encode(elements), static_cast<int64_t>(count), width, &coding);
        ASSERT_EQ(read.codes, elements.codes) << width << " bits, density " << density << ", " << count;
        if (coding != Coding::dense) {
          ASSERT_EQ(read.kept, elements.kept);
        }
      }
    }
  }
}

TEST(ElementCoding, GapsOfEveryLengthReadBack) {
  // Around each escape: 3, 7, 15, 31, 63, 127, 255 elements left out, and its multiples.
  for (size_t gap = 1; gap < 600; ++gap) {
    const Elements elements = make_elements(8, 2 * gap + 2, {{gap, 9}, {2 * gap + 1, 200}});
    ASSERT_EQ(decode(encode(elements), static_cast<int64_t>(elements.codes.size()), 8).kept, elements.kept) << gap;
  }
}

TEST(ElementCoding, TakesTheSmallestCoding) {
  const auto coding_of = [](double density) { return Coding{encode(random_elements(8, 4000, density)).front()}; };
  EXPECT_EQ(coding_of(1.0), Coding::dense);
  EXPECT_EQ(coding_of(0.5), Coding::bitmap);
  EXPECT_EQ(coding_of(0.1), Coding::gaps);
  EXPECT_EQ(coding_of(0.0), Coding::gaps);
  // 90 % left out: bitmap would take 500 bytes for the places of 400 elements, a byte a gap 400; gaps take about 5
  // bits.
  EXPECT_LT(encode(random_elements(8, 4000, 0.1)).size(), 400u + 280u);
}

// The examples of docs/packed_format.md.
TEST(ElementCoding, DocumentedBytes) {
  EXPECT_THAT(encode(make_elements(8, 64, {{5, 0x07}, {20, 0xff}})),
              ElementsAreArray({0x02, 0x04, 0x02, 0xe5, 0xff, 0x0d, 0x07, 0xff}));
  EXPECT_THAT(encode(make_elements(4, 8, {{2, 0x3}, {5, 0xe}})), ElementsAreArray({0x01, 0x24, 0xe3}));
  EXPECT_THAT(encode(make_elements(4, 3, {{0, 0x1}, {1, 0xf}, {2, 0x7}})), ElementsAreArray({0x00, 0xf1, 0x07}));
}

TEST(ElementCoding, DamageIsNamed) {
  const auto error = [](const Bytes& bytes, int64_t count, int width = 8) {
    return error_of<Error>([&] { decode(bytes, count, width); });
  };
  EXPECT_THAT(error({}, 1), HasSubstr("cut off in its coding"));
  EXPECT_THAT(error({3}, 1), HasSubstr("unknown coding 3"));
  EXPECT_THAT(error({0, 1, 2}, 3), HasSubstr("cut off in its elements"));
  EXPECT_THAT(error({0, 1}, INT64_MAX), HasSubstr("cut off in its elements"));
  EXPECT_THAT(error({0, 0xf1, 0x17}, 3, 4), HasSubstr("bits after the last of its elements"));
  EXPECT_THAT(error({1}, 9), HasSubstr("cut off in its bitmap"));
  EXPECT_THAT(error({1, 0xff}, INT64_MAX), HasSubstr("cut off in its bitmap"));
  EXPECT_THAT(error({1, 0xf0, 0, 0}, 4), HasSubstr("bits after the last of its bitmap"));
  EXPECT_THAT(error({1, 0x03, 7}, 4), HasSubstr("cut off in its elements"));
  EXPECT_THAT(error({2}, 4), HasSubstr("cut off in its gaps"));
  EXPECT_THAT(error({2, 1, 0, 0}, 4), HasSubstr("gaps of 1 bits (allowed: 2 to 8)"));
  EXPECT_THAT(error({2, 9, 0, 0}, 4), HasSubstr("gaps of 9 bits"));
  EXPECT_THAT(error({2, 8, 5, 0, 0, 0, 0, 0, 0}, 4), HasSubstr("cut off in its gaps (5 of 4 elements"));
  EXPECT_THAT(error({2, 8, 0, 255}, 10'000), HasSubstr("cut off in its gaps (0 of 10000 elements"));
  EXPECT_THAT(error({2, 8, 0, 5}, 4), HasSubstr("run beyond the 4 elements"));
  EXPECT_THAT(error({2, 8, 1, 4, 0, 9}, 4), HasSubstr("run beyond the 4 elements"));
  EXPECT_THAT(error({2, 8, 0, 3}, 4), HasSubstr("end after 3 of the 4 elements"));
  EXPECT_THAT(error({2, 8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 4),
              HasSubstr("a number in its gaps is too long"));
}

}  // namespace
}  // namespace compress
