#include <gtest/gtest.h>

#include "compress/core/names.h"
#include "compress/models/network.h"
#include "config/parse.h"

namespace compress::config::test {
namespace {

const std::string teacher = "teacher: {model: {type: mlp}, checkpoint: t}";

/// Each name of an enumeration through a whole config and back.
template <typename E, typename Get>
void expect_all_names(const std::string& before, const std::string& after, size_t count, Get get) {
  EXPECT_EQ(enum_names<E>.size(), count) << "a new enumerator needs its name beside it, and this count";
  for (const EnumName<E>& choice : enum_names<E>) {
    const train::Experiment experiment = parse(before + choice.name + after);
    EXPECT_EQ(get(experiment), choice.value) << choice.name;
    EXPECT_NE(to_yaml(experiment).find(std::string(": ") + choice.name + "\n"), std::string::npos) << choice.name;
    EXPECT_STREQ(enum_name(choice.value), choice.name);
    EXPECT_NE(std::string(choice.help), "");
  }
}

template <typename Method>
const Method& method(const train::Experiment& experiment) {
  return std::get<Method>(experiment.compression.at(0));
}

TEST(ConfigNames, EveryEnumerator) {
  using recipe::PruneOptions;
  using recipe::QuantizeOptions;
  expect_all_names<train::Device>("device: ", "", 3, [](const auto& e) { return e.device; });
  expect_all_names<train::Precision>("training: {precision: ", "}", 2,
                                     [](const auto& e) { return e.training.precision; });
  expect_all_names<optim::Decay>("learning_rate: {decay: ", "}", 3,
                                 [](const auto& e) { return e.learning_rate.decay; });
  expect_all_names<prune::Pattern>("compression: [{prune: {pattern: ", "}}]", 1,
                                   [](const auto& e) { return method<PruneOptions>(e).pattern; });
  expect_all_names<prune::Criterion>("compression: [{prune: {criterion: ", "}}]", 1,
                                     [](const auto& e) { return method<PruneOptions>(e).criterion; });
  expect_all_names<prune::Scope>("compression: [{prune: {scope: ", "}}]", 2,
                                 [](const auto& e) { return method<PruneOptions>(e).scope; });
  expect_all_names<prune::ScheduleType>("compression: [{prune: {schedule: {type: ", "}}}]", 2,
                                        [](const auto& e) { return method<PruneOptions>(e).schedule.type; });
  expect_all_names<quant::ScaleSource>("compression: [{quantize: {weight: {scale: ", "}}}]", 2,
                                       [](const auto& e) { return method<QuantizeOptions>(e).weight->scale; });
  expect_all_names<quant::ObserverType>("compression: [{quantize: {activation: {observer: ", "}}}]", 3,
                                        [](const auto& e) { return method<QuantizeOptions>(e).activation->observer; });
  expect_all_names<distill::FeatureLoss>(
      "compression: [{distill: {" + teacher + ", losses: [{type: feature, taps: {a: a}, loss: ", "}]}}]", 3,
      [](const auto& e) { return std::get<recipe::FeatureTerm>(method<recipe::DistillOptions>(e).losses.at(0)).loss; });
}

TEST(ConfigNames, Granularities) {
  ASSERT_EQ(enum_names<quant::Granularity>.size(), 3);
  for (const auto& choice : enum_names<quant::Granularity>) {
    const std::string size = choice.value == quant::Granularity::group ? ", group_size: 4" : "";
    const auto options = parse_method<recipe::QuantizeOptions>(std::string("quantize: {weight: {granularity: ") +
                                                               choice.name + size + "}}");
    EXPECT_EQ(options.weight->granularity, choice.value);
  }
}

TEST(ConfigNames, DatasetTypes) {
  ASSERT_EQ(enum_names<data::DatasetType>.size(), 3);
  for (const auto& choice : enum_names<data::DatasetType>) {
    const auto experiment =
        parse_experiment(std::string("data: {type: ") + choice.name + "}\nmodel: {type: mlp}", "x.yaml");
    EXPECT_EQ(experiment.data.type, choice.value);
    EXPECT_EQ(experiment.data.path, std::string("data/") + choice.name);
  }
}

TEST(ConfigNames, IntegerFormats) {
  for (int bits = min_integer_bits; bits <= max_integer_bits; ++bits) {
    const auto options =
        parse_method<recipe::QuantizeOptions>("quantize: {weight: {format: int" + std::to_string(bits) + "}}");
    EXPECT_EQ(options.weight->format.bits, bits);
  }
}

TEST(ConfigNames, ModelTypes) {
  for (const std::string name : {"convnet", "mlp", "resnet"}) {
    EXPECT_EQ(models::type_name(parse_model("{type: " + name + "}", "m")), name);
  }
}

TEST(ConfigNames, Alternatives) {
  EXPECT_TRUE(std::holds_alternative<optim::SgdOptions>(parse("optimizer: {type: sgd}").optimizer));
  EXPECT_TRUE(std::holds_alternative<optim::AdamwOptions>(parse("optimizer: {type: adamw}").optimizer));
  EXPECT_TRUE(std::holds_alternative<models::ConvnetOptions>(parse_model("{type: convnet}", "m")));
  EXPECT_TRUE(std::holds_alternative<models::MlpOptions>(parse_model("{type: mlp}", "m")));
  EXPECT_TRUE(std::holds_alternative<models::ResnetOptions>(parse_model("{type: resnet}", "m")));
}

}  // namespace
}  // namespace compress::config::test
