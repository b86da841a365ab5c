#pragma once

#include <torch/nn.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compress/core/duration.h"
#include "compress/core/named_tensors.h"
#include "compress/distill/tap.h"
#include "compress/distill/teacher.h"
#include "compress/optim/optimizer.h"
#include "compress/recipe/layer.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// Runs a frozen teacher on an input, without a graph.
using RunTeacher = std::function<distill::TeacherOutput(const at::Tensor& input)>;

/// What a method attaches itself to: a network, C++ or Python. See make_attachment.
struct Attachment {
  Layers layers;                   ///< those with slots
  std::vector<OtherLayer> others;  ///< those without, for messages and the plan
  RunLength run;
  at::Tensor example_input;  ///< a small batch on the network's device
  /// Holds the running statistics of all batch norms still, or lets them move.
  std::function<void(bool frozen)> freeze_batch_norms;
  /// The tap of a layer by name, one for all who ask. Raises UsageError for an unknown name, naming the nearest ones.
  std::function<std::shared_ptr<distill::Tap>(const std::string& layer)> tap;
  /// The network's logits of the example, in evaluation mode and without a graph; taps then hold features.
  std::function<at::Tensor()> run_example;
  /// The teacher with taps on layers of it, in that order.
  std::function<RunTeacher(const std::optional<TeacherOptions>& options, const std::vector<std::string>& taps)>
      make_teacher;
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
