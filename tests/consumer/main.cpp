#include <ATen/ops/full.h>
#include <compress/core/error.h>
#include <compress/ops/fake_quantize.h>

#include <cstdio>

int main() {
  const at::Tensor x = at::full({2, 3}, 0.6);
  const at::Tensor scale = at::full({2, 1}, 0.25);
  const at::Tensor y = compress::fake_quantize(x, scale, std::nullopt, -128, 127);
  compress::check(y.eq(0.5).all().item<bool>(), "0.6 on a grid of 0.25 must be 0.5");
  std::puts("consumer: fake_quantize works");
}
