#include "compress/ops/cuda/fake_quantize.h"
#include "compress/ops/cuda/quantize_tensor.h"

namespace compress::cuda {

void launch_fake_quantize(const FakeQuantizeCall& call, cudaStream_t stream) {
  launch_quantize<false>(call, nullptr, stream);
}

}  // namespace compress::cuda
