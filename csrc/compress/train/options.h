#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/core/duration.h"
#include "compress/core/names.h"
#include "compress/data/options.h"
#include "compress/models/options.h"
#include "compress/optim/options.h"
#include "compress/recipe/options.h"

namespace compress::train {

/// automatic = a GPU where one is, else the CPU
enum class Device { automatic, cpu, cuda };
/// bfloat16 = autocast of the forward pass; parameters and optimizer stay float32
enum class Precision { float32, bfloat16 };

struct TrainingOptions {
  Duration duration = Duration::epochs(30);
  int64_t gradient_accumulation = 1;  ///< micro-batches per optimizer step
  double clip_norm = 0.0;             ///< largest norm of the whole gradient; 0 = no clipping
  double label_smoothing = 0.0;       ///< [0, 1)
  Precision precision = Precision::float32;
  Duration evaluate_every = Duration::epochs(1);
  Duration checkpoint_every = Duration::percent(25);
  int64_t keep_checkpoints = 2;  ///< newest ones kept on disk
  int64_t log_every = 20;        ///< optimizer steps between lines of metrics.jsonl
};

struct ReportOptions {
  bool baseline = false;      ///< train the same network plain, for comparison, into <run>/baseline
  int64_t latency_batch = 1;  ///< images per forward pass of the latency measurement
};

/// Everything one `compress-ext train` needs: the YAML file as a value.
struct Experiment {
  std::string name = "run";  ///< run folder is <output>/<name>
  std::string output = "runs";
  int64_t seed = 0;
  Device device = Device::automatic;
  int64_t threads = 0;  ///< CPU threads; 0 = all cores
  data::DataOptions data;
  models::ModelOptions model;
  optim::OptimizerOptions optimizer;
  optim::LearningRateOptions learning_rate;
  TrainingOptions training;
  std::vector<recipe::MethodOptions> compression;
  ReportOptions report;
};

}  // namespace compress::train

namespace compress {

template <>
inline constexpr auto enum_names<train::Device> = std::to_array<EnumName<train::Device>>({
    {train::Device::automatic, "automatic", "a GPU where one is, else the CPU"},
    {train::Device::cpu, "cpu", "the CPU"},
    {train::Device::cuda, "cuda", "an NVIDIA GPU"},
});

template <>
inline constexpr auto enum_names<train::Precision> = std::to_array<EnumName<train::Precision>>({
    {train::Precision::float32, "float32", "all arithmetic in float32"},
    {train::Precision::bfloat16, "bfloat16", "autocast of the forward pass; parameters stay float32"},
});

}  // namespace compress
