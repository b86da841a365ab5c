#pragma once

#include <memory>
#include <vector>

#include "compress/recipe/method.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// A recipe at work on one network: all its methods as one.
///
/// Per optimizer step: before_step, then forward, loss and backward for each micro-batch, the optimizer's step,
/// after_step. An empty recipe costs nothing and changes nothing.
class Compressor {
 public:
  /// Attaches the methods in the order given. Raises UsageError for options that do not fit the network.
  Compressor(const std::vector<MethodOptions>& recipe, const Attachment& attachment);

  void before_step(int64_t step);
  /// task_loss times the methods' task weights, plus their own terms.
  at::Tensor loss(const at::Tensor& task_loss, const LossInput& input);
  void after_step(int64_t step);
  /// After the network's state dict and `tensors()` were loaded: goes on as if `steps` steps had just been done.
  void resume(int64_t steps);

  /// The methods' own parameters; the network's are network_parameter_groups.
  std::vector<optim::ParameterGroup> parameter_groups();
  /// State outside the network, names led by the method's name.
  NamedTensors tensors();
  std::vector<PlanRow> plan() const;
  Metrics metrics() const;

 private:
  std::vector<std::unique_ptr<Method>> methods_;
};

}  // namespace compress::recipe
