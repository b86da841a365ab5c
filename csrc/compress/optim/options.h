#pragma once

#include <cstdint>
#include <variant>

#include "compress/core/duration.h"
#include "compress/core/names.h"

namespace compress::optim {

/// Stochastic gradient descent, torch.optim.SGD's arithmetic.
struct SgdOptions {
  double lr = 0.1;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;
};

/// AdamW (Loshchilov & Hutter 2019), torch.optim.AdamW's arithmetic.
struct AdamwOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

using OptimizerOptions = std::variant<SgdOptions, AdamwOptions>;

/// How the learning rate moves after the warm-up: not at all; along half a cosine down to `final_fraction` of it
/// (Loshchilov & Hutter 2017); or times `factor` after every `every`.
enum class Decay { constant, cosine, step };

struct LearningRateOptions {
  Decay decay = Decay::cosine;
  Duration warmup = Duration::steps(0);    ///< linear from 1 / (warm-up steps) of the optimizer's lr
  double final_fraction = 0.0;             ///< cosine only, [0, 1]
  Duration every = Duration::percent(30);  ///< step only
  double factor = 0.1;                     ///< step only, (0, 1]
};

}  // namespace compress::optim

namespace compress {

template <>
inline constexpr auto enum_names<optim::Decay> = std::to_array<EnumName<optim::Decay>>({
    {optim::Decay::constant, "constant", "stays as it is"},
    {optim::Decay::cosine, "cosine", "falls along half a cosine to `final_fraction`"},
    {optim::Decay::step, "step", "times `factor` after every `every`"},
});

template <>
inline constexpr TypeName type_name<optim::SgdOptions>{
    "sgd", "Stochastic gradient descent with momentum, as torch.optim.SGD."};

template <>
inline constexpr TypeName type_name<optim::AdamwOptions>{
    "adamw", "Adam with decoupled weight decay (Loshchilov & Hutter 2019), as torch.optim.AdamW."};

}  // namespace compress
