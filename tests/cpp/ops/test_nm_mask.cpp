#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "compress/ops/nm_mask.h"
#include "compress/ops/pack_mask.h"
#include "ops/each_isa.h"

namespace compress {
namespace {

/// Element by element: kept where fewer than n of its group go before it.
at::Tensor by_definition(const at::Tensor& score, int64_t n, int64_t m) {
  const int64_t dim = score.dim() > 1 ? 1 : 0;
  at::Tensor key = score.to(at::kDouble).abs();
  key = key.masked_fill(key.isnan(), std::numeric_limits<double>::infinity());
  const at::Tensor is_nan = score.isnan().movedim(dim, -1).unflatten(-1, {-1, m});
  const at::Tensor groups = key.movedim(dim, -1).unflatten(-1, {-1, m});
  at::Tensor rank = at::zeros(groups.sizes(), at::kLong);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < m; ++j) {
      const at::Tensor own = groups.select(-1, i), other = groups.select(-1, j);
      const at::Tensor own_nan = is_nan.select(-1, i), other_nan = is_nan.select(-1, j);
      const at::Tensor larger = (other > own).logical_or(other_nan.logical_and(own_nan.logical_not()));
      const at::Tensor equal = (other == own).logical_and(other_nan == own_nan);
      rank.select(-1, i) += j < i ? larger.logical_or(equal) : larger;
    }
  }
  return (rank < n).flatten(-2).movedim(-1, dim).contiguous();
}

TEST(NmMask, EqualsTheDefinitionInEveryDtypeAndShapeOnEveryInstructionSet) {
  for_each_isa([] {
    for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (const auto& [n, m] : std::vector<std::pair<int64_t, int64_t>>{
               {2, 4}, {1, 4}, {3, 4}, {1, 2}, {4, 8}, {3, 5}, {8, 16}, {1, 16}, {1, 1}, {4, 4}, {2, 3}, {13, 15}}) {
        for (const std::vector<int64_t>& sizes : std::vector<std::vector<int64_t>>{
                 {7 * m}, {5, m}, {3, 13 * m}, {6, 70 * m}, {4, 2 * m, 3, 3}, {3, 3 * m, 1, 1}, {2, m, 65}}) {
          at::manual_seed(m);
          // Rounded to eighths: ties in most groups.
          const at::Tensor score = ((at::randn(sizes) * 8).round() / 8).to(dtype);
          EXPECT_TRUE(at::equal(nm_mask(score, n, m), pack_mask(by_definition(score, n, m))))
              << n << ":" << m << " " << score.sizes() << dtype;
        }
      }
    }
  });
}

TEST(NmMask, KeepsTheFirstOfEqualsAndNanBeforeInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for_each_isa([&] {
    EXPECT_EQ(nm_mask(at::tensor({1.0f, -1.0f, 1.0f, 1.0f, 0.0f, -0.0f, 0.0f, 0.0f}), 2, 4).item<uint8_t>(),
              0b00110011);
    EXPECT_EQ(nm_mask(at::tensor({1.0f, -infinity, infinity, nan, -nan, nan, nan, infinity}), 2, 4).item<uint8_t>(),
              0b00111010);
  });
  // NaN of any payload is one value.
  const at::Tensor payloads = at::tensor({0x7f800001, 0x7fffffff, 0x7fc00000, 0x7f800000}, at::kInt).view(at::kFloat);
  EXPECT_EQ(nm_mask(payloads, 2, 4).item<uint8_t>(), 0b0011);
}

TEST(NmMask, AnyNumberOfThreadsGivesTheSameMask) {
  const int threads = at::get_num_threads();
  for (const std::vector<int64_t>& sizes : std::vector<std::vector<int64_t>>{{100000}, {300, 1004}, {64, 64, 3, 3}}) {
    const at::Tensor score = at::randn(sizes);
    at::set_num_threads(1);
    const at::Tensor one = nm_mask(score, 2, 4);
    at::set_num_threads(3);
    EXPECT_TRUE(at::equal(nm_mask(score, 2, 4), one));
    EXPECT_TRUE(at::equal(one, pack_mask(by_definition(score, 2, 4))));
  }
  at::set_num_threads(threads);
}

TEST(NmMask, StridesAndEmpties) {
  const at::Tensor score = at::randn({8, 8, 3, 3});
  const at::Tensor wanted = nm_mask(score, 2, 4);
  EXPECT_TRUE(at::equal(nm_mask(score.contiguous(at::MemoryFormat::ChannelsLast), 2, 4), wanted));
  const at::Tensor turned = score.transpose(0, 1);
  EXPECT_TRUE(at::equal(nm_mask(turned, 2, 4), nm_mask(turned.contiguous(), 2, 4)));
  EXPECT_EQ(nm_mask(at::empty({0, 8}), 2, 4).sizes(), at::IntArrayRef({0, 1}));
  EXPECT_EQ(nm_mask(at::empty({3, 0}), 2, 4).sizes(), at::IntArrayRef({3, 0}));
  EXPECT_EQ(nm_mask(at::empty({3, 4, 0}), 2, 4).sizes(), at::IntArrayRef({3, 0}));
}

TEST(NmMask, WrongArgumentsSayWhatIsWrong) {
  const at::Tensor score = at::ones({3, 8});
  EXPECT_THROW(nm_mask(score.to(at::kInt), 2, 4), c10::Error);
  EXPECT_THROW(nm_mask(score, 0, 4), c10::Error);
  EXPECT_THROW(nm_mask(score, 5, 4), c10::Error);
  EXPECT_THROW(nm_mask(score, 2, 17), c10::Error);
  EXPECT_THROW(nm_mask(score, 2, 3), c10::Error);
  EXPECT_THROW(nm_mask(at::ones({}), 1, 1), c10::Error);
}

}  // namespace
}  // namespace compress
