#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "compress/core/error.h"
#include "compress/data/loader.h"
#include "compress/models/network.h"
#include "compress/optim/optimizer.h"
#include "compress/recipe/compressor.h"
#include "compress/train/divergence.h"
#include "compress/train/observer.h"
#include "compress/train/options.h"
#include "compress/train/run_folder.h"

namespace compress::train {

/// A run that met NaN or Inf: the message names step and layer. Nothing is written after it.
class Diverged : public Error {
 public:
  using Error::Error;
};

/// Trains one network by one recipe. Knows no compression method by name.
///
///   Trainer trainer(experiment, data, RunFolder("runs/x"));
///   trainer.add_observer(std::make_shared<MetricsWriter>(...));
///   trainer.run();
///
/// The same experiment gives the same bits on the same device and thread count, whether it runs through or stops and
/// resumes at any step.
class Trainer {
 public:
  /// Builds network, recipe, optimizer and loader. Raises UsageError for options that do not fit together.
  Trainer(const Experiment& experiment, const data::DatasetPair& data, RunFolder folder);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  void add_observer(std::shared_ptr<TrainingObserver> observer) { observers_.push_back(std::move(observer)); }
  /// Goes on from a checkpoint's folder.
  void load(const std::filesystem::path& checkpoint);

  /// Trains to the end. Raises Diverged; raises Interrupted after SIGTERM or SIGINT, its checkpoint written.
  void run();
  Evaluation evaluate() const;

  models::Network& network() { return *network_; }
  std::shared_ptr<models::Network> shared_network() { return network_; }
  const TrainingState& state() const { return state_; }
  const at::Device& device() const { return device_; }
  const models::InputShape& shape() const { return shape_; }
  const recipe::Compressor& compressor() const { return *compressor_; }

 private:
  at::Tensor micro_batch_loss(const data::Batch& batch);
  void take_step();
  void stop_if_diverged();
  void log_if_due();
  void evaluate_if_due();
  void checkpoint_if_due();
  void write_checkpoint();
  void stop_if_asked();

  template <typename Call>
  void notify(Call&& call) {
    for (auto& observer : observers_) {
      call(*observer);
    }
  }

  Experiment experiment_;
  data::DatasetPair data_;
  RunFolder folder_;
  at::Device device_;
  models::InputShape shape_;
  TrainingState state_;
  int64_t evaluate_every_ = 0;
  int64_t checkpoint_every_ = 0;

  std::shared_ptr<models::Network> network_;
  std::unique_ptr<recipe::Compressor> compressor_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::unique_ptr<data::Loader> loader_;
  std::vector<at::Tensor> parameters_;  ///< all that the optimizer steps, for clipping
  std::vector<std::shared_ptr<TrainingObserver>> observers_;

  DivergenceWatch divergence_;
  at::Tensor last_loss_;
  at::Tensor last_input_;
  int64_t images_since_log_ = 0;
  int64_t checkpointed_step_ = -1;
  std::chrono::steady_clock::time_point last_log_;
};

/// How long the run is for this many micro-batches an epoch. An epoch is at least one step; with gradient accumulation
/// it is floor(batches / accumulation) steps.
RunLength run_length(const TrainingOptions& options, int64_t batches_per_epoch);

}  // namespace compress::train
