#pragma once

#include <torch/nn.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compress/core/duration.h"
#include "compress/core/named_tensors.h"
#include "compress/models/options.h"
#include "compress/nn/compressible.h"
#include "compress/optim/optimizer.h"

namespace compress::recipe {

/// What a method attaches itself to.
struct Attachment {
  torch::nn::Module& network;
  std::function<at::Tensor(const at::Tensor&)> forward;  ///< runs the network
  std::vector<nn::NamedLayer> layers;                    ///< its compressible layers
  models::InputShape shape;                              ///< what a teacher for the same data is built for
  at::Tensor example_input;                              ///< a small batch on the network's device
  RunLength run;
};

/// What a loss sees of one (micro-)batch.
struct LossInput {
  const at::Tensor& input;
  const at::Tensor& logits;
  const at::Tensor& target;
};

/// One line of the plan that a user reads before the run.
struct PlanRow {
  std::string layer;
  std::string method;
  std::string action;  ///< what will be done, or "left out: why"
};

using Metrics = std::vector<std::pair<std::string, double>>;

/// A compression method as the trainer sees it. Everything it does to a network it does through the layers' slots;
/// everything it needs to go on after a resume is in the network's state dict, in `tensors()`, or follows from the
/// step.
class Method {
 public:
  virtual ~Method() = default;

  virtual std::string_view name() const = 0;
  /// Fills slots, before the optimizer is made. Raises UsageError for options that do not fit the network.
  virtual void attach(const Attachment& attachment) = 0;
  /// Moves schedules to optimizer step `step`, before its forward pass.
  virtual void before_step(int64_t step) {}
  /// This method's term of the loss; undefined where it has none.
  virtual at::Tensor loss(const LossInput& input) { return {}; }
  /// What the task's own loss is multiplied with.
  virtual double task_weight() const { return 1.0; }
  /// After the optimizer's step.
  virtual void after_step(int64_t step) {}
  /// The state of a run that has done `steps` steps, once tensors are loaded.
  virtual void resume(int64_t steps) {}
  /// Parameters to train besides the network's own.
  virtual std::vector<optim::ParameterGroup> parameter_groups() { return {}; }
  /// State outside the network, to save and to load in place.
  virtual NamedTensors tensors() { return {}; }
  virtual std::vector<PlanRow> plan() const = 0;
  virtual Metrics metrics() const { return {}; }
};

}  // namespace compress::recipe
