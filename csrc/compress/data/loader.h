#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "compress/data/dataset.h"
#include "compress/data/sampler.h"

namespace compress::data {

struct Batch {
  at::Tensor input;   ///< float32 [B, C, H, W], normalised, on the CPU
  at::Tensor target;  ///< int64 [B]
  int64_t epoch = 0;
  int64_t index = 0;  ///< within the epoch
};

struct LoaderOptions {
  int64_t batch_size = 64;  ///< of this process; the last batch of an epoch is shorter where it does not fit
  AugmentOptions augment;
  uint64_t seed = 0;
  int64_t rank = 0;  ///< see BatchPlan for how processes share an epoch
  int64_t world_size = 1;
  bool pin_memory = false;  ///< page-locked batches, which a GPU copies without stopping the host
};

/// Training batches, epoch after epoch without end. A thread prepares the next ones while the caller trains.
///
/// What a batch holds depends on the seed, its epoch and its index alone: seek() to where a run stopped goes on bit for
/// bit, and any number of processes and any cut of an epoch into batches sees each image moved in the same way.
class Loader {
 public:
  /// Raises UsageError for options out of range, Error for a data set that does not hold together.
  Loader(Dataset dataset, const LoaderOptions& options);
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Waits for the next batch. An exception of the thread is raised here, in the place of the batch that failed, and
  /// again by each call until seek().
  Batch next();
  /// The next batch is number `batch` of `epoch`; batch == batches_per_epoch() is the first of the epoch after. Raises
  /// UsageError for others beyond the epoch.
  void seek(int64_t epoch, int64_t batch);
  int64_t batches_per_epoch() const { return plan_.batches(); }

 private:
  struct Position {
    int64_t epoch = 0;
    int64_t batch = 0;
  };

  void start();
  void stop();
  void produce(const std::stop_token& stopping, Position position);
  Position after(Position position) const;
  Batch make_batch(const std::vector<int64_t>& order, Position position) const;

  Dataset dataset_;
  LoaderOptions options_;
  BatchPlan plan_;
  Position next_;  ///< what next() will return

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Batch> ready_;
  std::exception_ptr error_;
  std::jthread thread_;  ///< last, so that it is joined first: it uses everything above
};

}  // namespace compress::data
