#include "compress/train/evaluate.h"

#include "compress/data/evaluation.h"
#include "compress/train/autocast.h"

namespace compress::train {
namespace {

constexpr int64_t evaluation_batch = 256;

/// Evaluation mode for the lifetime of the guard.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module) : module_(module), was_training_(module.is_training()) {
    module_.eval();
  }
  ~EvaluationMode() { module_.train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  torch::nn::Module& module_;
  bool was_training_;
};

}  // namespace

Evaluation evaluate(models::Network& network, const data::Dataset& dataset, const at::Device& device,
                    Precision precision) {
  const at::NoGradGuard no_grad;
  const EvaluationMode mode(network);
  at::Tensor correct = at::zeros({}, at::TensorOptions(at::kLong).device(device));
  at::Tensor loss = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
  data::for_each_batch(dataset, evaluation_batch, [&](const at::Tensor& input, const at::Tensor& target) {
    const at::Tensor expected = target.to(device);
    at::Tensor logits;
    {
      const AutocastGuard autocast(precision, device.type());
      logits = network.forward(input.to(device)).to(at::kFloat);
    }
    correct += logits.argmax(1).eq(expected).sum();
    loss += at::cross_entropy_loss(logits, expected, {}, at::Reduction::Sum).to(at::kDouble);
  });
  const auto count = static_cast<double>(dataset.size());
  return {static_cast<double>(correct.item<int64_t>()) / count, loss.item<double>() / count};
}

}  // namespace compress::train
