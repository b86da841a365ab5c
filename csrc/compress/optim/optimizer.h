#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compress/core/named_tensors.h"
#include "compress/optim/options.h"

namespace compress::optim {

/// Parameters that are stepped alike.
struct ParameterGroup {
  std::string name;         ///< for messages
  NamedTensors parameters;  ///< floating-point leaf tensors without gaps or overlaps in memory
  double lr_scale = 1.0;    ///< times the learning rate of the step
  std::optional<double> weight_decay = std::nullopt;  ///< instead of the optimizer's own
};

/// Steps parameters in place along their gradients, with ATen's fused kernels: one call per group, device and dtype
/// instead of torch::optim's dozens of operators per parameter.
///
/// A parameter without a gradient is skipped and its state stands still, as in torch.optim. The state of every
/// parameter exists from the start, as zeros; a momentum buffer of zeros makes the first step the one torch.optim
/// defines, since there is no dampening. State lies on the device of its parameter: move the model before the optimizer
/// is made.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Raises Error where a parameter cannot be stepped, or where it or its name is already here.
  void add_group(ParameterGroup group);
  const std::vector<ParameterGroup>& groups() const { return groups_; }

  /// One step at this learning rate (see learning_rate()).
  void step(double lr);
  /// Drops all gradients; the next backward writes them instead of adding.
  void zero_grad();

  /// The buffers themselves, not copies, named `<parameter>.<buffer>`: a copy of them and of the parameters resumes a
  /// run bit for bit.
  NamedTensors state() const;
  /// Copies into the buffers. Raises Error that names what is missing, unknown or of another shape or dtype, before
  /// anything is written.
  void load_state(const NamedTensors& state);

 protected:
  /// State that each parameter has: a tensor like it, or one float32 number.
  struct BufferKind {
    std::string name;
    bool scalar = false;
  };
  /// What one kernel call takes: parameters of one group, device and dtype, their gradients, and for each BufferKind
  /// their buffers.
  struct Bucket {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> gradients;
    std::vector<std::vector<at::Tensor>> buffers;
  };

  Optimizer(std::vector<BufferKind> kinds, double weight_decay);
  virtual void update(const Bucket& bucket, double lr, double weight_decay) const = 0;

 private:
  struct GroupBucket {
    size_t group;
    std::vector<std::string> names;
    Bucket all;  ///< its gradients are empty: they change with each backward
  };

  void check_group(const ParameterGroup& group) const;

  std::vector<BufferKind> kinds_;
  double weight_decay_;
  std::vector<ParameterGroup> groups_;
  std::vector<GroupBucket> buckets_;
};

/// Raises UsageError for options that the optimizer does not allow.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<ParameterGroup> groups);

/// The `lr` of whichever optimizer it is.
double base_lr(const OptimizerOptions& options);

}  // namespace compress::optim
