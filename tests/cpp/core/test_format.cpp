#include <gtest/gtest.h>

#include "compress/core/format.h"

namespace compress {
namespace {

TEST(IntegerFormat, NamesRoundTripFromInt2ToInt8) {
  for (int bits = min_integer_bits; bits <= max_integer_bits; ++bits) {
    const IntegerFormat format{bits};
    EXPECT_EQ(parse_integer_format(format.name()), format);
  }
}

TEST(IntegerFormat, RefusesEveryOtherName) {
  for (const char* name : {"int1", "int9", "int16", "int", "uint8", "INT8", "", "int8 "}) {
    EXPECT_FALSE(parse_integer_format(name).has_value()) << name;
  }
}

TEST(IntegerFormat, RangesOfInt8AndInt2) {
  EXPECT_EQ(IntegerFormat{8}.quant_min(false), -128);
  EXPECT_EQ(IntegerFormat{8}.quant_min(true), -127);
  EXPECT_EQ(IntegerFormat{8}.quant_max(), 127);
  EXPECT_EQ(IntegerFormat{2}.quant_min(true), -1);
  EXPECT_EQ(IntegerFormat{2}.quant_max(), 1);
}

}  // namespace
}  // namespace compress
