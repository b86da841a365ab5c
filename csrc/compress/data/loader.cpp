#include "compress/data/loader.h"

#include <algorithm>
#include <cstring>

#include "compress/core/error.h"
#include "compress/data/augment.h"

namespace compress::data {
namespace {

// Enough to ride out a slow batch on either side; more would only hold memory.
constexpr size_t prefetched_batches = 3;

void check_dataset(const Dataset& dataset) {
  const at::Tensor& images = dataset.images;
  check(images.defined() && dataset.targets.defined(), "data: the data set has no images or no targets");
  check(images.dim() == 4 && images.scalar_type() == at::kByte && images.is_contiguous() && images.device().is_cpu(),
        "data: images must be contiguous uint8 [N, C, H, W] on the CPU (got ", images.scalar_type(), " ",
        images.sizes(), ")");
  const at::Tensor& targets = dataset.targets;
  check(targets.scalar_type() == at::kLong && targets.is_contiguous() && targets.dim() == 1 &&
            targets.size(0) == images.size(0),
        "data: targets must be contiguous int64 [", images.size(0), "] (got ", targets.scalar_type(), " ",
        targets.sizes(), ")");
  check(images.size(0) > 0, "data: the data set is empty");
}

/// Rows of a contiguous tensor. A plain loop, as in normalize().
at::Tensor gather_rows(const at::Tensor& source, const int64_t* rows, int64_t count) {
  std::vector<int64_t> sizes = source.sizes().vec();
  sizes[0] = count;
  at::Tensor result = at::empty(sizes, source.options());
  const size_t row_bytes = source.nbytes() / static_cast<size_t>(source.size(0));
  const auto* in = static_cast<const char*>(source.const_data_ptr());
  auto* out = static_cast<char*>(result.mutable_data_ptr());
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(out + i * row_bytes, in + rows[i] * row_bytes, row_bytes);
  }
  return result;
}

}  // namespace

Loader::Loader(Dataset dataset, const LoaderOptions& options)
    : dataset_((check_dataset(dataset), std::move(dataset))),
      options_(options),
      plan_(dataset_.size(), options.batch_size, options.rank, options.world_size) {}

void Loader::start() {
  thread_ = std::jthread([this, position = next_](const std::stop_token& stopping) { produce(stopping, position); });
}

void Loader::stop() {
  // Joins; a thread that waits for room wakes through its token.
  thread_ = std::jthread();
  ready_.clear();
  error_ = nullptr;
}

Loader::Position Loader::after(Position position) const {
  return position.batch + 1 < plan_.batches() ? Position{position.epoch, position.batch + 1}
                                              : Position{position.epoch + 1, 0};
}

Batch Loader::next() {
  if (!thread_.joinable()) {
    start();
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty() || error_ != nullptr; });
  if (ready_.empty()) {
    std::rethrow_exception(error_);
  }
  Batch batch = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  next_ = after({batch.epoch, batch.index});
  return batch;
}

void Loader::seek(int64_t epoch, int64_t batch) {
  check<UsageError>(epoch >= 0 && batch >= 0 && batch <= plan_.batches(), "data: no batch ", batch, " of epoch ", epoch,
                    "; an epoch has ", plan_.batches());
  stop();
  next_ = batch == plan_.batches() ? Position{epoch + 1, 0} : Position{epoch, batch};
}

void Loader::produce(const std::stop_token& stopping, Position position) {
  try {
    std::vector<int64_t> order = epoch_order(dataset_.size(), options_.seed, position.epoch);
    while (!stopping.stop_requested()) {
      Batch batch = make_batch(order, position);
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stopping, [&] { return ready_.size() < prefetched_batches; })) {
        return;
      }
      ready_.push_back(std::move(batch));
      lock.unlock();
      changed_.notify_all();
      const Position next = after(position);
      if (next.epoch != position.epoch) {
        order = epoch_order(dataset_.size(), options_.seed, next.epoch);
      }
      position = next;
    }
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    changed_.notify_all();
  }
}

Batch Loader::make_batch(const std::vector<int64_t>& order, Position position) const {
  const auto [begin, end] = plan_.range(position.batch);
  const int64_t* rows = order.data() + begin;
  const at::Tensor pixels = augment(gather_rows(dataset_.images, rows, end - begin), options_.augment,
                                    {options_.seed, position.epoch, begin});
  Batch batch{normalize(pixels, dataset_.normalization), gather_rows(dataset_.targets, rows, end - begin),
              position.epoch, position.batch};
  if (options_.pin_memory) {
    batch.input = batch.input.pin_memory();
    batch.target = batch.target.pin_memory();
  }
  return batch;
}

}  // namespace compress::data
