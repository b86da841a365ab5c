#include <algorithm>
#include <array>

#include "compress/config/describe.h"
#include "compress/config/node.h"

namespace compress::config {
namespace {

bool is_folder_name(const std::string& name) {
  return name.find('/') == std::string::npos && name != "." && name != "..";
}

// A recipe alone may leave its teacher to the caller; a run has nobody to ask.
void require_teacher(Visitor& v, const std::vector<recipe::MethodOptions>& compression) {
  for (size_t i = 0; i < compression.size(); ++i) {
    const auto* distill = std::get_if<recipe::DistillOptions>(&compression[i]);
    v.require(distill == nullptr || distill->teacher.has_value(), joined_path("compression", i) + ".distill",
              "lacks the required key 'teacher'");
  }
}

}  // namespace

void describe(Visitor& v, train::Experiment& o) {
  v.field("name", o.name, "The run's folder is `<output>/<name>`.");
  v.require(is_folder_name(o.name), "name", concat("must be the name of a folder, without '/' (got '", o.name, "')"));
  v.field("output", o.output, "Folder of all runs.");
  v.field("seed", o.seed, "Seed of every random number: initialisation, order of the data, augmentation.",
          {.range = at_least(0)});
  v.field("device", o.device, "Where to train.");
  v.field("threads", o.threads, "CPU threads; 0 = all cores.", {.range = closed(0, 4096)});
  v.field("data", o.data, "What to learn from.", {.required = true});
  describe_model(v, o.model, "The network to train and compress.");
  v.field("optimizer", o.optimizer, "How weights move.");
  v.field("learning_rate", o.learning_rate, "How the optimizer's `lr` moves over the run.");
  v.field("training", o.training, "How long and in what pieces to train.");
  describe_compression(v, o.compression);
  require_teacher(v, o.compression);
  v.field("report", o.report, "What to compare and measure at the end.");
}

void describe(Visitor& v, train::TrainingOptions& o) {
  v.field("duration", o.duration, "Length of the run, in epochs or steps; every `%` is a share of it.",
          {.range = above(0)});
  v.require(o.duration.unit != Duration::Unit::percent, "duration",
            concat("a run has no length in percent of itself (got ", o.duration.text(), "); write 30e or 5000"));
  v.field("gradient_accumulation", o.gradient_accumulation, "Micro-batches of one optimizer step.",
          {.range = at_least(1)});
  v.field("clip_norm", o.clip_norm, "Largest norm of the whole gradient; 0 = no clipping.", {.range = at_least(0)});
  v.field("label_smoothing", o.label_smoothing, "Share of the target spread evenly over all classes.",
          {.range = right_open(0, 1)});
  v.field("precision", o.precision, "Arithmetic of the forward pass.");
  v.field("evaluate_every", o.evaluate_every, "Between evaluations on the test images.", {.range = above(0)});
  v.field("checkpoint_every", o.checkpoint_every, "Between checkpoints.", {.range = above(0)});
  v.field("keep_checkpoints", o.keep_checkpoints, "The newest ones stay on disk.", {.range = at_least(1)});
  v.field("log_every", o.log_every, "Optimizer steps between lines of `metrics.jsonl`.", {.range = at_least(1)});
}

void describe(Visitor& v, train::ReportOptions& o) {
  v.field("baseline", o.baseline, "Train the same network without compression too, into `<run>/baseline`.");
  v.field("latency_batch", o.latency_batch, "Images per forward pass where latency is measured.",
          {.range = at_least(1)});
}

void describe(Visitor& v, data::DataOptions& o) {
  v.field("type", o.type, "The data set.", {.required = true});
  v.derive([&o] { o.path = concat("data/", enum_name(o.type)); });
  v.field("path", o.path, "Folder with the data set's files; by default `data/<type>`.");
  v.field("batch_size", o.batch_size, "Images of one micro-batch on one process.", {.range = at_least(1)});
  v.field("augment", o.augment, "Changes to training images, drawn anew for each batch.");
}

void describe(Visitor& v, data::AugmentOptions& o) {
  v.field("shift", o.shift, "Largest shift in pixels, each image its own; zeros move in.", {.range = at_least(0)});
  v.field("flip", o.flip, "Mirror half of the images left to right.");
}

void describe_model(Visitor& v, models::ModelOptions& model, const char* help) {
  v.field("model", model, help, {.required = true});
}

void describe(Visitor& v, models::ConvnetOptions& o) {
  v.field("width", o.width, "Channels of the last convolution; even. 24 has 9,034 parameters on digits, 64 has 58,634.",
          {.range = at_least(2)});
  v.require(o.width % 2 == 0, "width", concat("must be even (got ", o.width, ")"));
}

void describe(Visitor& v, models::MlpOptions& o) {
  v.field("hidden", o.hidden, "Width of each hidden layer.", {.range = at_least(1)});
}

void describe(Visitor& v, models::ResnetOptions& o) {
  constexpr std::array<int64_t, 5> depths{18, 20, 32, 50, 56};
  v.field("depth", o.depth, "20, 32, 56: the CIFAR networks; 18, 50: the ImageNet ones.");
  v.require(std::find(depths.begin(), depths.end(), o.depth) != depths.end(), "depth",
            concat("out of range: got ", o.depth, ", allowed 20, 32, 56 (CIFAR) and 18, 50 (ImageNet)"));
}

void describe(Visitor& v, optim::SgdOptions& o) {
  v.field("lr", o.lr, "Learning rate.", {.range = above(0)});
  v.field("momentum", o.momentum, "Momentum; 0 = none.", {.range = right_open(0, 1)});
  v.field("nesterov", o.nesterov, "Nesterov's momentum.");
  v.require(!o.nesterov || o.momentum > 0, "nesterov", "needs a momentum above 0");
  v.field("weight_decay", o.weight_decay, "L2 penalty, added to the gradient.", {.range = at_least(0)});
}

void describe(Visitor& v, optim::AdamwOptions& o) {
  v.field("lr", o.lr, "Learning rate.", {.range = above(0)});
  v.field("beta1", o.beta1, "Decay of the gradient's average.", {.range = right_open(0, 1)});
  v.field("beta2", o.beta2, "Decay of the squared gradient's average.", {.range = right_open(0, 1)});
  v.field("eps", o.eps, "Added to the denominator.", {.range = above(0)});
  v.field("weight_decay", o.weight_decay, "Decoupled from the gradient.", {.range = at_least(0)});
}

void describe(Visitor& v, optim::LearningRateOptions& o) {
  v.field("decay", o.decay, "What happens after the warm-up.");
  const Condition cosine{o.decay == optim::Decay::cosine, "decay: cosine"};
  const Condition step{o.decay == optim::Decay::step, "decay: step"};
  v.field("warmup", o.warmup, "Rises linearly to `lr` for so long; 0 = not at all.");
  v.field("final_fraction", o.final_fraction, "The end, as a fraction of `lr`.",
          {.range = closed(0, 1), .when = cosine});
  v.field("every", o.every, "Between drops.", {.range = above(0), .when = step});
  v.field("factor", o.factor, "What a drop multiplies with.", {.range = left_open(0, 1), .when = step});
}

}  // namespace compress::config
