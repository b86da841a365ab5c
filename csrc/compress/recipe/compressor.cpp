#include "compress/recipe/compressor.h"

#include "compress/recipe/make_method.h"

namespace compress::recipe {
Compressor::Compressor(const std::vector<MethodOptions>& recipe, const Attachment& attachment) {
  for (const MethodOptions& options : recipe) {
    methods_.push_back(make_method(options));
    methods_.back()->attach(attachment);
  }
}

void Compressor::before_step(int64_t step) {
  for (auto& method : methods_) {
    method->before_step(step);
  }
}

at::Tensor Compressor::loss(const at::Tensor& task_loss, const LossInput& input) {
  double task_weight = 1.0;
  for (const auto& method : methods_) {
    task_weight *= method->task_weight();
  }
  at::Tensor total = task_weight == 1.0 ? task_loss : task_loss * task_weight;
  for (auto& method : methods_) {
    const at::Tensor term = method->loss(input);
    if (term.defined()) {
      total = total + term;
    }
  }
  return total;
}

void Compressor::after_step(int64_t step) {
  for (auto& method : methods_) {
    method->after_step(step);
  }
}

void Compressor::resume(int64_t steps) {
  for (auto& method : methods_) {
    method->resume(steps);
  }
}

std::vector<optim::ParameterGroup> Compressor::parameter_groups() {
  std::vector<optim::ParameterGroup> groups;
  for (auto& method : methods_) {
    for (optim::ParameterGroup& group : method->parameter_groups()) {
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

NamedTensors Compressor::tensors() {
  NamedTensors result;
  for (auto& method : methods_) {
    for (auto& [name, tensor] : method->tensors()) {
      result.emplace_back(std::string(method->name()) + "." + name, tensor);
    }
  }
  return result;
}

std::vector<PlanRow> Compressor::plan() const {
  std::vector<PlanRow> rows;
  for (const auto& method : methods_) {
    const std::vector<PlanRow> own = method->plan();
    rows.insert(rows.end(), own.begin(), own.end());
  }
  return rows;
}

Metrics Compressor::metrics() const {
  Metrics result;
  for (const auto& method : methods_) {
    const Metrics own = method->metrics();
    result.insert(result.end(), own.begin(), own.end());
  }
  return result;
}

}  // namespace compress::recipe
