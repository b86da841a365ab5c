#include "compress/optim/optimizer.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "compress/core/error.h"
#include "compress/optim/adamw.h"
#include "compress/optim/partition.h"
#include "compress/optim/sgd.h"

namespace compress::optim {
namespace {

bool same_memory_order(const at::Tensor& a, const at::Tensor& b) {
  for (int64_t dim = 0; dim < a.dim(); ++dim) {
    if (a.size(dim) != 1 && a.stride(dim) != b.stride(dim)) {
      return false;
    }
  }
  return true;
}

/// The fused kernels walk parameter, gradient and buffers as flat memory, so all need the parameter's strides. Autograd
/// gives the gradient these, except where somebody set it by hand.
at::Tensor flat_like(const at::Tensor& parameter, const at::Tensor& gradient) {
  return same_memory_order(parameter, gradient) ? gradient : at::empty_like(parameter).copy_(gradient);
}

void check_gradient(const std::string& name, const at::Tensor& parameter, const at::Tensor& gradient) {
  check(gradient.layout() == at::kStrided, "optimizer: the gradient of '", name,
        "' is sparse; dense ones are supported");
  check(gradient.scalar_type() == parameter.scalar_type(), "optimizer: the gradient of '", name, "' has dtype ",
        gradient.scalar_type(), ", its parameter ", parameter.scalar_type());
}

void check_parameter(const std::string& name, const at::Tensor& parameter) {
  check(parameter.defined(), "optimizer: parameter '", name, "' is undefined");
  check(at::isFloatingType(parameter.scalar_type()), "optimizer: parameter '", name, "' has dtype ",
        parameter.scalar_type(), "; only floating-point parameters have gradients");
  check(parameter.is_leaf(), "optimizer: '", name, "' is the result of an operator, not a parameter");
  check(parameter.is_non_overlapping_and_dense(), "optimizer: parameter '", name,
        "' has gaps or overlaps in memory (strides ", parameter.strides(), "); make it contiguous first");
}

/// "'a', 'b' and 5 more"
std::string list_of(const std::vector<std::string>& names) {
  constexpr size_t shown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i) {
    text += concat(i == 0 ? "" : ", ", "'", names[i], "'");
  }
  return names.size() > shown ? concat(text, " and ", names.size() - shown, " more") : text;
}

/// What makes `given` differ from `expected`; empty where nothing does.
std::string difference(const NamedTensors& expected, const NamedTensors& given) {
  std::unordered_map<std::string_view, const at::Tensor*> unmatched;
  for (const auto& [name, tensor] : given) {
    if (!unmatched.emplace(name, &tensor).second) {
      return concat("names '", name, "' twice");
    }
  }
  std::vector<std::string> missing, mismatched, unknown;
  for (const auto& [name, tensor] : expected) {
    const auto found = unmatched.find(name);
    if (found == unmatched.end()) {
      missing.push_back(name);
      continue;
    }
    const at::Tensor& other = *found->second;
    if (other.sizes() != tensor.sizes() || other.scalar_type() != tensor.scalar_type()) {
      mismatched.push_back(concat(name, "' (got ", other.scalar_type(), " ", other.sizes(), ", expected ",
                                  tensor.scalar_type(), " ", tensor.sizes(), ")"));
    }
    unmatched.erase(found);
  }
  for (const auto& [name, tensor] : given) {
    if (unmatched.count(name) != 0) {
      unknown.push_back(name);
    }
  }
  if (!mismatched.empty()) {
    return concat("does not fit '", mismatched.front());
  }
  std::string text;
  text += missing.empty() ? "" : "lacks " + list_of(missing);
  text += missing.empty() || unknown.empty() ? "" : "; ";
  text += unknown.empty() ? "" : "holds " + list_of(unknown) + ", which this optimizer has not";
  return text;
}

}  // namespace

Optimizer::Optimizer(std::vector<BufferKind> kinds, double weight_decay)
    : kinds_(std::move(kinds)), weight_decay_(weight_decay) {
  check<UsageError>(weight_decay >= 0, "optimizer.weight_decay must be 0 or more (got ", weight_decay, ")");
}

