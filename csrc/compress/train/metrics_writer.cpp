#include "compress/train/metrics_writer.h"

#include <nlohmann/json.hpp>

#include "compress/core/error.h"
#include "compress/train/run_folder.h"

namespace compress::train {
namespace {

using Json = nlohmann::ordered_json;

Json event(const char* name, const TrainingState& state) {
  return {{"event", name}, {"step", state.step}, {"epoch", state.epoch()}};
}

// The lines of an earlier part of the run up to `step`; a line cut off by a crash is dropped with what follows it.
std::string lines_until(const std::filesystem::path& path, int64_t step) {
  std::ifstream old(path);
  std::string kept, line;
  while (std::getline(old, line)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || json.value("step", int64_t{0}) > step) {
      break;
    }
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

void MetricsWriter::on_start(const TrainingState& state, const std::vector<recipe::PlanRow>& plan) {
  const std::string kept = state.step > 0 ? lines_until(path_, state.step) : "";
  write_text_atomically(path_, kept);
  stream_.open(path_, std::ios::app);
  check(stream_.good(), path_.string(), ": cannot be written");
}

void MetricsWriter::write(const std::string& line) {
  stream_ << line << "\n" << std::flush;
  check(stream_.good(), path_.string(), ": cannot be written; is the disk full?");
}

void MetricsWriter::on_log(const TrainingState& state, const StepLog& log) {
  Json json = event("step", state);
  json["loss"] = log.loss;
  json["learning_rate"] = log.learning_rate;
  json["images_per_second"] = log.images_per_second;
  for (const auto& [name, value] : log.metrics) {
    json[name] = value;
  }
  write(json.dump());
}

void MetricsWriter::on_evaluation(const TrainingState& state, const Evaluation& evaluation) {
  Json json = event("evaluation", state);
  json["accuracy"] = evaluation.accuracy;
  json["loss"] = evaluation.loss;
  write(json.dump());
}

void MetricsWriter::on_checkpoint(const TrainingState& state, const std::filesystem::path& folder) {
  Json json = event("checkpoint", state);
  json["folder"] = folder.filename().string();
  write(json.dump());
}

}  // namespace compress::train
