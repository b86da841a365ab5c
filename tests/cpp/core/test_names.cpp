#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compress/core/names.h"

namespace compress {

namespace {
enum class Fruit { apple, pear, quince };
}

template <>
inline constexpr auto enum_names<Fruit> = std::to_array<EnumName<Fruit>>({
    {Fruit::apple, "apple", "round"},
    {Fruit::pear, "pear", "long"},
});

namespace {

TEST(EnumNames, GoBothWays) {
  for (const EnumName<Fruit>& entry : enum_names<Fruit>) {
    EXPECT_STREQ(enum_name(entry.value), entry.name);
    EXPECT_EQ(enum_from_name<Fruit>("fruit", entry.name), entry.value);
  }
}

TEST(EnumNames, AnUnknownWordIsAnswered) {
  try {
    enum_from_name<Fruit>("basket: fruit", "aple");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "basket: fruit: unknown 'aple' (allowed: apple, pear), did you mean 'apple'?");
  }
  EXPECT_THROW(enum_from_name<Fruit>("basket: fruit", ""), UsageError);
}

TEST(EnumNames, AnEnumeratorWithoutAWordIsAnError) {
  EXPECT_THROW(enum_name(Fruit::quince), Error);
}

}  // namespace
}  // namespace compress