void Optimizer::check_group(const ParameterGroup& group) const {
  check<UsageError>(group.weight_decay.value_or(0) >= 0, "optimizer: weight_decay of group '", group.name,
                    "' must be 0 or more (got ", group.weight_decay.value_or(0), ")");
  check<UsageError>(group.lr_scale >= 0, "optimizer: lr_scale of group '", group.name, "' must be 0 or more (got ",
                    group.lr_scale, ")");
  std::set<std::string_view> names;
  std::set<const void*> tensors;
  for (const ParameterGroup& known : groups_) {
    for (const auto& [name, parameter] : known.parameters) {
      names.insert(name);
      tensors.insert(parameter.unsafeGetTensorImpl());
    }
  }
  for (const auto& [name, parameter] : group.parameters) {
    check_parameter(name, parameter);
    check(names.insert(name).second, "optimizer: two parameters are named '", name, "'");
    check(tensors.insert(parameter.unsafeGetTensorImpl()).second, "optimizer: parameter '", name,
          "' is already here under another name");
  }
}

void Optimizer::add_group(ParameterGroup group) {
  check_group(group);
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> parameters;
  for (const auto& [name, parameter] : group.parameters) {
    parameters.push_back(parameter);
  }
  for (const auto& part : partition_by_device_and_dtype(parameters)) {
    GroupBucket bucket{groups_.size(), {}, {select(parameters, part), {}, {}}};
    for (const size_t index : part) {
      bucket.names.push_back(group.parameters[index].first);
    }
    for (const BufferKind& kind : kinds_) {
      auto& buffers = bucket.all.buffers.emplace_back();
      for (const at::Tensor& parameter : bucket.all.parameters) {
        buffers.push_back(kind.scalar ? at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false))
                                      : at::zeros_like(parameter));
      }
    }
    buckets_.push_back(std::move(bucket));
  }
  groups_.push_back(std::move(group));
}

void Optimizer::step(double lr) {
  check(lr >= 0, "optimizer: the learning rate must be 0 or more (got ", lr, ")");
  const at::NoGradGuard no_grad;
  for (const GroupBucket& bucket : buckets_) {
    std::vector<size_t> ready;
    std::vector<at::Tensor> gradients;
    for (size_t i = 0; i < bucket.all.parameters.size(); ++i) {
      const at::Tensor& parameter = bucket.all.parameters[i];
      if (const at::Tensor& gradient = parameter.grad(); gradient.defined()) {
        check_gradient(bucket.names[i], parameter, gradient);
        ready.push_back(i);
        gradients.push_back(flat_like(parameter, gradient));
      }
    }
    if (ready.empty()) {
      continue;
    }
    Bucket stepped{select(bucket.all.parameters, ready), std::move(gradients), {}};
    for (const auto& buffers : bucket.all.buffers) {
      stepped.buffers.push_back(select(buffers, ready));
    }
    const ParameterGroup& group = groups_[bucket.group];
    update(stepped, lr * group.lr_scale, group.weight_decay.value_or(weight_decay_));
  }
}

void Optimizer::zero_grad() {
  for (const GroupBucket& bucket : buckets_) {
    for (const at::Tensor& parameter : bucket.all.parameters) {
      parameter.mutable_grad().reset();
    }
  }
}

NamedTensors Optimizer::state() const {
  NamedTensors state;
  for (const GroupBucket& bucket : buckets_) {
    for (size_t i = 0; i < bucket.names.size(); ++i) {
      for (size_t kind = 0; kind < kinds_.size(); ++kind) {
        state.emplace_back(bucket.names[i] + "." + kinds_[kind].name, bucket.all.buffers[kind][i]);
      }
    }
  }
  return state;
}

void Optimizer::load_state(const NamedTensors& state) {
  const NamedTensors own = this->state();
  const std::string wrong = difference(own, state);
  check(wrong.empty(), "optimizer: the saved state ", wrong);
  std::unordered_map<std::string_view, const at::Tensor*> saved;
  for (const auto& [name, tensor] : state) {
    saved.emplace(name, &tensor);
  }
  const at::NoGradGuard no_grad;
  for (const auto& [name, buffer] : own) {
    buffer.copy_(*saved.at(name));
  }
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<ParameterGroup> groups) {
  std::unique_ptr<Optimizer> optimizer;
  if (const auto* sgd = std::get_if<SgdOptions>(&options)) {
    optimizer = std::make_unique<Sgd>(*sgd);
  } else {
    optimizer = std::make_unique<Adamw>(std::get<AdamwOptions>(options));
  }
  for (ParameterGroup& group : groups) {
    optimizer->add_group(std::move(group));
  }
  const auto& made = optimizer->groups();
  check(std::any_of(made.begin(), made.end(), [](const ParameterGroup& group) { return !group.parameters.empty(); }),
        "optimizer: there is no parameter to step");
  return optimizer;
}

double base_lr(const OptimizerOptions& options) {
  return std::visit([](const auto& kind) { return kind.lr; }, options);
}

}  // namespace compress::optim
