#include <gtest/gtest.h>

#include <utility>

#include "compress/config/describe.h"

namespace compress::config {
namespace {

/// Stands for a value of any type, so that aggregate initialisation tells how many members a struct has.
struct Anything {
  template <typename T>
  operator T() const;
};

template <typename Struct, size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires {
    Struct{(static_cast<void>(I), Anything{})...};
  };
}

template <typename Struct, size_t Count = 0>
constexpr size_t member_count() {
  if constexpr (takes<Struct>(std::make_index_sequence<Count + 1>())) {
    return member_count<Struct, Count + 1>();
  } else {
    return Count;
  }
}

/// Counts the keys of one block.
class KeyCounter : public Visitor {
 public:
  size_t count = 0;
  void key(const Key& key, const Visit& value) override { ++count; }
  void block(const Visit& fields) override {}
  void scalar(const Scalar& scalar) override {}
  void optional(const OptionalView& optional) override {}
  void variant(const VariantView& variant) override {}
  void list(const ListView& list) override {}
  void pairs(TextPairs& pairs) override {}
};

/// Counts the keys of a quantize block's `weight`.
class WeightKeyCounter : public KeyCounter {
 public:
  void key(const Key& key, const Visit& value) override {
    if (key.name == "weight") {
      value(*this);
    }
  }
  void optional(const OptionalView& optional) override { optional.value(*this); }
  void block(const Visit& fields) override {
    KeyCounter keys;
    fields(keys);
    count = keys.count;
  }
};

template <typename Options>
class ConfigCompletenessOf : public testing::Test {};

// QuantizeOptions is left out: std::optional takes Anything in two ways.
using AllOptions = testing::Types<train::Experiment, train::TrainingOptions, train::ReportOptions, data::DataOptions,
                                  data::AugmentOptions, models::ConvnetOptions, models::MlpOptions,
                                  models::ResnetOptions, optim::SgdOptions, optim::AdamwOptions,
                                  optim::LearningRateOptions, recipe::PruneOptions, recipe::PruneOptions::Schedule,
                                  recipe::DistillOptions, recipe::TeacherOptions, recipe::KlTerm, recipe::FeatureTerm>;
TYPED_TEST_SUITE(ConfigCompletenessOf, AllOptions);

TYPED_TEST(ConfigCompletenessOf, EveryMemberHasAKey) {
  TypeParam options;
  KeyCounter counter;
  describe(counter, options);
  EXPECT_EQ(counter.count, member_count<TypeParam>()) << "a member without a key cannot be configured; describe it";
}

TEST(ConfigCompleteness, EveryMemberOfAQuantizerHasAKey) {
  recipe::QuantizeOptions options;
  WeightKeyCounter counter;
  describe(counter, options);
  EXPECT_EQ(counter.count, member_count<quant::QuantizerOptions>());
}

TEST(ConfigCompleteness, MembersAreCounted) {
  struct Sample {
    int64_t number;
    std::string text;
    std::vector<double> list;
    models::ModelOptions variant;
    data::AugmentOptions block;
  };
  EXPECT_EQ(member_count<Sample>(), 5);
}

}  // namespace
}  // namespace compress::config
