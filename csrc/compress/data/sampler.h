#pragma once

#include <cstdint>
#include <vector>

namespace compress::data {

/// The order in which an epoch visits `size` images: a permutation that depends on nothing but these three numbers, on
/// every machine and with every version of torch.
std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch);

/// How an epoch is cut into batches and shared among the processes of a run.
///
/// Batch i of all processes together is `batch_size * world_size` consecutive positions of the order, of which process
/// `rank` takes the rank-th part: together they train on what one process with that many times the batch size would.
/// The last batch is shorter, never dropped, but every process gets equally many images, so that the mean of their
/// gradients is that of the whole batch; with several processes up to world_size - 1 images of an epoch go unused,
/// others each time.
class BatchPlan {
 public:
  struct Range {
    int64_t begin;  ///< position in the order of the epoch
    int64_t end;
  };

  /// Raises UsageError where a number is out of range, or where there are fewer images than processes.
  BatchPlan(int64_t size, int64_t batch_size, int64_t rank = 0, int64_t world_size = 1);

  /// The same on every process.
  int64_t batches() const { return batches_; }
  Range range(int64_t batch) const;

 private:
  int64_t size_;
  int64_t batch_size_;
  int64_t rank_;
  int64_t world_size_;
  int64_t batches_;
};

}  // namespace compress::data
