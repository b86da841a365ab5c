#pragma once

#include <array>
#include <string>

#include "compress/core/error.h"
#include "compress/train/options.h"

namespace compress::config {

/// An enumerator as configs write it.
template <typename E>
struct Choice {
  E value;
  const char* name;
  const char* help;
};

/// All names of an enumeration. This is their one place.
template <typename E>
inline constexpr int choices = 0;

template <typename E>
const char* choice_name(E value) {
  for (const Choice<E>& choice : choices<E>) {
    if (choice.value == value) {
      return choice.name;
    }
  }
  fail("enumerator ", static_cast<int>(value), " has no name in config/choices.h");
}

template <>
inline constexpr auto choices<data::DatasetType> = std::to_array<Choice<data::DatasetType>>({
    {data::DatasetType::digits, "digits", "scikit-learn's 1,797 scanned digits, 8x8, split 80/20"},
    {data::DatasetType::mnist, "mnist", "the IDX files of MNIST or Fashion-MNIST, 28x28"},
    {data::DatasetType::cifar10, "cifar10", "the binary version of CIFAR-10, 3x32x32"},
});

template <>
inline constexpr auto choices<optim::Decay> = std::to_array<Choice<optim::Decay>>({
    {optim::Decay::constant, "constant", "stays as it is"},
    {optim::Decay::cosine, "cosine", "falls along half a cosine to `final_fraction`"},
    {optim::Decay::step, "step", "times `factor` after every `every`"},
});

template <>
inline constexpr auto choices<train::Device> = std::to_array<Choice<train::Device>>({
    {train::Device::automatic, "automatic", "a GPU where one is, else the CPU"},
    {train::Device::cpu, "cpu", "the CPU"},
    {train::Device::cuda, "cuda", "an NVIDIA GPU"},
});

template <>
inline constexpr auto choices<train::Precision> = std::to_array<Choice<train::Precision>>({
    {train::Precision::float32, "float32", "all arithmetic in float32"},
    {train::Precision::bfloat16, "bfloat16", "autocast of the forward pass; parameters stay float32"},
});

template <>
inline constexpr auto choices<prune::Pattern> = std::to_array<Choice<prune::Pattern>>({
    {prune::Pattern::unstructured, "unstructured", "single weights"},
});

template <>
inline constexpr auto choices<prune::Criterion> = std::to_array<Choice<prune::Criterion>>({
    {prune::Criterion::magnitude, "magnitude", "the smallest absolute values go"},
});

template <>
inline constexpr auto choices<prune::Scope> = std::to_array<Choice<prune::Scope>>({
    {prune::Scope::layer, "layer", "every layer reaches the sparsity by itself"},
    {prune::Scope::global, "global", "the layers together do; one threshold ranks all weights"},
});

template <>
inline constexpr auto choices<prune::ScheduleType> = std::to_array<Choice<prune::ScheduleType>>({
    {prune::ScheduleType::constant, "constant", "the full sparsity from `start` on"},
    {prune::ScheduleType::cubic, "cubic", "from `initial` to the full sparsity between `start` and `end`, fast first"},
});

template <>
inline constexpr auto choices<quant::Granularity> = std::to_array<Choice<quant::Granularity>>({
    {quant::Granularity::tensor, "tensor", "one scale"},
    {quant::Granularity::channel, "channel", "one scale per output channel of a weight, per channel of an activation"},
    {quant::Granularity::group, "group", "one scale per `group_size` neighbouring inputs of each output of a weight"},
});

template <>
inline constexpr auto choices<quant::ScaleSource> = std::to_array<Choice<quant::ScaleSource>>({
    {quant::ScaleSource::observed, "observed", "from the observer's range"},
    {quant::ScaleSource::learned, "learned", "a parameter, trained with the weights (LSQ)"},
});

template <>
inline constexpr auto choices<quant::ObserverType> = std::to_array<Choice<quant::ObserverType>>({
    {quant::ObserverType::min_max, "min_max", "smallest and largest value (of a weight: as it is now)"},
    {quant::ObserverType::moving_average, "moving_average", "average of each batch's range"},
    {quant::ObserverType::percentile, "percentile", "average of each batch's percentiles; outliers saturate"},
});

template <>
inline constexpr auto choices<distill::FeatureLoss> = std::to_array<Choice<distill::FeatureLoss>>({
    {distill::FeatureLoss::mse, "mse", "mean squared difference"},
    {distill::FeatureLoss::attention, "attention", "where activations are large (Zagoruyko & Komodakis 2017)"},
    {distill::FeatureLoss::relational, "relational", "distances between the samples of a batch (Park et al. 2019)"},
});

/// An alternative of a variant as configs write it: `type: sgd`, or `prune:` in a keyed list.
struct Alternative {
  const char* name;
  const char* help;
};

template <typename T>
inline constexpr int alternative = 0;

template <>
inline constexpr Alternative alternative<models::ConvnetOptions>{
    "convnet", "Three 3x3 convolutions of width / 2, width and width channels, then `head`."};
template <>
inline constexpr Alternative alternative<models::MlpOptions>{"mlp", "Fully connected layers with ReLU, then `head`."};
template <>
inline constexpr Alternative alternative<models::ResnetOptions>{"resnet", "Residual network (He et al. 2016)."};

template <>
inline constexpr Alternative alternative<optim::SgdOptions>{
    "sgd", "Stochastic gradient descent with momentum, as torch.optim.SGD."};
template <>
inline constexpr Alternative alternative<optim::AdamwOptions>{
    "adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019), as torch.optim.AdamW."};

template <>
inline constexpr Alternative alternative<recipe::PruneOptions>{"prune",
                                                               "Weights go to zero during training and stay there."};
template <>
inline constexpr Alternative alternative<recipe::QuantizeOptions>{
    "quantize", "Quantization-aware training: weights and layer inputs on an integer grid."};
template <>
inline constexpr Alternative alternative<recipe::DistillOptions>{"distill",
                                                                 "The network learns from a teacher's outputs too."};

template <>
inline constexpr Alternative alternative<recipe::KlTerm>{
    "kl", "Kullback-Leibler divergence between softened class probabilities (Hinton et al. 2015)."};
template <>
inline constexpr Alternative alternative<recipe::FeatureTerm>{
    "feature", "Outputs of named layers; a projector joins other shapes."};

/// Whether a variant's alternative is the one key of its block (`prune: {...}`) instead of its key `type`.
template <typename Variant>
inline constexpr bool keyed = false;
template <>
inline constexpr bool keyed<recipe::MethodOptions> = true;

}  // namespace compress::config
