#pragma once

#include <ATen/core/Tensor.h>

#include "compress/core/names.h"

namespace compress::distill {

/// How the features of a student layer are compared with those of a teacher layer.
///   mse         mean of squared differences over all elements, as torch's mse_loss; Romero et al. 2015 (FitNets) train
///               it through a projector. Any shape, the same for both.
///   attention   attention transfer, Zagoruyko & Komodakis 2017, eq. 2 with p = 2: mean squared difference of the maps
///               mean_c x^2, each sample's map scaled to length 1. [N, C, H, W]; all but N may differ: the larger map
///               is averaged down to the smaller height and width.
///   relational  RKD-D, Park et al. 2019, eq. 4 to 6: Huber loss (delta 1) between the distances of all pairs of
///               samples, each divided by its batch's mean distance; mean over pairs. [N, ...]; all but N may differ.
///               Zero for a batch of one.
enum class FeatureLoss { mse, attention, relational };

/// Whether it compares element by element, so that differing channel counts need a projector.
bool needs_equal_channels(FeatureLoss kind);

/// A scalar of the student's dtype; float32 for float16 and bfloat16, which it is computed in. The teacher's features
/// are constants: the gradient goes to the student only. Raises UsageError, naming both shapes, where they do not fit.
at::Tensor feature_loss(const at::Tensor& student, const at::Tensor& teacher, FeatureLoss kind);

}  // namespace compress::distill

namespace compress {

template <>
inline constexpr auto enum_names<distill::FeatureLoss> = std::to_array<EnumName<distill::FeatureLoss>>({
    {distill::FeatureLoss::mse, "mse", "mean squared difference"},
    {distill::FeatureLoss::attention, "attention", "where activations are large (Zagoruyko & Komodakis 2017)"},
    {distill::FeatureLoss::relational, "relational", "distances between the samples of a batch (Park et al. 2019)"},
});

}  // namespace compress
