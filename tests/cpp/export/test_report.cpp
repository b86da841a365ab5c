#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compress/core/error.h"
#include "compress/export/report.h"
#include "compress/export/text_format.h"
#include "core/temp_folder.h"

namespace compress {
namespace {

using test::error_of;
using test::TempFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Measured measured(double accuracy, int64_t bytes, double latency, double spread = 0.001) {
  Measured result;
  result.accuracy = accuracy;
  result.count = {9034, 9000};
  result.bytes_on_disk = bytes;
  result.latency = Latency{latency, spread};
  return result;
}

Report digits_report() {
  Report report;
  report.float_model = measured(0.9917, 37'656, 0.200);
  report.teacher = measured(0.9956, 236'056, 0.900);
  report.compressed = measured(0.9889, 3'012, 0.205);
  report.compressed.count = {8914, 954};
  report.sparsity = 0.9;
  report.device = "cpu, 2 threads";
  return report;
}

TEST(Verdict, SaysWhatBecameSmallerAndWhatDidNotBecomeFaster) {
  EXPECT_EQ(
      verdict(digits_report()),
      "Against the same network in plain float: the file is 12.5 times smaller (3,012 against 37,656 bytes); "
      "accuracy is 0.28 points lower (98.89 % against 99.17 %); no speed-up here (cpu, 2 threads): 0.205 ms "
      "against 0.200 ms a forward pass of 1, since its weights run as dense float32 on this device. "
      "90.0 % of the compressed layers' weights are zero; 954 of all 8,914 parameters are not. "
      "Against the teacher: the file is 78.4 times smaller (3,012 against 236,056 bytes); accuracy is 0.67 points "
      "lower (98.89 % against 99.56 %); 4.4 times faster here (cpu, 2 threads): 0.205 ms against 0.900 ms a "
      "forward pass of 1.");
}

TEST(Verdict, WorseIsCalledWorse) {
  Report report = digits_report();
  report.teacher.reset();
  report.compressed = measured(0.9917, 40'000, 0.400);
  report.sparsity = 0;
  const std::string text = verdict(report);
  EXPECT_THAT(text, HasSubstr("the file is 1.1 times larger (40,000 against 37,656 bytes)"));
  EXPECT_THAT(text, HasSubstr("accuracy is equal (99.17 %)"));
  EXPECT_THAT(text, HasSubstr("2.0 times slower here (cpu, 2 threads): 0.400 ms against 0.200 ms"));
  EXPECT_THAT(text, HasSubstr("No weight was pruned"));
  EXPECT_THAT(text, Not(AnyOf(HasSubstr("smaller"), HasSubstr("faster"), HasSubstr("teacher"))));
}

TEST(Verdict, HigherAccuracyIsCalledHigher) {
  Report report = digits_report();
  report.compressed.accuracy = 0.9945;
  EXPECT_THAT(verdict(report), HasSubstr("accuracy is 0.28 points higher (99.45 % against 99.17 %)"));
}

TEST(Verdict, NearlyEqualFilesAreCalledSo) {
  Report report = digits_report();
  report.compressed.bytes_on_disk = 37'000;
  EXPECT_THAT(verdict(report), HasSubstr("plain float: the file is about as large (37,000 against 37,656 bytes)"));
}

TEST(Verdict, FasterNeedsMoreThanTheSpread) {
  Report report = digits_report();
  report.teacher.reset();
  report.compressed.latency = Latency{0.150, 0.030};
  report.float_model->latency = Latency{0.200, 0.030};
  EXPECT_THAT(verdict(report), HasSubstr("no speed-up here"));
  report.compressed.latency->spread_ms = 0.010;
  EXPECT_THAT(verdict(report), HasSubstr("1.3 times faster here"));
  report.compressed.latency = Latency{0.185, 0};  // less than 10 %
  report.float_model->latency = Latency{0.200, 0};
  EXPECT_THAT(verdict(report), HasSubstr("no speed-up here"));
}

TEST(Verdict, ClaimsNothingThatWasNotMeasured) {
  Report report = digits_report();
  report.float_model.reset();
  EXPECT_THAT(verdict(report), AllOf(HasSubstr("was not trained in plain float"), Not(HasSubstr("in plain float:"))));
  report = digits_report();
  report.compressed.bytes_on_disk.reset();
  report.teacher->accuracy.reset();
  report.float_model->latency.reset();
  EXPECT_EQ(verdict(report),
            "Against the same network in plain float: accuracy is 0.28 points lower (98.89 % against 99.17 %). "
            "90.0 % of the compressed layers' weights are zero; 954 of all 8,914 parameters are not. "
            "Against the teacher: 4.4 times faster here (cpu, 2 threads): 0.205 ms against 0.900 ms a forward pass of "
            "1.");
  report.compressed.latency.reset();
  EXPECT_THAT(verdict(report), Not(HasSubstr("teacher")));
}

TEST(Verdict, ComparesLossesWhereThereIsNoAccuracy) {
  Report report = digits_report();
  report.compressed.accuracy.reset();
  report.compressed.loss = 0.0512;
  report.float_model->loss = 0.05;
  EXPECT_THAT(verdict(report), HasSubstr("; loss is 0.0512 against 0.0500;"));
}

TEST(Verdict, SaysWhatIsPackedAndWhatItIsUnpacked) {
  Report report = digits_report();
  report.compressed.state_dict_bytes = 37'000;
  EXPECT_THAT(verdict(report), HasSubstr("the packed file is 12.5 times smaller (3,012 against 37,656 bytes; its state "
                                         "dict, not packed, takes 37,000)"));
  EXPECT_EQ(nlohmann::json::parse(report_json(report))["compressed"]["state_dict_bytes"], 37'000);
  EXPECT_FALSE(nlohmann::json::parse(report_json(digits_report()))["compressed"].contains("state_dict_bytes"));
}

TEST(Verdict, NamesAreTheCallers) {
  Report report = digits_report();
  report.float_name = "the model before";
  report.sparsity_of = "the layers' weights";
  report.weight_type = "bfloat16";
  EXPECT_THAT(verdict(report),
              AllOf(HasSubstr("Against the model before: "), HasSubstr("90.0 % of the layers' weights are zero"),
                    HasSubstr("since its weights run as dense bfloat16 on this device")));
}

TEST(Verdict, RoundedInputsAreAReasonToBeSlower) {
  Report report = digits_report();
  report.compressed.latency = Latency{0.400, 0.001};
  const std::string reason = "rounding layers' inputs takes its own time";
  EXPECT_THAT(verdict(report), AllOf(HasSubstr("2.0 times slower"), Not(HasSubstr(reason))));
  report.layers = {LayerSummary{"head", "Linear", {10, 96}, 0.75, 4, 8, "gaps", 970, 960, 720, 300}};
  EXPECT_THAT(verdict(report), HasSubstr("as dense float32 on this device, and " + reason));
  report.compressed.latency = report.float_model->latency;
  EXPECT_THAT(verdict(report), Not(HasSubstr(reason)));
}

TEST(ReportLayers, AreATableInEveryForm) {
  Report report = digits_report();
  EXPECT_THAT(report_markdown(report), Not(HasSubstr("## Layers")));
  EXPECT_FALSE(nlohmann::json::parse(report_json(report)).contains("layers"));
  LayerSummary head{"head", "Linear", {10, 96}, 0.75, 4, 8, "gaps", 970, 960, 720, 300};
  LayerSummary norm{"norm", "BatchNorm2d", {}, 0, 32, {}, "", 48, 0, 0, 384};
  report.layers = {head, norm};
  const auto layers = nlohmann::json::parse(report_json(report))["layers"];
  EXPECT_EQ(layers[0], nlohmann::json::parse(R"({"name": "head", "type": "Linear", "parameters": 970, "bytes": 300,
      "shape": [10, 96], "sparsity": 0.75, "weight_bits": 4, "input_bits": 8, "coding": "gaps"})"));
  EXPECT_EQ(layers[1],
            nlohmann::json::parse(R"({"name": "norm", "type": "BatchNorm2d", "parameters": 48, "bytes": 384})"));
  EXPECT_THAT(report_markdown(report), HasSubstr("\n## Layers\n\n| layer | type        | weight |"));
  EXPECT_THAT(report_text(report),
              AllOf(HasSubstr(verdict(report)), HasSubstr("\nhead   Linear       10x96     75.0 %")));
}

TEST(ReportJson, HoldsTheAgreedKeys) {
  const auto json = nlohmann::json::parse(report_json(digits_report()));
  for (const char* model : {"float", "teacher", "compressed"}) {
    for (const char* key : {"accuracy", "parameters", "nonzero_parameters", "bytes_on_disk", "latency_ms"}) {
      EXPECT_TRUE(json.at(model).contains(key)) << model << "." << key;
    }
    EXPECT_FALSE(json.at(model).contains("loss"));
  }
  EXPECT_EQ(json["compressed"]["bytes_on_disk"], 3012);
  EXPECT_EQ(json["compressed"]["nonzero_parameters"], 954);
  EXPECT_EQ(json["float"]["accuracy"], 0.9917);
  EXPECT_EQ(json["teacher"]["latency_ms"], 0.9);
  EXPECT_EQ(json["verdict"], verdict(digits_report()));
  Report alone;
  alone.compressed.loss = 0.5;
  const auto small = nlohmann::json::parse(report_json(alone));
  EXPECT_FALSE(small.contains("float") || small.contains("teacher"));
  EXPECT_EQ(small["compressed"]["loss"], 0.5);
  EXPECT_FALSE(small["compressed"].contains("accuracy") || small["compressed"].contains("latency_ms"));
}

TEST(ReportMarkdown, IsATableAndTheVerdict) {
  const std::string text = report_markdown(digits_report());
  EXPECT_THAT(text, HasSubstr("| model      | accuracy | loss | parameters | nonzero | bytes on disk |"));
  EXPECT_THAT(text,
              HasSubstr("\n| compressed |  98.89 % |    - |      8,914 |     954 |         3,012 | 0.205 (spread "));
  EXPECT_THAT(text, HasSubstr(verdict(digits_report())));
}

TEST(WriteReport, WritesBothFilesAndNothingElse) {
  const TempFolder folder;
  write_report(folder.path(), digits_report());
  write_report(folder.path(), digits_report());
  std::ifstream json(folder / "report.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(json), {}), report_json(digits_report()));
  EXPECT_TRUE(std::filesystem::exists(folder / "report.md"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
  EXPECT_THAT(error_of<Error>([&] { write_report(folder / "none", digits_report()); }), HasSubstr("report.json"));
}

TEST(TextFormat, NumbersAndTables) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1000), "1,000");
  EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
  EXPECT_EQ(with_thousands(-123), "-123");
  EXPECT_EQ(percent(0.98886), "98.89 %");
  EXPECT_EQ(aligned_table({{"a", "b", "c"}, {"long", "x", "10"}}, 2), "a     b   c\nlong  x  10\n");
  EXPECT_EQ(markdown_table({{"a", "b"}, {"xx", "10"}}, 1), "| a  |  b |\n|:---|---:|\n| xx | 10 |\n");
}

}  // namespace
}  // namespace compress
