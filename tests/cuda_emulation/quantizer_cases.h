#pragma once

#include <string>

#include "as_on_cpu.h"

namespace compress {

/// A tensor and the granularity of its scale.
struct QuantizerCase {
  std::vector<int64_t> sizes;
  std::vector<int64_t> scale_sizes;
  at::MemoryFormat memory_format = at::MemoryFormat::Contiguous;

  int64_t elements_per_scale() const;
};

/// Every granularity, and lengths around every border.
const std::vector<QuantizerCase>& quantizer_cases();

/// What else a quantizer has.
enum class ZeroPoint { none, integer, learned };
struct QuantizerVariant {
  const char* name;
  ZeroPoint zero_point;
  bool has_mask;
};
const std::vector<QuantizerVariant>& quantizer_variants();

std::string describe(const QuantizerCase& of, at::ScalarType dtype, const QuantizerVariant& variant);

/// scale, zero_point and mask; undefined where there is none.
Tensors quantizer_operands(const QuantizerCase& of, const QuantizerVariant& variant);

std::optional<at::Tensor> if_defined(const at::Tensor& tensor);

}  // namespace compress
