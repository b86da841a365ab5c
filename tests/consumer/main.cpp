// What a project of its own does with the library: a network of its own, one step of quantization-aware training with
// half of the weights pruned.
#include <compress/core/error.h>
#include <compress/nn/linear.h>
#include <compress/ops/unpack_mask.h>
#include <compress/optim/optimizer.h>
#include <compress/recipe/compressor.h>
#include <compress/recipe/network_layers.h>

#include <cstdio>

namespace {

struct Network : torch::nn::Module {
  Network() {
    first = register_module("first", compress::nn::Linear(8, 16));
    second = register_module("second", compress::nn::Linear(16, 4));
  }
  at::Tensor forward(const at::Tensor& x) { return second->forward(first->forward(x).relu()); }

  compress::nn::Linear first{nullptr}, second{nullptr};
};

}  // namespace

int main() {
  torch::manual_seed(0);
  const auto network = std::make_shared<Network>();

  compress::recipe::PruneOptions prune;
  prune.sparsity = 0.5;
  prune.schedule.type = compress::prune::ScheduleType::constant;
  compress::recipe::QuantizeOptions quantize;
  const compress::RunLength run{10, 10};
  const auto forward = [&](const at::Tensor& x) { return network->forward(x); };
  compress::recipe::Compressor compressor({prune, quantize},
                                          compress::recipe::make_attachment(*network, forward, at::zeros({2, 8}), run));
  const auto optimizer = compress::optim::make_optimizer(compress::optim::SgdOptions{0.1},
                                                         compress::recipe::network_parameter_groups(*network));

  const at::Tensor input = at::randn({32, 8}), target = at::randint(4, {32});
  const auto loss_of = [&] {
    const at::Tensor logits = network->forward(input);
    return compressor.loss(at::cross_entropy_loss(logits, target), {input, logits, target});
  };
  compressor.before_step(0);
  const at::Tensor before = loss_of();
  before.backward();
  optimizer->step(0.1);
  compressor.after_step(0);

  const at::Tensor weight = network->first->weight.detach();
  const at::Tensor pruned = ~compress::unpack_mask(network->first->weight_mask, weight.sizes());
  compress::check(pruned.any().item<bool>() && weight.masked_select(pruned).eq(0).all().item<bool>(),
                  "pruned weights must be zero after the step");
  compress::check(loss_of().item<double>() < before.item<double>(), "the step must lower the loss");
  std::puts("consumer: one compressed training step works");
}
