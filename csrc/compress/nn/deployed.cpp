#include "compress/nn/deployed.h"

#include "compress/core/error.h"

namespace compress::nn {

void copy_deployed_(std::string_view name, at::Tensor& parameter, const at::Tensor& value) {
  check(value.defined(), "the file holds no ", name, " for this layer");
  check(parameter.defined(), "the file holds a ", name, ", the layer has none");
  check(parameter.sizes() == value.sizes(), "the ", name, " in the file has shape ", value.sizes(),
        ", the layer's has ", parameter.sizes());
  const at::NoGradGuard no_grad;
  parameter.copy_(value);
}

}  // namespace compress::nn
