#include <gtest/gtest.h>

#include "compress/core/duration.h"
#include "compress/core/error.h"

namespace compress {
namespace {

TEST(Duration, ResolvesEveryUnit) {
  const RunLength run{690, 23};
  EXPECT_EQ(parse_duration("60%").resolve(run), 414);
  EXPECT_EQ(parse_duration("20e").resolve(run), 460);
  EXPECT_EQ(parse_duration("0.5e").resolve(run), 12);  // 11.5 rounds away from zero
  EXPECT_EQ(parse_duration("300").resolve(run), 300);
  EXPECT_EQ(parse_duration("100%").resolve(run), 690);
}

TEST(Duration, ReadsBackWhatItWrites) {
  for (const char* text : {"60%", "12.5%", "20e", "0.5e", "300", "0"}) {
    EXPECT_EQ(parse_duration(text).text(), text);
  }
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "%", "e", "ten", "10 %", "-5", "101%", "1.5", "inf", "nan", "5x"}) {
    EXPECT_THROW(parse_duration(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace compress
