#include "compress/train/trainer.h"

#include <csignal>

#include "compress/optim/clip.h"
#include "compress/optim/learning_rate.h"
#include "compress/recipe/network_layers.h"
#include "compress/train/autocast.h"
#include "compress/train/checkpoint.h"
#include "compress/train/evaluate.h"
#include "compress/train/network_setup.h"
#include "compress/train/stop_signal.h"

namespace compress::train {
namespace {

bool due(int64_t step, int64_t every) {
  return every > 0 && step % every == 0;
}

std::unique_ptr<data::Loader> make_loader(const Experiment& experiment, const data::Dataset& dataset, bool pin_memory) {
  data::LoaderOptions options;
  options.batch_size = experiment.data.batch_size;
  options.augment = experiment.data.augment;
  options.seed = static_cast<uint64_t>(experiment.seed);
  options.pin_memory = pin_memory;
  return std::make_unique<data::Loader>(dataset, options);
}

}  // namespace

RunLength run_length(const TrainingOptions& options, int64_t batches_per_epoch) {
  check<UsageError>(options.duration.unit != Duration::Unit::percent, "training.duration: ", options.duration.text(),
                    " of what? Give epochs (30e) or steps");
  RunLength run;
  run.steps_per_epoch = std::max<int64_t>(1, batches_per_epoch / options.gradient_accumulation);
  run.total_steps = options.duration.resolve(run);
  check<UsageError>(run.total_steps > 0, "training.duration: ", options.duration.text(), " comes to no steps");
  return run;
}

Trainer::Trainer(const Experiment& experiment, const data::DatasetPair& data, RunFolder folder)
    : experiment_(experiment),
      data_(data),
      folder_(std::move(folder)),
      device_(choose_device(experiment.device)),
      shape_(input_shape(data.train)),
      divergence_(device_) {
  // The same bits in every run: no choice of algorithm by timing, none with atomic sums.
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
  at::manual_seed(static_cast<uint64_t>(experiment_.seed));
  loader_ = make_loader(experiment_, data_.train, device_.is_cuda());
  state_.run = run_length(experiment_.training, loader_->batches_per_epoch());
  evaluate_every_ = experiment_.training.evaluate_every.resolve(state_.run);
  checkpoint_every_ = experiment_.training.checkpoint_every.resolve(state_.run);

  network_ = models::make_network(experiment_.model, shape_);
  network_->to(device_);
  const auto forward = [this](const at::Tensor& input) { return network_->forward(input); };
  compressor_ = std::make_unique<recipe::Compressor>(
      experiment_.compression, recipe::make_attachment(*network_, forward, shape_, device_, state_.run));
  std::vector<optim::ParameterGroup> groups = recipe::network_parameter_groups(*network_);
  for (optim::ParameterGroup& group : compressor_->parameter_groups()) {
    groups.push_back(std::move(group));
  }
  for (const optim::ParameterGroup& group : groups) {
    for (const auto& [name, parameter] : group.parameters) {
      parameters_.push_back(parameter);
    }
  }
  optimizer_ = optim::make_optimizer(experiment_.optimizer, std::move(groups));
}

Trainer::~Trainer() = default;

void Trainer::load(const std::filesystem::path& checkpoint) {
  load_checkpoint(checkpoint, {*network_, *optimizer_, *compressor_, state_});
  checkpointed_step_ = state_.step;
}

void Trainer::run() {
  const int64_t batches = state_.step * experiment_.training.gradient_accumulation;
  loader_->seek(batches / loader_->batches_per_epoch(), batches % loader_->batches_per_epoch());
  network_->train();
  last_log_ = std::chrono::steady_clock::now();
  notify([&](TrainingObserver& observer) { observer.on_start(state_, compressor_->plan()); });
  while (state_.step < state_.run.total_steps) {
    take_step();
    ++state_.step;
    notify([&](TrainingObserver& observer) { observer.on_step(state_); });
    log_if_due();
    evaluate_if_due();
    checkpoint_if_due();
    stop_if_asked();
  }
  notify([&](TrainingObserver& observer) { observer.on_end(state_); });
}

at::Tensor Trainer::micro_batch_loss(const data::Batch& batch) {
  const at::Tensor input = batch.input.to(device_, /*non_blocking=*/true);
  const at::Tensor target = batch.target.to(device_, /*non_blocking=*/true);
  const AutocastGuard autocast(experiment_.training.precision, device_.type());
  const at::Tensor logits = network_->forward(input);
  const at::Tensor task = at::cross_entropy_loss(logits, target, {}, at::Reduction::Mean, /*ignore_index=*/-100,
                                                 experiment_.training.label_smoothing);
  last_input_ = input;
  images_since_log_ += input.size(0);
  return compressor_->loss(task, {input, logits, target});
}

void Trainer::take_step() {
  const TrainingOptions& options = experiment_.training;
  compressor_->before_step(state_.step);
  optimizer_->zero_grad();
  for (int64_t i = 0; i < options.gradient_accumulation; ++i) {
    const at::Tensor loss = micro_batch_loss(loader_->next());
    divergence_.add(state_.step, loss);
    if (device_.is_cpu()) {
      stop_if_diverged();
    }
    (options.gradient_accumulation == 1 ? loss : loss / options.gradient_accumulation).backward();
    last_loss_ = i == 0 ? loss.detach() : last_loss_ + loss.detach();
  }
  if (options.gradient_accumulation > 1) {
    last_loss_ = last_loss_ / options.gradient_accumulation;
  }
  if (options.clip_norm > 0) {
    optim::clip_gradient_norm_(parameters_, options.clip_norm);
  }
  optimizer_->step(
      optim::learning_rate(experiment_.learning_rate, optim::base_lr(experiment_.optimizer), state_.step, state_.run));
  compressor_->after_step(state_.step);
}

void Trainer::stop_if_diverged() {
  const int64_t step = divergence_.first_bad_step();
  if (step < 0) {
    return;
  }
  const auto forward = [this](const at::Tensor& input) { return network_->forward(input); };
  const std::string where = describe_divergence(*network_, forward, last_input_);
  fail<Diverged>("training diverged at step ", step, ": the loss is not finite; ", where,
                 ". Lower optimizer.lr, add learning_rate.warmup or training.clip_norm");
}

void Trainer::log_if_due() {
  if (!due(state_.step, experiment_.training.log_every) && state_.step != state_.run.total_steps) {
    return;
  }
  stop_if_diverged();
  const auto now = std::chrono::steady_clock::now();
  StepLog log;
  log.loss = last_loss_.item<double>();
  log.learning_rate = optim::learning_rate(experiment_.learning_rate, optim::base_lr(experiment_.optimizer),
                                           state_.step - 1, state_.run);
  log.images_per_second =
      static_cast<double>(images_since_log_) / std::chrono::duration<double>(now - last_log_).count();
  log.metrics = compressor_->metrics();
  last_log_ = now;
  images_since_log_ = 0;
  notify([&](TrainingObserver& observer) { observer.on_log(state_, log); });
}

void Trainer::evaluate_if_due() {
  if (!due(state_.step, evaluate_every_) && state_.step != state_.run.total_steps) {
    return;
  }
  const Evaluation evaluation = evaluate();
  if (!state_.best_accuracy || evaluation.accuracy > *state_.best_accuracy) {
    state_.best_accuracy = evaluation.accuracy;
  }
  notify([&](TrainingObserver& observer) { observer.on_evaluation(state_, evaluation); });
}

Evaluation Trainer::evaluate() const {
  return train::evaluate(*network_, data_.test, device_, experiment_.training.precision);
}

void Trainer::checkpoint_if_due() {
  if (due(state_.step, checkpoint_every_) || state_.step == state_.run.total_steps) {
    write_checkpoint();
  }
}

void Trainer::write_checkpoint() {
  if (checkpointed_step_ == state_.step) {
    return;
  }
  stop_if_diverged();
  const std::filesystem::path folder =
      save_checkpoint(folder_, {*network_, *optimizer_, *compressor_, state_}, experiment_.training.keep_checkpoints);
  checkpointed_step_ = state_.step;
  notify([&](TrainingObserver& observer) { observer.on_checkpoint(state_, folder); });
}

void Trainer::stop_if_asked() {
  const int signal = requested_stop();
  if (signal == 0 || state_.step == state_.run.total_steps) {
    return;
  }
  write_checkpoint();
  throw Interrupted(signal, concat("stopped by ", signal == SIGINT ? "SIGINT" : "SIGTERM", " after step ", state_.step,
                                   "; go on with --resume"));
}

}  // namespace compress::train
