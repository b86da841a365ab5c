#pragma once

#include <torch/nn.h>

#include <memory>
#include <utility>

namespace compress::distill {

struct ProjectorOptions {
  bool bias = true;
};

/// A learned linear map from the student's channels to the teacher's (Romero et al. 2015, FitNets): trained with the
/// student, thrown away with the teacher. Features are
///   [N, C]        one Linear
///   [N, T, C]     the same Linear for each token
///   [N, C, H, W]  a 1x1 Conv2d
class Projector : public torch::nn::Module {
 public:
  /// `dims` is the rank of the features: 2, 3 or 4.
  Projector(int64_t student_channels, int64_t teacher_channels, int64_t dims, const ProjectorOptions& options = {});

  at::Tensor forward(const at::Tensor& student);

 private:
  torch::nn::Linear linear_{nullptr};
  torch::nn::Conv2d conv_{nullptr};
};

/// A projector for features of these shapes (sizes with the batch), or null where the channel counts meet.
/// Raises UsageError where ranks differ, are not 2 to 4, or token counts differ.
std::shared_ptr<Projector> make_projector(at::IntArrayRef student_sizes, at::IntArrayRef teacher_sizes,
                                          const ProjectorOptions& options = {});

/// Student and teacher features of one shape: [N, C, H, W] of differing height or width are averaged down to the
/// smaller of each (adaptive average pooling), then the student goes through the projector, where there is one.
/// Raises UsageError naming both shapes where they still differ in more than `projector` mends.
std::pair<at::Tensor, at::Tensor> align(const at::Tensor& student, const at::Tensor& teacher,
                                        const std::shared_ptr<Projector>& projector = nullptr);

}  // namespace compress::distill
