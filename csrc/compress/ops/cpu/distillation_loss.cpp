#include "compress/ops/distillation_loss.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "compress/ops/checks.h"
#include "compress/ops/cpu/isa/distillation_loss.h"
#include "compress/ops/cpu/parallel.h"
#include "compress/ops/float_format.h"
#include "compress/ops/logit_rows.h"
#include "compress/ops/optional_tensor.h"

namespace compress::cpu {
namespace {

/// The operands of one call, handed out row by row.
class Rows {
 public:
  Rows(const at::Tensor& student, const at::Tensor& teacher, double temperature, const OptionalTensor& target,
       double alpha)
      : count(student.numel() / student.size(-1)),
        classes(student.size(-1)),
        student_(student),
        teacher_(teacher),
        target_(alpha < 1 ? contiguous_or_undefined(target) : at::Tensor()),
        ids_(const_data_or_null<int64_t>(target_)),
        element_size_(student.element_size()),
        format_(float_format(student.scalar_type())),
        inverse_temperature_(1 / temperature),
        divergence_(alpha > 0),
        cross_entropy_(alpha < 1) {}

  DistillationRow operator[](int64_t row) const {
    return {static_cast<const char*>(student_.data()) + student_.offsets()(row) * element_size_,
            static_cast<const char*>(teacher_.data()) + teacher_.offsets()(row) * element_size_,
            classes,
            format_,
            inverse_temperature_,
            divergence_,
            cross_entropy_,
            counts(row) ? ids_[row] : no_target};
  }

  /// How many rows the cross entropy counts. Raises for an id that is no class.
  int64_t counted() const {
    int64_t result = 0;
    for (int64_t row = 0; ids_ != nullptr && row < count; ++row) {
      if (counts(row)) {
        TORCH_CHECK(ids_[row] >= 0 && ids_[row] < classes, "distillation_loss: target must lie in [0, ", classes,
                    ") or be ", math::ignored_target, " (got ", ids_[row], " in row ", row, ")");
        ++result;
      }
    }
    return result;
  }

  template <typename Body>
  void parallel_for_each(const Body& body) const {
    // Elements a thread takes at least: below this, waking a thread costs more than it saves.
    constexpr int64_t grain_elements = 16384;
    at::parallel_for(0, count, std::max<int64_t>(1, grain_elements / classes), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        body(row, (*this)[row]);
      }
    });
  }

  const int64_t count;
  const int64_t classes;

 private:
  bool counts(int64_t row) const { return ids_ != nullptr && ids_[row] != math::ignored_target; }

  LogitRows student_;
  LogitRows teacher_;
  at::Tensor target_;
  const int64_t* ids_;  // null where the cross entropy has no weight
  int64_t element_size_;
  math::FloatFormat format_;
  double inverse_temperature_;
  bool divergence_;
  bool cross_entropy_;
};

double target_logit(const DistillationRow& row) {
  return with_scalar_of(row.format, [&](auto scalar) -> double {
    return to_real(static_cast<const decltype(scalar)*>(row.student)[row.target]);
  });
}

struct RowLoss {
  double divergence;
  double cross_entropy;
};

RowLoss loss_of(const DistillationRow& row, const math::DistillationSums<double>& sums) {
  return {row.divergence ? math::divergence_of(sums) : 0,
          row.target == no_target ? 0 : math::cross_entropy_of(sums, target_logit(row))};
}

// In the rows' order, whichever thread computed them.
RowLoss sum_of(const std::vector<RowLoss>& losses) {
  RowLoss sum{0, 0};
  for (const RowLoss& loss : losses) {
    sum.divergence += loss.divergence;
    sum.cross_entropy += loss.cross_entropy;
  }
  return sum;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> distillation_loss_forward(const at::Tensor& student,
                                                                         const at::Tensor& teacher, double temperature,
                                                                         const OptionalTensor& target, double alpha) {
  checks::distillation_loss(student, teacher, temperature, target, alpha);
  const Rows rows(student, teacher, temperature, target, alpha);
  const int64_t counted = rows.counted();
  auto outputs = empty_distillation_outputs(student);
  const at::Tensor& loss = std::get<0>(outputs);
  const at::Tensor& row_statistics = std::get<1>(outputs);
  std::vector<RowLoss> losses(rows.count);
  const auto row_sums = COMPRESS_SELECT_KERNEL(distillation_row_sums);
  AT_DISPATCH_FLOATING_TYPES(loss.scalar_type(), "distillation_loss", [&] {
    scalar_t* statistics = row_statistics.mutable_data_ptr<scalar_t>();
    rows.parallel_for_each([&](int64_t r, const DistillationRow& row) {
      auto sums = math::empty_sums<double>(std::numeric_limits<scalar_t>::lowest());
      row_sums(row, sums);
      math::write_statistics(sums, statistics + r * math::row_statistics);
      losses[r] = loss_of(row, sums);
    });
    const RowLoss sum = sum_of(losses);
    *loss.mutable_data_ptr<scalar_t>() =
        static_cast<scalar_t>(math::combined_loss(sum.divergence, static_cast<double>(rows.count), sum.cross_entropy,
                                                  static_cast<double>(counted), temperature, alpha));
  });
  *std::get<2>(outputs).mutable_data_ptr<int64_t>() = counted;
  return outputs;
}

at::Tensor distillation_loss_backward(const at::Tensor& grad, const at::Tensor& student, const at::Tensor& teacher,
                                      double temperature, const OptionalTensor& target, double alpha,
                                      const at::Tensor& row_statistics, const at::Tensor& counted_rows) {
  checks::distillation_loss_backward(grad, student, teacher, temperature, target, alpha, row_statistics, counted_rows);
  const Rows rows(student, teacher, temperature, target, alpha);
  const at::Tensor grad_student = at::empty(student.sizes(), student.options());
  const at::Tensor contiguous_statistics = row_statistics.contiguous();
  rows.counted();  // a wrong id would write outside its row
  char* const result = static_cast<char*>(grad_student.mutable_data_ptr());
  const int64_t row_bytes = rows.classes * student.element_size();
  const auto row_gradient = COMPRESS_SELECT_KERNEL(distillation_row_gradient);
  AT_DISPATCH_FLOATING_TYPES(grad.scalar_type(), "distillation_loss_backward", [&] {
    const scalar_t* statistics = contiguous_statistics.const_data_ptr<scalar_t>();
    const math::GradientWeights weights =
        math::gradient_weights(*grad.const_data_ptr<scalar_t>(), static_cast<double>(rows.count),
                               static_cast<double>(*counted_rows.const_data_ptr<int64_t>()), temperature, alpha);
    rows.parallel_for_each([&](int64_t r, const DistillationRow& row) {
      const auto factors = math::gradient_factors<double>(statistics + r * math::row_statistics, weights.divergence,
                                                          row.target == no_target ? 0.0 : weights.cross_entropy,
                                                          row.inverse_temperature);
      row_gradient(row, factors, result + r * row_bytes);
    });
  });
  return grad_student;
}

TORCH_LIBRARY_IMPL(compress, CPU, m) {
  m.impl("distillation_loss_forward", TORCH_FN(distillation_loss_forward));
  m.impl("distillation_loss_backward", TORCH_FN(distillation_loss_backward));
}

}  // namespace
}  // namespace compress::cpu
